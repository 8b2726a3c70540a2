//! Is the program alive, and does it want requests?

use std::sync::atomic::Ordering::*;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;

use super::{JSON, text};
use crate::config::Http;
use crate::process::SideProcess;
use crate::process::shared::{Phase, Place, Stop};

/// Whoever answers is alive; and if the master were not, this process would not be either.
pub(super) async fn alive() -> Response<Body> {
    text(200, JSON, Body::from(r#"{"ok":true}"#))
}

/// 200 while requests are wanted: workers have been ready, no library keeps them from serving, no action says that it is
/// not ready, no stop is under way.
pub(super) async fn ready(State(side): State<SideProcess>) -> Response<Body> {
    let state = Readiness::of(side);
    let status = if state.is_ready() { 200 } else { 503 };
    let body = serde_json::json!({
        "ready": state.is_ready(),
        "generation": state.generation,
        "library": state.library,
        "initialized": state.initialized,
        "draining": state.draining,
        "reason": state.reason,
    });
    text(status, JSON, Body::from(body.to_string()))
}

struct Readiness {
    /// Can nothing make a request succeed, since nobody may send an action?
    is_empty: bool,
    announced: bool,
    draining: bool,
    generation: u32,
    /// Is there an action, by `/init` or from the start?
    initialized: bool,
    /// What serves.
    library: Option<String>,
    /// Why no worker can serve, or an action does not want to.
    reason: Option<String>,
}

impl Readiness {
    fn of(side: SideProcess) -> Self {
        let shared = side.shared;
        let living = || {
            let places = shared.places();
            places.filter(|place| place.phase() != Phase::Nobody && place.stop() == Stop::No)
        };
        let said = |wanted: Phase| {
            let place = living().find(|place| place.phase() == wanted);
            place
                .map(|place| place.sentence())
                .filter(|sentence| !sentence.is_empty())
        };
        // One that is being replaced, or busy with an `/init`, is no reason to send nobody: its callers wait a moment.
        let serves = |place: &Place| matches!(place.phase(), Phase::Ready | Phase::Worn);
        let refusal = said(Phase::Refused).filter(|_| !living().any(|place| serves(&place)));
        let reason = living()
            .filter(serves)
            .find_map(|place| place.not_ready_reason());
        let has_library = side.config.library.is_some() || shared.generation.load(Acquire) > 1;
        let initialized = shared.delivered.load(Acquire) != 0 || has_library;
        Self {
            is_empty: !initialized && side.config.http == Http::Plain,
            announced: shared.announced.load(Acquire) != 0,
            draining: shared.ending.load(Acquire) != 0,
            generation: shared.generation.load(Acquire),
            initialized,
            library: said(Phase::Ready),
            reason: refusal.or(reason),
        }
    }

    fn is_ready(&self) -> bool {
        self.announced && !self.draining && !self.is_empty && self.reason.is_none()
    }
}
