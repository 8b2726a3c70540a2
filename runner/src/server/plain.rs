//! `--http plain`: the parameters are the request, the result is the answer. For callers that know nothing of
//! OpenWhisk, so there is no `/init` here: whoever can reach a public address should not bring code to it.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, Response};

use super::body::{self, Payload};
use super::handlers::{allowing, perform, respond, respond_web, text, trace};
use crate::engine::Engine;
use crate::process::connection::Caller;
use crate::protocol::answer::Answer;
use crate::protocol::run::{Metadata, Run};
use crate::protocol::{parameters, web};
use crate::refusal;

/// What an action's error is to the caller: an answer of the program behind the address, of which it makes no sense
/// to ask again, as proxies do after 502 and 503.
const FAILED: u16 = 500;

/// `GET /` and `HEAD /`.
pub(super) async fn visit(
    State(engine): State<&'static Engine>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response<Body> {
    enter(engine, caller, request).await
}

/// The same by `POST /`.
pub(super) async fn enter(
    engine: &'static Engine,
    caller: Caller,
    request: Request<impl Payload>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match body::read(&head.headers, body, caller, engine).await {
        Ok(body) => body,
        Err(answer) => return respond(engine.unread(answer)),
    };
    if !engine.has_action() {
        return respond(Answer::error(503, refusal::NO_ACTION_PLAIN));
    }
    let run = move || {
        let query = head.uri.query().unwrap_or_default();
        let value = parameters::decode(&body, text(&head.headers, &CONTENT_TYPE), query);
        let request = value.as_ref().map(|value| Run {
            value,
            metadata: Metadata::default(),
        });
        let request = request.map_err(Answer::from);
        engine.run(caller, request, trace(&head.headers))
    };
    respond_web(web::into_http(perform(engine, run).await, FAILED))
}

pub(super) async fn wrong_method(request: Request<Body>) -> Response<Body> {
    body::discard(request).await;
    let answer = Answer::error(405, refusal::METHOD_NOT_ALLOWED_PLAIN);
    allowing("GET, HEAD, POST", answer)
}

pub(super) async fn nowhere(request: Request<Body>) -> Response<Body> {
    body::discard(request).await;
    respond(Answer::error(404, refusal::NOT_FOUND_PLAIN))
}
