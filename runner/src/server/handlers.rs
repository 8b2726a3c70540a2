//! The routes: each takes a whole body, hands it to the engine, and turns the answer into a response.
//!
//! Bodies are always read to their end, also those that are refused: a caller that is still sending would otherwise
//! see its connection break instead of the answer.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use axum::routing::post;
use http_body_util::BodyExt;
use hyper::body::Body as _;

use super::wire::Caller;
use crate::engine::{Engine, Trace};
use crate::protocol::answer::Answer;
use crate::refusal::BadRequest;

/// All routes of a worker.
pub(super) fn router(engine: &'static Engine) -> Router {
    Router::new()
        .route("/init", post(init).fallback(wrong_method))
        .route("/run", post(run).fallback(wrong_method))
        .fallback(nowhere)
        .with_state(engine)
}

async fn init(State(engine): State<&'static Engine>, request: Request<Body>) -> Response<Body> {
    let Some(Caller(slot)) = request.extensions().get().copied() else {
        return respond(Answer::not_found());
    };
    match whole(request.into_body(), engine).await {
        Ok(body) => respond(engine.init(slot, &body)),
        Err(answer) => respond(engine.unread(answer)),
    }
}

async fn run(State(engine): State<&'static Engine>, request: Request<Body>) -> Response<Body> {
    let Some(Caller(slot)) = request.extensions().get().copied() else {
        return respond(Answer::not_found());
    };
    let (head, body) = request.into_parts();
    let body = match whole(body, engine).await {
        Ok(body) => body,
        Err(answer) => return respond(engine.unread(answer)),
    };
    if engine.worker().config.concurrency == 1 {
        // On this thread, without leaving it: a run costs what the action costs.
        return respond(engine.run(slot, &body, trace(&head.headers)));
    }
    let run = tokio::task::spawn_blocking(move || engine.run(slot, &body, trace(&head.headers)));
    respond(run.await.unwrap_or_else(|_| Answer::shutting_down()))
}

async fn wrong_method(
    State(engine): State<&'static Engine>,
    request: Request<Body>,
) -> Response<Body> {
    let _ = whole(request.into_body(), engine).await;
    let mut response = respond(Answer::method_not_allowed());
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

async fn nowhere(State(engine): State<&'static Engine>, request: Request<Body>) -> Response<Body> {
    let _ = whole(request.into_body(), engine).await;
    respond(Answer::not_found())
}

fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn trace(headers: &HeaderMap) -> Trace<'_> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .unwrap_or_default()
    };
    Trace {
        parent: text("traceparent"),
        state: text("tracestate"),
    }
}

/// Reads a body to its end. The error is the answer: too large, or cut off.
async fn whole(mut body: Body, engine: &Engine) -> Result<Bytes, Answer> {
    let limit = engine.worker().config.max_body;
    let announced = body
        .size_hint()
        .exact()
        .and_then(|length| usize::try_from(length).ok());
    let first = match next(&mut body).await? {
        Some(first) if body.is_end_stream() && first.len() <= limit => return Ok(first),
        Some(first) => first,
        None => return Ok(Bytes::new()),
    };
    let mut collected = Vec::with_capacity(announced.unwrap_or(first.len()).min(limit));
    let mut length = first.len();
    collected.extend_from_slice(&first);
    drop(first);
    while let Some(more) = next(&mut body).await? {
        length = length.saturating_add(more.len());
        if length <= limit {
            collected.extend_from_slice(&more);
        } else {
            collected = Vec::new();
        }
    }
    if length > limit {
        Err(Answer::from(&BadRequest::Oversized { limit }))
    } else {
        Ok(collected.into())
    }
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Answer> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Answer::body_cut_off()),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}
