//! The routes: each takes a whole body, hands it to the engine, and turns the answer into a response.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use axum::routing::{MethodFilter, on, post};
use axum::{Extension, Router};

use super::wire::Caller;
use super::{body, knative, plain};
use crate::config::Http;
use crate::engine::{Engine, Entry, Trace};
use crate::protocol::answer::Answer;
use crate::protocol::web::WebAnswer;

/// All routes of a worker.
pub(super) fn router(engine: &'static Engine) -> Router {
    let openwhisk = Router::new()
        .route("/init", post(init).fallback(wrong_method))
        .route("/run", post(run).fallback(wrong_method));
    match engine.worker().config.http {
        Http::Openwhisk => openwhisk.fallback(nowhere).with_state(engine),
        Http::Knative => {
            let dedicated = Extension(knative::dedicated());
            let entry = post(knative::enter).fallback(wrong_method);
            openwhisk
                .route("/", entry.layer(dedicated))
                .fallback(nowhere)
                .with_state(engine)
        }
        Http::Plain => {
            let methods = MethodFilter::GET.or(MethodFilter::POST);
            Router::new()
                .route("/", on(methods, plain::enter).fallback(plain::wrong_method))
                .fallback(plain::nowhere)
                .with_state(engine)
        }
    }
}

async fn init(
    State(engine): State<&'static Engine>,
    Extension(Caller(slot)): Extension<Caller>,
    request: Request<Body>,
) -> Response<Body> {
    match body::read(request, slot, engine).await.1 {
        Ok(body) => respond(engine.init(slot, &body)),
        Err(answer) => respond(engine.unread(answer, Entry::Init)),
    }
}

async fn run(
    State(engine): State<&'static Engine>,
    Extension(Caller(slot)): Extension<Caller>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = body::read(request, slot, engine).await;
    let body = match body {
        Ok(body) => body,
        Err(answer) => return respond(engine.unread(answer, Entry::Run)),
    };
    respond(
        perform(engine, move || {
            engine.run(slot, &body, trace(&head.headers))
        })
        .await,
    )
}

/// Where runs are run: on this thread, without leaving it, so that a run costs what the action costs; or, with
/// concurrency, on threads of their own.
pub(super) async fn perform(
    engine: &Engine,
    run: impl FnOnce() -> Answer + Send + 'static,
) -> Answer {
    if engine.worker().config.concurrency == 1 {
        return run();
    }
    let run = tokio::task::spawn_blocking(run);
    run.await.unwrap_or_else(|_| Answer::shutting_down())
}

async fn wrong_method(request: Request<Body>) -> Response<Body> {
    body::discard(request).await;
    allowing("POST", Answer::method_not_allowed())
}

async fn nowhere(request: Request<Body>) -> Response<Body> {
    body::discard(request).await;
    respond(Answer::not_found())
}

/// An answer to a wrong method, with the right ones.
pub(super) fn allowing(methods: &'static str, answer: Answer) -> Response<Body> {
    let mut response = respond(answer);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(methods));
    response
}

pub(super) fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status(answer.status);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer whose headers are the action's.
pub(super) fn respond_web(answer: WebAnswer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status(answer.status);
    for (name, value) in &answer.headers {
        // They have been checked.
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(super) fn trace(headers: &HeaderMap) -> Trace<'_> {
    Trace {
        parent: text(headers, "traceparent"),
        state: text(headers, "tracestate"),
    }
}

/// A header's text; empty when it is absent or no text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
