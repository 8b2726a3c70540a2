//! Is the program alive, and does it want requests?

use std::sync::atomic::Ordering::*;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;

use super::{JSON, text};
use crate::config::Http;
use crate::process::Attendant;
use crate::process::slots::{Phase, Seat};

/// Whoever answers is alive; and if the master were not, this process would not be either.
pub(super) async fn alive() -> Response<Body> {
    text(200, JSON, Body::from(r#"{"ok":true}"#))
}

/// 200 while requests are wanted: workers have been ready, no library keeps them from serving, no action says that it is
/// not ready, no stop is under way.
pub(super) async fn ready(State(attendant): State<Attendant>) -> Response<Body> {
    let state = Readiness::of(attendant);
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
    fn of(attendant: Attendant) -> Self {
        let tree = attendant.tree;
        let seats = || attendant.pairs.iter().flat_map(|pair| &pair.seats);
        let said = |wanted: Phase| {
            let seat = seats().find(|seat| seat.phase() == wanted);
            seat.map(Seat::sentence)
                .filter(|sentence| !sentence.is_empty())
        };
        // A worker that is being replaced is no reason to be left alone: its callers wait a millisecond.
        let serves = seats().any(|seat| seat.phase() == Phase::Ready);
        let refusal = said(Phase::Refused).filter(|_| !serves);
        let excuse = seats()
            .filter(|seat| seat.phase() == Phase::Ready)
            .find_map(Seat::excuse);
        let has_library = attendant.config.library.is_some() || tree.generation.load(Acquire) > 1;
        let initialized = tree.delivered.load(Acquire) != 0 || has_library;
        Self {
            is_empty: !initialized && attendant.config.http == Http::Plain,
            announced: tree.announced.load(Acquire) != 0,
            draining: tree.draining.load(Acquire) != 0,
            generation: tree.generation.load(Acquire),
            initialized,
            library: said(Phase::Ready),
            reason: refusal.or(excuse),
        }
    }

    fn is_ready(&self) -> bool {
        self.announced && !self.draining && !self.is_empty && self.reason.is_none()
    }
}
