//! A worker's first steps, before the function that it was given takes over: it makes what it shares with its keeper, and
//! the keeper.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering::*;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use super::handover::Queue;
use super::keeper::{self, Keeper};
use super::orders::{Order, wake};
use super::page::Page;
use super::shared::{Phase, Place, Shared, Stop};
use super::sys::{self, Side, SingleThread};
use super::{Delivery, Roles, Start, descriptors, oom};
use crate::config::Config;
use crate::logs::Logs;
use crate::package;
use crate::refusal::Scarce;

/// The status of a worker that could not begin.
pub const CANNOT_BEGIN: i32 = 71;
/// How long the library's copy is waited for.
const COPY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a worker waits for what a dead one held: its keeper closes that within microseconds.
const LOCKS_TIMEOUT: Duration = Duration::from_millis(200);

/// What the master gives a worker.
pub(super) struct Birth {
    pub(super) config: &'static Config,
    pub(super) shared: &'static Shared,
    pub(super) delivery: &'static Delivery,
    pub(super) queue: &'static Queue,
    pub(super) listener: &'static OwnedFd,
    pub(super) roles: Roles,
    pub(super) place: Place,
    pub(super) start: Start,
    /// See [`Worker::is_candidate`].
    pub(super) is_candidate: bool,
    /// A private copy of the configured library, and what ends when it has been made.
    pub(super) library: Option<(OwnedFd, Option<OwnedFd>)>,
    /// Both ends of the keeper's pipe.
    pub(super) orders: (OwnedFd, OwnedFd),
    /// Where this worker is woken, and where it can wake itself.
    pub(super) wakeup: (OwnedFd, OwnedFd),
    /// Open for as long as anything in this table is.
    pub(super) life: OwnedFd,
    /// The same of the worker that died before.
    pub(super) predecessor: Option<OwnedFd>,
}

/// All that a worker needs.
pub struct Worker {
    pub config: &'static Config,
    pub shared: &'static Shared,
    pub place: Place,
    pub page: &'static Page,
    pub delivery: &'static Delivery,
    pub queue: &'static Queue,
    /// Bound, shared by all workers of the tree.
    pub listener: &'static OwnedFd,
    pub start: Start,
    /// Does it try a new library, beside workers that serve? If that is refused, it must not serve.
    pub is_candidate: bool,
    /// `None` when the action writes to the container's streams itself.
    pub logs: Option<&'static Logs>,
    /// Readable when there is something new in its place on the shared memory.
    pub wakeup: OwnedFd,
    own_wakeup: OwnedFd,
    orders: OwnedFd,
    library: Option<(OwnedFd, Option<OwnedFd>)>,
    predecessor: Mutex<Option<OwnedFd>>,
}

impl Worker {
    /// Wakes this process's own loop.
    pub fn wake(&self) {
        wake(&self.own_wakeup);
    }

    /// The private copy of the configured library, as soon as it has been made. `None`: there is none, or it could not be
    /// made: then the file is loaded.
    pub fn whole_library(&self) -> Option<BorrowedFd<'_>> {
        let (library, copying) = self.library.as_ref()?;
        if !package::is_whole(library)
            && let Some(copying) = copying
        {
            wait_for_end(copying.as_fd(), COPY_TIMEOUT);
        }
        package::is_whole(library).then_some(library.as_fd())
    }

    /// Is there a library in memory that has no file of the configuration's?
    pub fn has_library(&self) -> bool {
        self.library.is_some()
    }

    /// Returns when nothing is locked any more that a worker before this one had locked when it died.
    pub fn wait_for_locks(&self) {
        let mut predecessor = self
            .predecessor
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(predecessor) = predecessor.take() {
            wait_for_end(predecessor.as_fd(), LOCKS_TIMEOUT);
        }
    }

    /// Tells the master how far this worker has come.
    pub fn report(&self, phase: Phase) {
        self.place.set_phase(phase);
        if let Some(master) = rustix::process::getppid() {
            let _ = rustix::process::kill_process(master, Signal::USR1);
        }
    }

    /// A run with this limit has begun: the keeper may sleep without a clock.
    pub fn wake_keeper(&self, limit_ms: u32) {
        if limit_ms != 0 && self.page.keeper_sleeps.load(SeqCst) != 0 {
            Order::Look.send(&self.orders);
        }
    }

    /// Must new runs be refused, or left to a successor? It counts from the moment of the order on, whatever this
    /// process has noticed of it.
    pub fn stop(&self) -> Stop {
        self.place.stop()
    }

    /// The keeper has died. From now on this process must end with the master by itself.
    pub fn is_alone(&self) -> bool {
        let alone = !self.place.is_kept();
        if alone {
            let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
        }
        alone
    }
}

/// Waits until the other end of a pipe is closed.
fn wait_for_end(pipe: BorrowedFd<'_>, limit: Duration) {
    let limit = Timespec::try_from(limit).ok();
    let _ = poll(
        &mut [PollFd::from_borrowed_fd(pipe, PollFlags::IN)],
        limit.as_ref(),
    );
}

/// Lives as a worker, in the process that was just forked from `master`. Never returns.
pub(super) fn live(thread: &SingleThread, birth: Birth, master: Pid) -> ! {
    let place = birth.place;
    let work = birth.roles.worker;
    let status = match prepare(thread, birth, master) {
        Ok(worker) => work(worker),
        Err(error) => {
            place.say(&Scarce(error).to_string());
            CANNOT_BEGIN
        }
    };
    sys::exit_now(status)
}

fn prepare(thread: &SingleThread, birth: Birth, master: Pid) -> io::Result<Worker> {
    let place = birth.place;
    let page: &'static Page = sys::shared()?;
    // A group of its own: a terminal's Ctrl-C is for the master, who lets runs finish.
    let _ = rustix::process::setpgid(None, None);
    // What its action starts stays below it, whatever becomes of the parents in between (see `descendants`).
    let _ = rustix::process::set_child_subreaper(Some(master));
    descriptors::grow_table(birth.listener.as_fd());
    let logs = birth.config.sentinels;
    let logs = logs.then(|| Logs::new(page, place, &birth.shared.partial));
    let logs: Option<&'static Logs> = logs.transpose()?.map(|logs| &*Box::leak(Box::new(logs)));
    let keeper = Keeper {
        config: birth.config,
        place,
        page,
        queue: birth.queue,
        listener: birth.listener,
        orders: birth.orders.0,
        worker: pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?,
        master: pidfd_open(master, PidfdFlags::empty())?,
        logs,
        tell: birth.roles.tell,
    };
    if matches!(thread.clone_sibling(place.keeper())?, Side::Child(_)) {
        begin_as_keeper(place);
        sys::exit_now(keeper::keep(keeper));
    }
    // The numbers are its keeper's as well: they stay open.
    std::mem::forget(keeper);
    // Not before: a keeper goes on when its group is signalled, and has its descriptors in reserve.
    let _ = rustix::thread::set_name(c"worker");
    sys::default_signals();
    descriptors::leave_some_for_the_keeper();
    match logs {
        Some(logs) => logs.attach()?,
        None => restore_streams(),
    }
    let own = [
        birth.listener.as_fd(),
        birth.orders.1.as_fd(),
        birth.wakeup.0.as_fd(),
    ];
    let own = own.into_iter().chain(birth.queue.descriptors());
    mind_forks(
        page,
        birth.listener.as_fd(),
        descriptors::numbers(own).collect(),
    );
    // The action's table of descriptors holds it until it is gone.
    std::mem::forget(birth.life);
    Ok(Worker {
        config: birth.config,
        shared: birth.shared,
        place,
        page,
        delivery: birth.delivery,
        queue: birth.queue,
        listener: birth.listener,
        start: birth.start,
        is_candidate: birth.is_candidate,
        logs,
        wakeup: birth.wakeup.0,
        own_wakeup: birth.wakeup.1,
        orders: birth.orders.1,
        library: birth.library,
        predecessor: Mutex::new(birth.predecessor),
    })
}

fn begin_as_keeper(place: Place) {
    let _ = rustix::thread::set_name(c"keeper");
    // What is sent to the worker's group is not meant for it.
    let _ = rustix::process::setpgid(None, None);
    oom::offer(place.worker(), oom::WORKER);
}

/// An event loop of an earlier action's may have made the container's streams non-blocking, for everybody.
fn restore_streams() {
    for stream in [rustix::stdio::stdout(), rustix::stdio::stderr()] {
        let flags = rustix::fs::fcntl_getfl(stream).unwrap_or(OFlags::empty());
        if flags.contains(OFlags::NONBLOCK) {
            let _ = rustix::fs::fcntl_setfl(stream, flags - OFlags::NONBLOCK);
        }
    }
}

/// A child that an action forks has copies of what the server uses: it must not answer its callers, nor keep their
/// connections open.
fn mind_forks(page: &'static Page, listener: BorrowedFd<'_>, own: Vec<RawFd>) {
    static SERVER: OnceLock<(&Page, u16, Vec<RawFd>)> = OnceLock::new();
    let port = descriptors::port(listener).unwrap_or(0);
    let _ = SERVER.set((page, port, own));
    sys::watch_forks(|| {
        let Some((page, port, own)) = SERVER.get() else {
            return;
        };
        sys::close_inherited(own.iter().copied(), |_| true);
        // The listening socket, whoever has copied it, and the callers' connections.
        let is_ports = |socket: BorrowedFd<'_>| descriptors::port(socket) == Some(*port);
        sys::close_inherited(3..page.end_of_connections(), is_ports);
    });
}
