//! Whole request bodies. Read to their end also when they are refused: a caller that is still sending would otherwise
//! see its connection break instead of the answer.

use std::sync::{Arc, OnceLock};

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, EXPECT};
use axum::http::{HeaderMap, HeaderValue, Request};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::read_timeout;
use crate::config::Config;
use crate::engine::Engine;
use crate::process;
use crate::process::connection::Caller;
use crate::protocol::answer::Answer;
use crate::refusal::BadRequest;

/// How much of a body that is too large is read, and thrown away, before its caller is answered while it still sends.
const DISCARD_LIMIT: usize = 1 << 30;

/// A body up to this size is taken in without asking whether there is room for it.
const SMALL: usize = 64 << 10;
/// The unit in which room for large bodies is counted, in bytes.
const UNIT: usize = 1 << 10;

/// Room for large bodies, in all connections of this worker together.
struct Room {
    units: u32,
    free: Arc<Semaphore>,
}

impl Room {
    /// A worker's part of a quarter of the memory that the container has, but enough for one of the largest in any case.
    fn of(config: &Config) -> Self {
        let share = process::memory_limit().map_or(u64::MAX, |limit| limit / 4);
        let share = share / config.workers as u64;
        let bytes = usize::try_from(share).unwrap_or(usize::MAX);
        let bytes = bytes.max(config.max_body);
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let units = units.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self {
            units,
            free: Arc::new(Semaphore::new(units as usize)),
        }
    }

    async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let wanted = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let permits = self.free.clone().acquire_many_owned(wanted.min(self.units));
        permits.await.ok()
    }
}

/// A large body, which gives its room back when nobody needs it any more.
struct Large {
    bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body as it arrives, from hyper itself or by way of the router.
pub(super) trait Payload: hyper::body::Body<Data = Bytes> + Unpin {}

impl<B: hyper::body::Body<Data = Bytes> + Unpin> Payload for B {}

/// The connection ended, or nothing more came, before the body did.
struct CutOff;

/// The whole body of a request with these `headers`, or the answer that says why there is none.
pub(super) async fn read(
    headers: &HeaderMap,
    body: impl Payload,
    caller: Caller,
    engine: &Engine,
) -> Result<Bytes, Answer> {
    let limit = engine.worker().config.max_body;
    let body = match refusal(headers, &body, limit) {
        None => whole(body, limit, engine)
            .await
            .map(|body| body.ok_or_else(|| oversized(limit))),
        Some(answer) if asks_first(headers) => Ok(Err(answer)),
        Some(answer) => drained(body).await.map(|()| Err(answer)),
    };
    body.unwrap_or_else(|CutOff| {
        Err(if read_timeout::gave_up(caller) {
            Answer::too_slow()
        } else {
            Answer::body_cut_off()
        })
    })
}

/// Waits until this worker has room for so many bytes. `None`: none is needed.
async fn take_room(engine: &Engine, bytes: usize) -> Option<OwnedSemaphorePermit> {
    static ROOM: OnceLock<Room> = OnceLock::new();
    if bytes <= SMALL {
        return None;
    }
    // Measured when it is first needed: most workers never need it.
    let room = ROOM.get_or_init(|| Room::of(engine.worker().config));
    room.take(bytes).await
}

/// Reads a body that nobody wants.
pub(super) async fn discard(request: Request<Body>) {
    if !asks_first(request.headers()) {
        let _ = drained(request.into_body()).await;
    }
}

/// Has the caller not sent the body yet, and waits to be told whether it should?
fn asks_first(headers: &HeaderMap) -> bool {
    let expectation = headers.get(EXPECT).map(HeaderValue::as_bytes);
    expectation.is_some_and(|text| text.eq_ignore_ascii_case(b"100-continue"))
}

/// What can be said without reading.
fn refusal(headers: &HeaderMap, body: &impl Payload, limit: usize) -> Option<Answer> {
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

/// `None`: it is larger than the limit.
async fn whole(
    mut body: impl Payload,
    limit: usize,
    engine: &Engine,
) -> Result<Option<Bytes>, CutOff> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
    let Some(first) = next(&mut body).await? else {
        return Ok(Some(Bytes::new()));
    };
    if body.is_end_stream() && first.len() <= limit {
        return Ok(Some(first));
    }
    let mut held = take_room(engine, announced).await;
    let mut collected = Vec::with_capacity(announced.max(first.len()).min(limit));
    let mut piece = Some(first);
    while let Some(bytes) = piece {
        if collected.len() + bytes.len() > limit {
            drop(collected);
            return drained(body).await.map(|()| None);
        }
        if held.is_none() && collected.len() + bytes.len() > SMALL {
            // It did not say how long it would be.
            held = take_room(engine, limit).await;
        }
        collected.extend_from_slice(&bytes);
        piece = next(&mut body).await?;
    }
    Ok(Some(match held {
        None => collected.into(),
        room => Bytes::from_owner(Large {
            bytes: collected,
            _room: room,
        }),
    }))
}

async fn drained(mut body: impl Payload) -> Result<(), CutOff> {
    let mut length = 0;
    while let Some(bytes) = next(&mut body).await? {
        length += bytes.len();
        if length > DISCARD_LIMIT {
            break;
        }
    }
    Ok(())
}

async fn next(body: &mut impl Payload) -> Result<Option<Bytes>, CutOff> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(CutOff),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}
