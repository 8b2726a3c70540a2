//! Which handler a request is for.

use axum::body::Body;
use axum::http::{Method, Request, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use hyper::body::Incoming;
use tower_service::Service;

use super::handlers::{self, Caller};
use super::{knative, plain};
use crate::config::Http;
use crate::engine::Engine;
use crate::process::slots::Slot;

/// All that a worker answers.
pub(super) struct Routes {
    engine: &'static Engine,
    /// Everything but runs.
    router: Router,
}

impl Routes {
    pub(super) fn new(engine: &'static Engine) -> Self {
        let router = match engine.worker().config.http {
            Http::Openwhisk => openwhisk().fallback(handlers::nowhere),
            Http::Knative => {
                let dedicated = Extension(knative::dedicated());
                let entry = post(knative::enter).fallback(handlers::wrong_method);
                openwhisk()
                    .route("/", entry.layer(dedicated))
                    .fallback(handlers::nowhere)
            }
            Http::Plain => Router::new()
                .route("/", get(plain::visit).fallback(plain::wrong_method))
                .fallback(plain::nowhere),
        };
        Self {
            engine,
            router: router.with_state(engine),
        }
    }

    /// Answers one request, for the caller of `slot`. A run goes straight to its handler: on the way through the router
    /// it would cost a tenth more.
    pub(super) async fn answer(
        &self,
        mut request: Request<Incoming>,
        slot: &'static Slot,
    ) -> Response<Body> {
        let is_plain = self.engine.worker().config.http == Http::Plain;
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/run") if !is_plain => handlers::run(self.engine, slot, request).await,
            (&Method::POST, "/") if is_plain => plain::enter(self.engine, slot, request).await,
            _ => {
                request.extensions_mut().insert(Caller(slot));
                let Ok(response) = self.router.clone().call(request).await;
                response
            }
        }
    }
}

fn openwhisk() -> Router<&'static Engine> {
    Router::new()
        .route(
            "/init",
            post(handlers::init).fallback(handlers::wrong_method),
        )
        .route("/run", any(handlers::wrong_method))
}
