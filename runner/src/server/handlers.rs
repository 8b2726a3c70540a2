//! What a request is answered with: each handler takes a whole body, hands it to the engine, and turns the answer into a
//! response.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};

use super::body::{self, Payload};
use crate::engine::{Engine, Trace};
use crate::process::connection::Caller;
use crate::protocol::answer::Answer;
use crate::protocol::web::WebAnswer;
use crate::protocol::{init, run};

/// `POST /run`.
pub(super) async fn run(
    engine: &'static Engine,
    caller: Caller,
    request: Request<impl Payload>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match body::read(&head.headers, body, caller, engine).await {
        Ok(body) => body,
        Err(answer) => return respond(engine.unread(answer)),
    };
    let run = move || {
        let request = run::decode(&body).map_err(|refusal| Answer::from(&refusal));
        engine.run(caller, request, trace(&head.headers))
    };
    respond(perform(engine, run).await)
}

/// `POST /init`.
pub(super) async fn init(
    State(engine): State<&'static Engine>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response<Body> {
    caller.sends_init();
    let (head, body) = request.into_parts();
    let body = match body::read(&head.headers, body, caller, engine).await {
        Ok(body) => body,
        Err(answer) => return respond(engine.unread_init(answer)),
    };
    match engine.init(caller, init::decode(&body)) {
        Some(answer) => respond_to_init(engine, answer),
        // This connection is left to the next process as it is.
        None => std::future::pending().await,
    }
}

/// Where the process must leave, whatever came in one piece with the `/init` is for the next one.
pub(super) fn respond_to_init(engine: &Engine, answer: Answer) -> Response<Body> {
    let mut response = respond(answer);
    if engine.must_leave() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

/// Where runs are run: on this thread, without leaving it, so that a run costs what the action costs; or, with
/// concurrency, on threads of a pool.
pub(super) async fn perform(
    engine: &'static Engine,
    run: impl FnOnce() -> Answer + Send + 'static,
) -> Answer {
    if engine.worker().config.concurrency == 1 {
        return run();
    }
    let in_pool = engine.enter_thread_pool();
    let run = tokio::task::spawn_blocking(move || {
        let _in_pool = in_pool;
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
