//! The routes: each takes a whole body, hands it to the engine, and turns the answer into a response.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use axum::routing::{any, get, post};
use axum::{Extension, Router};

use super::body::Payload;
use super::wire::Caller;
use super::{body, knative, plain};
use crate::config::Http;
use crate::engine::{Engine, Entry, Trace};
use crate::process::slots::Slot;
use crate::protocol::answer::Answer;
use crate::protocol::web::WebAnswer;

/// Is it the request that this program is there for? It goes straight to [`run`]: on the way through the router a run
/// would cost a tenth more.
pub(super) fn is_run<B>(engine: &Engine, request: &Request<B>) -> bool {
    let path = match engine.worker().config.http {
        Http::Openwhisk | Http::Knative => "/run",
        Http::Plain => "/",
    };
    request.method() == Method::POST && request.uri().path() == path
}

/// One run, on the way that [`is_run`] opens.
pub(super) async fn run<B: Payload>(
    engine: &'static Engine,
    slot: &'static Slot,
    request: Request<B>,
) -> Response<Body> {
    if engine.worker().config.http == Http::Plain {
        return plain::enter(engine, slot, request).await;
    }
    let (head, body) = request.into_parts();
    let body = match body::read(&head.headers, body, slot, engine).await {
        Ok(body) => body,
        Err(answer) => return respond(engine.unread(answer, Entry::Run)),
    };
    let run = move || engine.run(slot, &body, trace(&head.headers));
    respond(perform(engine, run).await)
}

/// The routes for everything else.
pub(super) fn router(engine: &'static Engine) -> Router {
    let openwhisk = Router::new()
        .route("/init", post(init).fallback(wrong_method))
        .route("/run", any(wrong_method));
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
        Http::Plain => Router::new()
            .route("/", get(plain::visit).fallback(plain::wrong_method))
            .fallback(plain::nowhere)
            .with_state(engine),
    }
}

async fn init(
    State(engine): State<&'static Engine>,
    Extension(Caller(slot)): Extension<Caller>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    match body::read(&head.headers, body, slot, engine).await {
        Ok(body) => respond(engine.init(slot, &body)),
        Err(answer) => respond(engine.unread(answer, Entry::Init)),
    }
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
    static PARENT: HeaderName = HeaderName::from_static("traceparent");
    static STATE: HeaderName = HeaderName::from_static("tracestate");
    Trace {
        parent: text(headers, &PARENT),
        state: text(headers, &STATE),
    }
}

/// A header's text; empty when it is absent or no text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
