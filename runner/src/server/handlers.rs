//! What a request is answered with: each handler takes a whole body, hands it to the engine, and turns the answer into a
//! response.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};

use super::body::{self, Payload};
use crate::engine::{Engine, Entry, Trace};
use crate::process::slots::Slot;
use crate::protocol::answer::Answer;
use crate::protocol::web::WebAnswer;

/// The slot of the connection that a request came by.
#[derive(Clone, Copy)]
pub(super) struct Caller(pub &'static Slot);

/// `POST /run`. What `prepare` answers, once the request has been read, is the answer; otherwise it is run.
pub(super) async fn run(
    engine: &'static Engine,
    slot: &'static Slot,
    request: Request<impl Payload>,
    prepare: impl FnOnce() -> Option<Answer>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match body::read(&head.headers, body, slot, engine).await {
        Ok(body) => body,
        Err(answer) => return respond(engine.unread(answer, Entry::Run)),
    };
    if let Some(answer) = prepare() {
        return respond(answer);
    }
    let run = move || engine.run(slot, &body, trace(&head.headers));
    respond(perform(engine, run).await)
}

/// `POST /init`.
pub(super) async fn init(
    State(engine): State<&'static Engine>,
    Extension(Caller(slot)): Extension<Caller>,
    request: Request<Body>,
) -> Response<Body> {
    slot.mark_init();
    let (head, body) = request.into_parts();
    let body = match body::read(&head.headers, body, slot, engine).await {
        Ok(body) => body,
        Err(answer) => return respond(engine.unread(answer, Entry::Init)),
    };
    let mut response = respond(engine.init(slot, &body));
    if engine.is_retiring() {
        // Whatever came in one piece with it is for the next process.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
        slot.mark_last();
    }
    response
}

/// Where runs are run: on this thread, without leaving it, so that a run costs what the action costs; or, with
/// concurrency, on threads of their own.
pub(super) async fn perform(
    engine: &'static Engine,
    run: impl FnOnce() -> Answer + Send + 'static,
) -> Answer {
    if engine.worker().config.concurrency == 1 {
        return run();
    }
    let elsewhere = engine.depart();
    let run = tokio::task::spawn_blocking(move || {
        let _elsewhere = elsewhere;
        run()
    });
    run.await.unwrap_or_else(|_| Answer::shutting_down())
}

pub(super) async fn wrong_method(request: Request<Body>) -> Response<Body> {
    body::discard(request).await;
    allowing("POST", Answer::method_not_allowed())
}

pub(super) async fn nowhere(request: Request<Body>) -> Response<Body> {
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
