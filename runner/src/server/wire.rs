//! One connection: HTTP/1 by hyper over a socket that keeps its slot in the shared page up to date.
//!
//! The slot tells the keeper what the caller is owed should this process die: nothing, or an answer. It also lets a
//! connection pass from one worker to the next between two requests.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::IntoRawFd;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering::*;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::Version;
use axum::http::header::CONNECTION;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::routes::Routes;
use crate::engine::Engine;
use crate::process::slots::{Slot, State};
use crate::process::{Piece, ring};

/// Head and body of an answer up to this size are put together: one `send` costs less than a `writev` of two pieces.
const TOGETHER: usize = 512;

/// Serves the connection until it ends, or, once `leave` has been called or the worker retires, until no request is
/// under way.
pub(super) async fn serve(mut io: Wire, routes: &Routes, leave: &Notify) {
    let (slot, engine) = (io.slot, io.engine);
    let mut leaving = pin!(leave.notified());
    let mut told = false;
    loop {
        let service = service_fn(|request| answer(request, routes, slot, engine.worker().seat));
        let mut connection = http1::Builder::new()
            .half_close(true)
            .serve_connection(TokioIo::new(io), service);
        let ended = poll_fn(|cx| {
            // An error means that the caller went away or does not speak HTTP: there is nobody to tell.
            if Pin::new(&mut connection).poll(cx).is_ready() {
                return Poll::Ready(true);
            }
            told = told || leaving.as_mut().poll(cx).is_ready();
            let may_leave = (told || engine.is_retiring()) && slot.read().0 == State::Idle;
            if may_leave {
                Poll::Ready(false)
            } else {
                Poll::Pending
            }
        });
        if ended.await {
            return;
        }
        let parts = connection.into_parts();
        io = parts.io.into_inner();
        if parts.read_buf.is_empty() {
            return io.leave();
        }
        // The beginning of the next request came with the last one: it is answered here as well.
        io.resume(parts.read_buf);
    }
}

/// Answers one request, and notes in the slot what its caller is owed.
async fn answer(
    request: hyper::Request<Incoming>,
    routes: &Routes,
    slot: &'static Slot,
    seat: usize,
) -> Result<Response<Body>, Infallible> {
    if slot.read().0 == State::Idle {
        // It came in one piece with the request before: nothing has been read for it alone.
        slot.set(State::Reading, seat);
    }
    if is_last(&request) {
        slot.mark_last();
    }
    let response = routes.answer(request, slot).await;
    slot.set(State::Answering, seat);
    Ok(response)
}

/// Does the caller want the connection to end with the answer?
fn is_last(request: &hyper::Request<Incoming>) -> bool {
    let says = |word: &str| {
        let mut values = request.headers().get_all(CONNECTION).iter();
        values.any(|value| {
            let mut words = value.as_bytes().split(|byte| *byte == b',');
            words.any(|it| it.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
        })
    };
    match request.version() {
        Version::HTTP_10 => !says("keep-alive"),
        _ => says("close"),
    }
}

/// A socket and its slot.
pub(super) struct Wire {
    /// `None` once it has been given to the next worker.
    socket: Option<TcpStream>,
    /// What had been read of the next request when the serving of the last one ended.
    read: Bytes,
    slot: &'static Slot,
    index: usize,
    /// Where what has been read of the current request is kept, as long as it is small.
    kept: Option<Piece<'static>>,
    engine: &'static Engine,
}

impl Wire {
    /// A socket whose slot, at `index`, is this worker's. If another worker has begun to read a request, this one goes on
    /// from what it has `kept`.
    pub(super) fn new(
        stream: TcpStream,
        index: usize,
        kept: Option<Piece<'static>>,
        engine: &'static Engine,
    ) -> Self {
        let pair = engine.worker().pair;
        let mut wire = Self {
            socket: Some(stream),
            read: Bytes::new(),
            slot: &pair.slots[index],
            index,
            kept,
            engine,
        };
        if let Some(piece) = wire.kept {
            wire.read = piece.bytes().into();
            wire.set(State::Reading);
        }
        wire
    }

    fn state(&self) -> State {
        self.slot.read().0
    }

    fn set(&self, state: State) {
        self.slot.set(state, self.engine.worker().seat);
    }

    fn socket(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.socket
            .as_mut()
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Ends the serving of an idle connection: no byte of a request has been read, none of an answer is due. A retiring
    /// worker leaves it to the next.
    fn leave(mut self) {
        if !self.engine.is_retiring() {
            return;
        }
        if let Some(Ok(stream)) = self.socket.take().map(TcpStream::into_std) {
            // The number stays open in the table that this process shares with its keeper.
            let _ = stream.into_raw_fd();
            self.slot.release();
            // There may be one already, while this one has runs to finish.
            ring(self.engine.worker().keeper_bell);
        } else {
            self.slot.free();
        }
    }

    /// Goes on with what has been read already.
    fn resume(&mut self, read: Bytes) {
        self.begin_to_keep();
        self.keep(&read);
        self.read = read;
        self.set(State::Reading);
    }

    fn begin_to_keep(&mut self) {
        self.forget();
        self.kept = self.engine.worker().pair.stash.claim(self.index);
    }

    fn keep(&mut self, read: &[u8]) {
        if self.kept.is_some_and(|piece| !piece.add(read)) {
            self.forget();
        }
    }

    /// The request has been answered, or cannot be kept.
    fn forget(&mut self) {
        if let Some(piece) = self.kept.take() {
            piece.free();
        }
    }

    /// Sends by `write`. Noted before it happens: a keeper that answered as well would be one answer too many. What has been
    /// sent of an answer is counted when all of it has been.
    fn send(
        &mut self,
        length: usize,
        write: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let before = self.state();
        if before == State::Answering {
            self.slot.note_due(length);
            self.set(State::Sending);
        }
        let sent = write(self.socket()?);
        match (before, &sent) {
            (State::Answering | State::Sending, Poll::Ready(Ok(1..))) => {}
            (State::Answering, _) => self.set(State::Answering),
            // Not part of an answer: an invitation to go on sending.
            (_, Poll::Ready(Ok(bytes))) => self.slot.note_sent(*bytes),
            _ => {}
        }
        sent
    }
}

/// The parts one behind the other, if there is room for them.
fn join<'a>(parts: &[IoSlice<'_>], room: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut end = 0;
    for part in parts {
        room.get_mut(end..end + part.len())?.copy_from_slice(part);
        end += part.len();
    }
    Some(&room[..end])
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.socket.is_none() {
            return;
        }
        self.forget();
        // The slot first: a number that is free may belong to somebody else at once.
        self.slot.free();
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.read.is_empty() {
            let length = this.read.len().min(buffer.remaining());
            buffer.put_slice(&this.read.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let idle = this.state() == State::Idle;
        if idle && this.engine.is_retiring() {
            // Not taken out of the socket: `serve` leaves the connection to the next worker.
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        // Should this process end between the read and the note of it, nobody may take the connection for idle, or what
        // is kept for all there is.
        if idle {
            this.set(State::Taking);
        } else if let Some(piece) = this.kept {
            piece.expect();
        }
        let outcome = this.socket()?.poll_read(cx, buffer);
        let read = &buffer.filled()[before..];
        if read.is_empty() {
            if idle {
                this.set(State::Idle);
            } else if let Some(piece) = this.kept {
                piece.nothing();
            }
            return outcome;
        }
        if idle {
            this.begin_to_keep();
        }
        this.keep(read);
        if idle {
            this.set(State::Reading);
        }
        // Last: as long as the connection is being taken, a count that is the kernel's says that nothing has been read.
        this.slot.note_received(read.len());
        outcome
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.send(bytes.len(), |socket| socket.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut together = [0; TOGETHER];
        match join(parts, &mut together) {
            Some(bytes) => self.send(bytes.len(), |socket| socket.poll_write(cx, bytes)),
            None => {
                let length = parts.iter().map(|part| part.len()).sum();
                self.send(length, |socket| socket.poll_write_vectored(cx, parts))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// hyper flushes once all of an answer has been written: the caller is owed nothing any more.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.state() == State::Sending {
            this.forget();
            this.slot.note_answered();
            this.set(State::Idle);
        }
        Poll::Ready(Ok(()))
    }

    /// Closing says it as well, and it is closed at once; unless a child of the action's may hold a copy.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.engine.worker().pair.forked.load(Relaxed) != 0 {
            return self.get_mut().socket()?.poll_shutdown(cx);
        }
        Poll::Ready(Ok(()))
    }
}
