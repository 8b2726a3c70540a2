//! One connection: HTTP/1 by hyper over a socket that notes on the page of the pair how far it has come.
//!
//! So the keeper knows what the caller is owed should this process die: nothing, or an answer. It also lets a connection
//! pass from one worker to the next between two requests.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
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

use super::connections::{Control, Guest};
use super::routes::Routes;
use crate::engine::Engine;
use crate::process::connection::{Caller, Connection, Part};
use crate::process::handover::Waiting;
use crate::process::sys;

/// Head and body of an answer up to this size are put together: one `send` costs less than a `writev` of two pieces.
const TOGETHER: usize = 512;

/// Serves the connection until it ends, or, once it was dismissed or the worker must leave, until no request is under
/// way. What it comes to is a connection that waits for the next worker.
pub(super) async fn serve(mut io: Wire, routes: &Routes, guest: &Guest) -> Option<Waiting> {
    let (caller, engine, control) = (io.connection.caller(), io.engine, guest.control());
    let mut told = pin!(control.told.notified());
    loop {
        let service = service_fn(|request| answer(request, routes, caller));
        let mut connection = http1::Builder::new()
            .half_close(true)
            .serve_connection(TokioIo::new(io), service);
        let ended = poll_fn(|cx| {
            while told.as_mut().poll(cx).is_ready() {
                told.set(control.told.notified());
            }
            // An error means that the caller went away or does not speak HTTP: there is nobody to tell.
            if Pin::new(&mut connection).poll(cx).is_ready() {
                return Poll::Ready(true);
            }
            if control.given_up.load(Relaxed) && caller.is_sent_to() {
                return Poll::Ready(true); // It has long taken nothing of its answer.
            }
            let may_leave = control.dismissed.load(Relaxed) || engine.must_leave();
            if may_leave && caller.is_idle() {
                Poll::Ready(false)
            } else {
                Poll::Pending
            }
        });
        if ended.await {
            return None;
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

/// Answers one request.
async fn answer(
    request: hyper::Request<Incoming>,
    routes: &Routes,
    caller: Caller,
) -> Result<Response<Body>, Infallible> {
    if caller.begins() {
        // One of many that came at once: others have their turn in between.
        tokio::task::yield_now().await;
    }
    let last = is_last(&request);
    let response = routes.answer(request, caller).await;
    let closes = || {
        response
            .headers()
            .get(CONNECTION)
            .is_some_and(|it| it == "close")
    };
    caller.has_answer(last || closes());
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

/// A socket, and what is noted of it.
pub(super) struct Wire {
    // Before the socket: when both are dropped, its record is free before its number is.
    connection: Connection,
    socket: TcpStream,
    /// What had been read of the next request when the serving of the last one ended, here or in another worker.
    read: Bytes,
    engine: &'static Engine,
    control: Arc<Control>,
}

impl Wire {
    /// `read` is what a worker before has read of a request.
    pub(super) fn new(
        socket: TcpStream,
        connection: Connection,
        read: Bytes,
        engine: &'static Engine,
        guest: &Guest,
    ) -> Self {
        Self {
            connection,
            socket,
            read,
            engine,
            control: guest.control().clone(),
        }
    }

    /// Ends the serving of an idle connection. `None`: nobody comes after this worker, and it is closed.
    fn leave(self) -> Option<Waiting> {
        if self.engine.is_ending() {
            return None;
        }
        let socket = self.socket.into_std().ok()?;
        Some(self.connection.leave(socket.into()))
    }

    /// Goes on with what has been read already.
    fn resume(&mut self, read: Bytes) {
        self.connection.resume(&read, 0);
        self.read = read;
    }

    /// Sends by `write`.
    fn send(
        &mut self,
        length: usize,
        write: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let part = self.connection.sends(length);
        let sent = write(Pin::new(&mut self.socket));
        match (part, &sent) {
            (Part::Invitation, Poll::Ready(Ok(bytes))) => self.connection.has_invited(*bytes),
            (_, Poll::Ready(Ok(bytes @ 1..))) => {
                self.control.sent.fetch_add(*bytes as u64, Relaxed);
            }
            (Part::Beginning, _) => self.connection.has_sent_nothing(),
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
        if this.control.given_up.load(Relaxed) {
            // It reads the end of the request, too early, and answers or hangs up.
            return Poll::Ready(Ok(()));
        }
        if this.connection.is_idle() && this.engine.must_leave() {
            // Not taken out of the socket: `serve` leaves the connection to the next worker.
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        this.connection.reads();
        let outcome = Pin::new(&mut this.socket).poll_read(cx, buffer);
        this.connection.has_read(&buffer.filled()[before..]);
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
        self.connection.has_answered();
        Poll::Ready(Ok(()))
    }

    /// Closing says it as well, and it is closed at once; unless a child of the action's may hold a copy, or the caller
    /// is waited for no longer.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if sys::has_forked() || this.control.given_up.load(Relaxed) {
            return Pin::new(&mut this.socket).poll_shutdown(cx);
        }
        Poll::Ready(Ok(()))
    }
}
