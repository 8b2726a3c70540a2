//! One connection: HTTP/1 by hyper over a socket that keeps its slot in the shared page up to date.
//!
//! The slot tells the keeper what the caller is owed should this process die: nothing, or an answer. It also lets a
//! connection pass from one worker to the next between two requests.

use std::io::{self, IoSlice};
use std::os::fd::IntoRawFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::engine::Engine;
use crate::process::slots::{Slot, State};

/// The slot of the connection that a request came by, for the handlers.
#[derive(Clone, Copy)]
pub(super) struct Caller(pub &'static Slot);

/// Serves the connection until it ends or passes to another worker.
pub(super) async fn serve(
    io: Wire,
    router: axum::Router,
    slot: &'static Slot,
    engine: &'static Engine,
) {
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        if slot.read().0 == State::Idle {
            // It came in one piece with the request before: nothing has been read for it alone.
            slot.set(State::Reading, engine.worker().seat);
        }
        request.extensions_mut().insert(Caller(slot));
        let answering = router.clone().call(request);
        async move {
            let response = answering.await;
            slot.set(State::Answering, engine.worker().seat);
            response
        }
    });
    // An error means that the caller went away or does not speak HTTP: there is nobody to tell.
    let _ = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(io), service)
        .await;
}

/// A socket and its slot.
pub(super) struct Wire {
    /// `None` once it has been given to the next worker.
    socket: Option<TcpStream>,
    slot: &'static Slot,
    engine: &'static Engine,
}

impl Wire {
    /// A socket whose slot is this worker's.
    pub(super) fn new(stream: TcpStream, slot: &'static Slot, engine: &'static Engine) -> Self {
        Self {
            socket: Some(stream),
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

    /// Leaves an idle connection to the next worker: no byte of a request has been read, none of an answer is due.
    fn hand_over(&mut self) {
        if let Some(Ok(stream)) = self.socket.take().map(TcpStream::into_std) {
            // The number stays open in the table that this process shares with its keeper.
            let _ = stream.into_raw_fd();
            self.slot.release();
        } else {
            self.slot.free();
        }
    }

    fn note_sent(&self, sent: &Poll<io::Result<usize>>) {
        if matches!(sent, Poll::Ready(Ok(1..))) && self.state() == State::Answering {
            self.set(State::Sending);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.socket.is_none() {
            return;
        }
        if self.engine.is_retiring() && self.state() == State::Idle {
            return self.hand_over();
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
        let idle = this.state() == State::Idle;
        if idle && this.engine.is_retiring() && this.socket.is_some() {
            this.hand_over();
        }
        // Given away: for whoever serves it here, the caller has hung up.
        let Ok(socket) = this.socket() else {
            return Poll::Ready(Ok(()));
        };
        let before = buffer.filled().len();
        let outcome = ready!(socket.poll_read(cx, buffer));
        if buffer.filled().len() > before {
            this.slot.note_progress();
            if idle {
                this.set(State::Reading);
            }
        }
        Poll::Ready(outcome)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = self.socket()?.poll_write(cx, bytes);
        self.note_sent(&sent);
        sent
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = self.socket()?.poll_write_vectored(cx, parts);
        self.note_sent(&sent);
        sent
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

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut().socket() {
            Ok(socket) => socket.poll_shutdown(cx),
            Err(_) => Poll::Ready(Ok(())),
        }
    }
}
