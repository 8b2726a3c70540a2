//! Whole request bodies. Read to their end also when they are refused: a caller that is still sending would otherwise
//! see its connection break instead of the answer.

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, EXPECT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use hyper::body::Body as _;

use crate::engine::Engine;
use crate::protocol::answer::Answer;
use crate::refusal::BadRequest;

/// How much of a body that is too large is read, and thrown away, before its caller is answered while it still sends.
const PATIENCE: usize = 1 << 30;

/// The head of a request, and its body, or the answer that says why there is none.
pub(super) async fn read(
    request: Request<Body>,
    engine: &Engine,
) -> (Parts, Result<Bytes, Answer>) {
    let (head, body) = request.into_parts();
    let limit = engine.worker().config.max_body;
    let body = match refusal(&head.headers, &body, limit) {
        None => whole(body, limit).await,
        // It has not sent the body yet, and asks whether it should.
        Some(answer) if head.headers.contains_key(EXPECT) => Err(answer),
        Some(answer) => drained(body).await.and(Err(answer)),
    };
    (head, body)
}

/// Reads a body that nobody wants.
pub(super) async fn discard(request: Request<Body>) {
    if !request.headers().contains_key(EXPECT) {
        let _ = drained(request.into_body()).await;
    }
}

/// What can be said without reading.
fn refusal(headers: &HeaderMap, body: &Body, limit: usize) -> Option<Answer> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let is_plain = |value: &[u8]| value.is_empty() || value.eq_ignore_ascii_case(b"identity");
    if !encodings.all(|value| is_plain(value.as_bytes().trim_ascii())) {
        return Some(Answer::encoded_body());
    }
    let announced = body.size_hint().lower();
    usize::try_from(announced)
        .map_or(true, |announced| announced > limit)
        .then(|| oversized(limit))
}

fn oversized(limit: usize) -> Answer {
    Answer::from(&BadRequest::Oversized { limit })
}

async fn whole(mut body: Body, limit: usize) -> Result<Bytes, Answer> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
    let Some(first) = next(&mut body).await? else {
        return Ok(Bytes::new());
    };
    if body.is_end_stream() && first.len() <= limit {
        return Ok(first);
    }
    let mut collected = Vec::with_capacity(announced.clamp(first.len().min(limit), limit));
    let mut piece = Some(first);
    while let Some(bytes) = piece {
        if collected.len() + bytes.len() > limit {
            drop(collected);
            return drained(body).await.and(Err(oversized(limit)));
        }
        collected.extend_from_slice(&bytes);
        piece = next(&mut body).await?;
    }
    Ok(collected.into())
}

async fn drained(mut body: Body) -> Result<(), Answer> {
    let mut length = 0;
    while let Some(bytes) = next(&mut body).await? {
        length += bytes.len();
        if length > PATIENCE {
            break;
        }
    }
    Ok(())
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
