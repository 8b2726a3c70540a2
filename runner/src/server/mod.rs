//! A worker's HTTP side: accepts connections, serves them until there is a reason to leave. The only room that knows
//! axum, hyper and tokio.
//!
//! Everything runs on one thread: while an action computes, this worker does nothing else. What must not wait for it
//! (deadlines, crashes, signals) is the keeper's.

mod body;
mod handlers;
mod janitor;
mod knative;
mod plain;
mod questioner;
mod routes;
mod wire;

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net;
use tokio::net::unix::pipe;
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::{Duration, timeout};

use crate::engine::Engine;
use crate::process::slots::{Phase, State};
use crate::process::{Piece, Worker, blame, sys};
use crate::refusal;
use questioner::Questioner;
use routes::Routes;
use wire::Wire;

/// How long after the order to leave a worker still looks for connections that the kernel has queued for it.
const LAST_LOOK: Duration = Duration::from_millis(5);
/// A pause after `accept` failed for want of descriptors or memory.
const BREATHER: Duration = Duration::from_millis(10);
/// The exit status of a worker whose listening socket is gone.
const NO_LISTENER: i32 = 72;
/// What a program's first thread may use of stack; an action on a thread of its own should not find less.
const STACK: usize = 8 << 20;

/// The life of a worker: load, serve, leave. Returns the exit status of its process.
pub fn work(worker: Worker) -> i32 {
    sys::watch_forks(&worker.pair.forked);
    if worker.config.concurrency > 1 {
        blame::watch(worker.page());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(worker.config.concurrency)
        .thread_stack_size(STACK)
        .build();
    let outcome = runtime.and_then(|runtime| {
        let engine: &'static Engine = Box::leak(Box::new(Engine::new(worker)?));
        let phase = engine.start();
        if phase == Phase::Refused && engine.worker().trial {
            engine.report(phase);
            return Ok(());
        }
        runtime.block_on(serve(engine, phase))
    });
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            refusal::complain(&format!("A worker cannot serve: {error}."));
            1
        }
    }
}

/// Everything that the connections of one worker have in common.
struct Server {
    engine: &'static Engine,
    routes: Routes,
    /// How many more connections there may be.
    room: Semaphore,
    /// For each slot in use: how to tell what serves it to leave.
    connections: Mutex<Vec<Option<Arc<Notify>>>>,
}

async fn serve(engine: &'static Engine, phase: Phase) -> io::Result<()> {
    let worker = engine.worker();
    // Nobody could connect before; from now on, whoever does is answered.
    rustix::net::listen(worker.listener, 1024)?;
    let listener = TcpListener::from(worker.listener.try_clone_to_owned()?);
    let listener = Arc::new(net::TcpListener::from_std(listener)?);
    let server = Arc::new(Server {
        engine,
        routes: Routes::new(engine),
        room: Semaphore::new(worker.config.connections),
        connections: Mutex::default(),
    });
    if worker.config.admin.is_some() {
        // Before anybody can take it for ready.
        let mut questioner = Questioner::new(engine)?;
        questioner.ask();
        tokio::spawn(questioner.go_on());
    }
    engine.report(phase);
    server.adopt();
    tokio::spawn(janitor::sweep(engine));
    if worker.config.concurrency > 1 {
        tokio::spawn(janitor::miss_threads());
    }
    let accepting = tokio::spawn(server.clone().accept(listener.clone()));
    server
        .heed_orders(&listener, &accepting.abort_handle())
        .await
}

impl Server {
    fn connections(&self) -> MutexGuard<'_, Vec<Option<Arc<Notify>>>> {
        let connections = self.connections.lock();
        connections.unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept(self: Arc<Self>, listener: Arc<net::TcpListener>) {
        loop {
            // The semaphore is never closed. When there is no room, connections wait in the kernel's queue.
            let Ok(room) = self.room.acquire().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    room.forget();
                    self.welcome(stream);
                }
                // The action has used up the descriptors: a next process begins without what it holds.
                Err(error) if is_out_of_descriptors(&error) => {
                    self.engine.retire();
                    tokio::time::sleep(BREATHER).await;
                }
                // The action has closed what it should not, or led it elsewhere: nothing can be served from here.
                Err(error) if is_no_listener(&error) => sys::exit_now(NO_LISTENER),
                // The caller was gone before it was accepted, or there is no memory for it.
                Err(_) => tokio::time::sleep(BREATHER).await,
            }
        }
    }

    fn welcome(self: &Arc<Self>, stream: net::TcpStream) {
        let Some(stream) = away_from_standard_streams(stream) else {
            return self.room.add_permits(1);
        };
        let worker = self.engine.worker();
        match worker
            .pair
            .claim(stream.as_raw_fd(), worker.seat, worker.config.connections)
        {
            Some(index) => self.attend(stream, index, None),
            None => self.room.add_permits(1),
        }
    }

    /// Takes over the connections that wait for a worker.
    fn adopt(self: &Arc<Self>) {
        let worker = self.engine.worker();
        for (index, slot) in worker.pair.in_use().enumerate() {
            if slot.adopt(worker.seat) {
                let stream = std::net::TcpStream::from(sys::adopt(slot.descriptor()));
                match net::TcpStream::from_std(stream) {
                    Ok(stream) => {
                        if let Ok(room) = self.room.try_acquire() {
                            room.forget();
                        }
                        self.attend(stream, index, worker.pair.stash.of(index));
                    }
                    Err(_) => slot.free(),
                }
            }
        }
    }

    /// Serves the connection that has the slot at `index`, until it ends. `kept` is what a worker before has read.
    fn attend(
        self: &Arc<Self>,
        stream: net::TcpStream,
        index: usize,
        kept: Option<Piece<'static>>,
    ) {
        let server = self.clone();
        let leave = Arc::new(Notify::new());
        let told = leave.clone();
        tokio::spawn(async move {
            let engine = server.engine;
            let guest = Guest { server, index };
            let io = Wire::new(stream, index, kept, engine);
            wire::serve(io, &guest.server.routes, &told).await;
        });
        let mut connections = self.connections();
        if connections.len() <= index {
            connections.resize_with(index + 1, || None);
        }
        connections[index] = Some(leave);
    }

    /// Waits for orders until one of them is to leave, and all that is left to do is done.
    async fn heed_orders(
        self: &Arc<Self>,
        listener: &net::TcpListener,
        accepting: &AbortHandle,
    ) -> io::Result<()> {
        let worker = self.engine.worker();
        let bell = pipe::Receiver::from_owned_fd(worker.bell.try_clone()?)?;
        loop {
            if worker.page().retire.load(Acquire) != 0 {
                self.engine.retire();
            }
            if self.engine.is_retiring() {
                accepting.abort();
                self.dismiss();
                return self.leave().await;
            }
            if worker.tree.draining.load(Acquire) != 0 {
                tokio::time::sleep(worker.config.drain_delay).await;
                self.engine.drain();
                accepting.abort();
                while let Ok(Ok((stream, _))) = timeout(LAST_LOOK, listener.accept()).await {
                    self.welcome(stream);
                }
                self.dismiss();
                return self.leave().await;
            }
            self.adopt();
            bell.readable().await?;
            let _ = bell.try_read(&mut [0; 64]);
        }
    }

    /// Ends the serving of each connection as soon as no request is under way on it. A retiring worker leaves it to the
    /// next.
    fn dismiss(&self) {
        for connection in self.connections().iter().flatten() {
            connection.notify_one();
        }
    }

    /// Waits until nobody waits for an answer any more, but for those whom the next worker can answer as well.
    async fn leave(&self) -> io::Result<()> {
        let waits = |index: &usize| !self.can_be_handed_on(*index);
        while self.open().iter().any(waits) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.engine.worker().page().set_phase(Phase::Retired);
        if !self.open().is_empty() {
            // At once: on the usual way out their connections would be closed.
            sys::exit_now(0);
        }
        Ok(())
    }

    /// The slots of the connections that are being served.
    fn open(&self) -> Vec<usize> {
        let connections = self.connections();
        let open = connections.iter().enumerate();
        open.filter_map(|(index, connection)| connection.is_some().then_some(index))
            .collect()
    }

    /// Is part of a request all that has come on the connection of this slot, and is it kept where the next worker finds
    /// it? A caller that takes its time would hold up all others otherwise.
    fn can_be_handed_on(&self, index: usize) -> bool {
        let worker = self.engine.worker();
        let is_last = worker.tree.draining.load(Acquire) != 0;
        !is_last
            && !self.engine.is_elsewhere()
            && worker.pair.slots[index].read().0 == State::Reading
            && worker.pair.stash.of(index).is_some_and(|it| it.is_whole())
    }
}

/// A connection's entry in the books, struck out when it ends.
struct Guest {
    server: Arc<Server>,
    index: usize,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(entry) = self.server.connections().get_mut(self.index) {
            *entry = None;
        }
        self.server.room.add_permits(1);
    }
}

fn is_no_listener(error: &io::Error) -> bool {
    let code = rustix::io::Errno::from_io_error(error);
    matches!(
        code,
        Some(rustix::io::Errno::BADF | rustix::io::Errno::NOTSOCK | rustix::io::Errno::INVAL)
    )
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    let code = rustix::io::Errno::from_io_error(error);
    matches!(
        code,
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE)
    )
}

/// An action may have closed its stdout: the next connection then gets that number, and would be printed into. It is
/// moved up, and the number is given back to nobody.
fn away_from_standard_streams(stream: net::TcpStream) -> Option<net::TcpStream> {
    if stream.as_raw_fd() > 2 {
        return Some(stream);
    }
    let stream = stream.into_std().ok()?;
    let moved = rustix::io::fcntl_dupfd_cloexec(&stream, 3).ok()?;
    let null = std::fs::File::open("/dev/null").ok()?;
    replace(stream, null.as_fd());
    net::TcpStream::from_std(std::net::TcpStream::from(moved)).ok()
}

/// Puts `other` in the place of a standard stream.
fn replace(stream: std::net::TcpStream, other: BorrowedFd<'_>) {
    let mut place = OwnedFd::from(stream);
    let _ = rustix::io::dup2(other, &mut place);
    std::mem::forget(place);
}
