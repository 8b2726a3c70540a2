//! One connection: HTTP/1 by hyper over a socket that keeps its slot in the shared page up to date.
//!
//! The slot tells the keeper what the caller is owed should this process die: nothing, or an answer. It also lets a
//! connection pass from one worker to the next between two requests.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::IntoRawFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
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
use crate::process::ring;
use crate::process::slots::{Slot, State};

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
    let response = routes.answer(request, slot).await;
    slot.set(State::Answering, seat);
    Ok(response)
}

/// A socket and its slot.
pub(super) struct Wire {
    /// `None` once it has been given to the next worker.
    socket: Option<TcpStream>,
    /// What had been read of the next request when the serving of the last one ended.
    read: Bytes,
    slot: &'static Slot,
    engine: &'static Engine,
}

impl Wire {
    /// A socket whose slot is this worker's.
    pub(super) fn new(stream: TcpStream, slot: &'static Slot, engine: &'static Engine) -> Self {
        Self {
            socket: Some(stream),
            read: Bytes::new(),
            slot,
            engine,
        }
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
        self.read = read;
        self.set(State::Reading);
    }

    /// Sends by `write`. Noted before it happens: a keeper that answered as well would be one answer too many.
    fn send(
        &mut self,
        write: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let due = self.state() == State::Answering;
        if due {
            self.set(State::Sending);
        }
        let sent = write(self.socket()?);
        if due && !matches!(sent, Poll::Ready(Ok(1..))) {
            self.set(State::Answering);
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
        let before = buffer.filled().len();
        // Should this process end between the read and the note of it, nobody may take the connection for idle.
        if idle {
            this.set(State::Taking);
        }
        let outcome = this.socket()?.poll_read(cx, buffer);
        let read = buffer.filled().len() > before;
        if read {
            this.slot.note_progress();
        }
        if idle {
            this.set(if read { State::Reading } else { State::Idle });
        }
        outcome
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.send(|socket| socket.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut together = [0; TOGETHER];
        match join(parts, &mut together) {
            Some(bytes) => self.send(|socket| socket.poll_write(cx, bytes)),
            None => self.send(|socket| socket.poll_write_vectored(cx, parts)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// hyper flushes once all of an answer has been written: the caller is owed nothing any more.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.state() == State::Sending {
            this.set(State::Idle);
        }
        Poll::Ready(Ok(()))
    }

    /// Closing says it as well, and it is closed at once.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
