//! Which handler a request is for.

use axum::body::Body;
use axum::http::{Method, Request, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Extension, Router};
use hyper::body::Incoming;
use tower_service::Service;

use super::handlers;
use super::knative::{self, Dedicated};
use super::plain;
use crate::config::Http;
use crate::engine::Engine;
use crate::process::connection::Caller;

/// All that a worker answers.
pub(super) struct Routes {
    engine: &'static Engine,
    /// A Knative process that has its code from the environment.
    dedicated: Option<&'static Dedicated>,
    /// Everything but runs.
    router: Router,
}

impl Routes {
    pub(super) fn new(engine: &'static Engine) -> Self {
        let mut dedicated = None;
        let router = match engine.worker().config.http {
            Http::Openwhisk => openwhisk(post(handlers::init)),
            Http::Knative => {
                let found = knative::dedicated();
                dedicated = Some(found).filter(|found| found.has_code());
                let entry = post(knative::enter).fallback(handlers::wrong_method);
                let init = match dedicated {
                    Some(_) => post(knative::refuse),
                    None => post(handlers::init),
                };
                openwhisk(init).route("/", entry.layer(Extension(found)))
            }
            Http::Plain => Router::new()
                .route("/", get(plain::visit).fallback(plain::wrong_method))
                .fallback(plain::nowhere),
        };
        Self {
            engine,
            dedicated,
            router: router.with_state(engine),
        }
    }

    /// Answers one request. A run goes straight to its handler: on the way through the router
    /// it would cost a tenth more.
    pub(super) async fn answer(
        &self,
        mut request: Request<Incoming>,
        caller: Caller,
    ) -> Response<Body> {
        let engine = self.engine;
        let is_plain = engine.worker().config.http == Http::Plain;
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/run") if !is_plain => match self.dedicated {
                None => handlers::run(engine, caller, request).await,
                Some(dedicated) => knative::run(engine, dedicated, caller, request).await,
            },
            (&Method::POST, "/") if is_plain => plain::enter(engine, caller, request).await,
            _ => {
                request.extensions_mut().insert(caller);
                let Ok(response) = self.router.clone().call(request).await;
                response
            }
        }
    }
}

fn openwhisk(init: MethodRouter<&'static Engine>) -> Router<&'static Engine> {
    Router::new()
        .route("/init", init.fallback(handlers::wrong_method))
        .route("/run", any(handlers::wrong_method))
        .fallback(handlers::nowhere)
}
