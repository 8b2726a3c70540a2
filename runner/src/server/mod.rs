//! A worker's HTTP side: accepts connections, serves them until there is a reason to leave. The only room that knows
//! axum, hyper and tokio.
//!
//! Everything runs on one thread: while an action computes, this worker does nothing else. What must not wait for it
//! (deadlines, crashes, signals) is the keeper's and the master's.

mod body;
mod connections;
mod handlers;
mod knative;
mod plain;
mod read_timeout;
mod readiness_probe;
mod routes;
mod wire;

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use tokio::io::Interest;
use tokio::net;
use tokio::net::unix::pipe;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Duration, Instant, sleep, timeout};

use crate::engine::Engine;
use crate::process::connection::Connection;
use crate::process::handover::Taken;
use crate::process::shared::{Phase, Stop};
use crate::process::sys::{self, Traffic};
use crate::process::{CANNOT_BEGIN, Told, Worker};
use crate::protocol::answer::Answer;
use crate::refusal::Scarce;
use connections::Connections;
use readiness_probe::ReadinessProbe;
use routes::Routes;
use wire::Wire;

/// How long after the order to end a worker still looks for connections that the kernel has queued for it.
const LAST_LOOK: Duration = Duration::from_millis(5);
/// A pause after `accept` failed for want of descriptors or memory, or while there is no room.
const PAUSE: Duration = Duration::from_millis(10);
/// How long, when the program ends, a request may take to arrive whose caller is to be told so.
const LAST_REQUESTS: Duration = Duration::from_millis(500);
/// How often a worker that leaves looks whether it is done, at first and later.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LATER_LOOKS: Duration = Duration::from_millis(20);
/// The exit status of a worker whose listening socket is gone.
const NO_LISTENER: i32 = 72;
/// What a program's first thread may use of stack; an action on a thread of its own should not find less.
const STACK: usize = 8 << 20;

/// The worker's main function: load, serve, leave. Returns the exit status of its process.
pub fn work(worker: Worker) -> i32 {
    // An action that ends this thread takes the process with it: its caller would wait for ever beside other threads.
    sys::end_with_this_thread();
    let (config, place) = (worker.config, worker.place);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(config.concurrency)
        .thread_stack_size(STACK)
        .build();
    let outcome = runtime.and_then(|runtime| {
        let engine: &'static Engine = Box::leak(Box::new(Engine::new(worker)));
        let phase = engine.start();
        if phase == Phase::Refused && engine.worker().is_candidate {
            engine.worker().report(phase);
            return Ok(());
        }
        runtime.block_on(serve(engine, phase))
    });
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            place.say(&Scarce(error).to_string());
            CANNOT_BEGIN
        }
    }
}

/// The answer to a caller whose worker has ended, as the bytes of a response. Called by the keeper.
pub fn tell(told: Told) -> Vec<u8> {
    let answer = match told {
        Told::Death {
            death,
            during,
            alone,
        } => Answer::died(death, during, alone),
        Told::NeighbourOverran => Answer::neighbour_overran(),
        Told::Again { init } => Answer::send_again(init),
    };
    answer.raw()
}

/// Everything that the connections of one worker have in common.
struct Server {
    engine: &'static Engine,
    routes: Routes,
    connections: Connections,
}

async fn serve(engine: &'static Engine, phase: Phase) -> io::Result<()> {
    let worker = engine.worker();
    // Nobody could connect before; from now on, whoever does is answered.
    rustix::net::listen(worker.listener, 1024)?;
    let listener = TcpListener::from(worker.listener.try_clone()?);
    let listener = Arc::new(net::TcpListener::from_std(listener)?);
    let server: &'static Server = Box::leak(Box::new(Server {
        engine,
        routes: Routes::new(engine),
        connections: Connections::new(worker),
    }));
    if worker.config.admin.is_some() {
        // Before anybody can take it for ready.
        let mut probe = ReadinessProbe::new(engine)?;
        probe.ask().await;
        tokio::spawn(probe.go_on());
    }
    worker.report(phase);
    tokio::spawn(read_timeout::watch(engine, &server.connections));
    tokio::spawn(read_timeout::look_after_process(engine));
    let accepting = tokio::spawn(server.accept(listener.clone()));
    let taking_up = tokio::spawn(server.take_up());
    let stop = server.until_stop().await?;
    accepting.abort();
    taking_up.abort();
    if stop == Stop::End {
        while let Ok(Ok((stream, _))) = timeout(LAST_LOOK, listener.accept()).await {
            server.welcome(stream, server.connections.reserve().await);
        }
    }
    server.leave(stop).await
}

impl Server {
    /// Takes connections that nobody has accepted. When there is no room they wait in the kernel's queue.
    async fn accept(&'static self, listener: Arc<net::TcpListener>) {
        loop {
            let room = self.connections.reserve().await;
            match listener.accept().await {
                Ok((stream, _)) => self.welcome(stream, room),
                // The action has used up the descriptors: a next process begins without what it holds.
                Err(error) if is_out_of_descriptors(&error) => {
                    self.engine.leave();
                    sleep(PAUSE).await;
                }
                // The action has closed what it should not, or led it elsewhere: nothing can be served from here.
                Err(error) if is_no_listener(&error) => sys::exit_now(NO_LISTENER),
                // The caller was gone before it was accepted, or there is no memory for it.
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Takes connections that other workers have left behind.
    async fn take_up(&'static self) {
        let queue = self.engine.worker().queue;
        let exit = queue.exit().try_clone_to_owned();
        // Not that it is one: but any socket can be waited for as one.
        let exit = exit.map(std::os::unix::net::UnixDatagram::from);
        let Ok(exit) = exit.and_then(net::UnixDatagram::from_std) else {
            return;
        };
        while exit.readable().await.is_ok() {
            let Some(mut room) = self.connections.try_reserve(queue.batch()) else {
                sleep(PAUSE).await;
                continue;
            };
            // An error: another worker was first.
            let taken = exit.try_io(Interest::READABLE, || queue.take());
            for one in taken.unwrap_or_default() {
                if let Some(room) = room.split(1) {
                    self.resume(one, room);
                }
            }
        }
    }

    fn welcome(&'static self, stream: net::TcpStream, room: OwnedSemaphorePermit) {
        if let Some(stream) = away_from_standard_streams(stream) {
            self.attend(stream, Traffic::default(), &[], 0, room);
        }
    }

    fn resume(&'static self, taken: Taken, room: OwnedSemaphorePermit) {
        let stream = std::net::TcpStream::from(taken.socket);
        if let Ok(stream) = net::TcpStream::from_std(stream) {
            self.attend(stream, taken.traffic, &taken.read, taken.handed_on, room);
        }
    }

    /// Serves a connection until it ends. A worker before has `read` this of a request.
    fn attend(
        &'static self,
        stream: net::TcpStream,
        traffic: Traffic,
        read: &[u8],
        handed_on: u32,
        room: OwnedSemaphorePermit,
    ) {
        let page = self.engine.worker().page;
        let Some(connection) = Connection::open(page, stream.as_fd(), traffic, read, handed_on)
        else {
            // The action holds so many descriptors that none is left with a number that can be served.
            return self.engine.leave();
        };
        let guest = self.connections.enter(connection.caller(), room);
        let wire = Wire::new(
            stream,
            connection,
            read.to_vec().into(),
            self.engine,
            &guest,
        );
        tokio::spawn(async move {
            if let Some(waiting) = wire::serve(wire, &self.routes, &guest).await {
                self.connections.leave_behind(waiting);
            }
        });
    }

    /// Waits for the order to stop accepting.
    async fn until_stop(&self) -> io::Result<Stop> {
        let worker = self.engine.worker();
        let wakeup = pipe::Receiver::from_owned_fd(worker.wakeup.try_clone()?)?;
        loop {
            if self.engine.is_ending() {
                return Ok(Stop::End);
            }
            if self.engine.must_leave() || worker.is_alone() {
                return Ok(Stop::Successor);
            }
            wakeup.readable().await?;
            let _ = wakeup.try_read(&mut [0; 64]);
        }
    }

    /// Gives up what is idle, and waits until nobody waits for an answer any more, but for those whom the next worker
    /// can answer as well.
    async fn leave(&self, stop: Stop) -> io::Result<()> {
        let worker = self.engine.worker();
        let since = Instant::now();
        self.connections.dismiss();
        loop {
            self.connections.offer(worker.queue);
            // Nobody comes after it: a caller that has not sent its request by now is let go.
            let is_late = stop == Stop::End && since.elapsed() > LAST_REQUESTS;
            let keeps = |caller: &crate::process::connection::Caller| match is_late {
                true => caller.progress_in_reading().is_none(),
                // What waits for a thread of the pool is as good as begun. Without a keeper nobody hands anything on.
                false => {
                    self.engine.has_pooled_runs()
                        || !worker.place.is_kept()
                        || !caller.may_be_handed_on()
                }
            };
            // Without a keeper there is nobody else who offers them again.
            let is_free = worker.place.is_kept() || self.connections.has_offered_all();
            if is_free && !self.connections.any(keeps) {
                break;
            }
            // What takes long is looked at less often.
            sleep((since.elapsed() / 16).clamp(FIRST_LOOK, LATER_LOOKS)).await;
        }
        worker.place.set_phase(Phase::Left);
        // At once: on the usual way out the connections would be closed that are the keeper's now.
        sys::exit_now(0)
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
    use std::os::fd::AsRawFd;
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
