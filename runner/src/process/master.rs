//! The master: process 1 of a container. Starts pairs, waits for signals, reaps whatever dies.
//!
//! It never sees a connection or a byte of an action's. Signals are blocked and fetched one at a time, so that
//! nothing here has to be safe inside a signal handler; and it never waits for a file, a pipe or a caller.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{WaitOptions, WaitStatus, wait};

use super::bound::bound;
use super::breaker::{Breaker, Failure};
use super::deaths::MemoryGroup;
use super::handover::Queue;
use super::library::Library;
use super::oom::MemoryLock;
use super::pair::Pair;
use super::shared::{Phase, Shared, Stop};
use super::side_process::{SideProcess, SideProcesses};
use super::sys::{self, Signals, SingleThread};
use super::upload::Uploads;
use super::watchdog::{Countdown, TICK};
use super::worker::CANNOT_BEGIN;
use super::{Delivery, Roles, Start, descendants, descriptors, moment};
use crate::config::Config;
use crate::package;
use crate::refusal::{self, CannotServe, Death};

/// A child of the master's that lasted less than this is not replaced at once.
pub(super) const SHORT_LIFE: Duration = Duration::from_secs(1);
/// Exit status of a server whose library, named on the command line, does not load.
const CANNOT_LOAD: i32 = 3;
/// Exit status of a server that was stopped before its runs were done.
const CUT_SHORT: i32 = 1;
/// Exit status of a server that could never begin.
const CANNOT_START: i32 = 1;
/// How often a start is tried before anybody has served.
const TRIES: u32 = 5;
/// The pause before a start that failed is tried again.
const START_PAUSE: Duration = Duration::from_millis(100);
/// What keepers get beyond the time that their workers have.
const KEEPERS_TIME: Duration = Duration::from_secs(1);
/// How long a worker has whose keeper is dead and that has no limit of its own: nobody watches its time.
const ALONE: Duration = Duration::from_secs(60);
/// Workers that may be leaving, beside one for each that serves, before others wait with their own leaving.
const LEAVING: usize = 4;
/// How long what actions have left behind may take to end.
const STRAYS_TIME: Duration = Duration::from_secs(2);
const SIGNALS: [i32; 7] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGCHLD,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGQUIT,
];

pub(super) struct Master {
    pub(super) config: &'static Config,
    pub(super) shared: &'static Shared,
    pub(super) thread: SingleThread,
    pub(super) delivery: &'static Delivery,
    pub(super) queue: &'static Queue,
    pub(super) listener: &'static OwnedFd,
    pub(super) roles: Roles,
    pub(super) pairs: Vec<Pair>,
    pub(super) library: Library,
    pub(super) breaker: Breaker,
    pub(super) uploads: &'static Uploads,
    /// Ends when all that the worker that died last held is closed.
    pub(super) last_death: Option<OwnedFd>,
    side: SideProcesses,
    address: String,
    announced: bool,
    /// A worker has begun a run. Then a library is not left unloaded until one comes.
    has_served: bool,
    status: i32,
    ending: Option<Ending>,
    /// Starts that have failed in a row, and when the next is due.
    failed_starts: u32,
    next_start: Option<Instant>,
    /// Something may be left of what a dead worker's action has started.
    has_strays: bool,
    oom: Option<MemoryGroup>,
    memory: MemoryLock,
}

/// The end of the program: until when new runs are accepted, and when what still runs is ended.
struct Ending {
    accept: Countdown,
    end: Countdown,
    stopped: bool,
}

/// Serves until told to stop. Returns the program's exit status.
pub fn run(config: &'static Config, roles: Roles) -> Result<i32, CannotServe> {
    descriptors::enough()?;
    let (listener, address) = bound(config.listen, "--listen")?;
    let admin = config.admin.map(|wanted| bound(wanted, "--admin"));
    let admin = admin.transpose()?;
    let thread = SingleThread::here()?;
    let signals = Signals::block(&SIGNALS);
    let master = rustix::process::getpid();
    let _ = rustix::process::set_child_subreaper(Some(master));
    // Before it is copied: whatever is written afterwards is news to whoever watches it.
    let file = config.library.as_deref().and_then(package::stamp);
    let library = Library::of(config)?;
    let delivery = Delivery {
        recipe: memfd_create("recipe", MemfdFlags::CLOEXEC).map_err(io::Error::from)?,
        library: package::room("action")?,
    };
    let shared: &'static Shared = sys::shared()?;
    shared.generation.store(1, Relaxed);
    let uploads: &'static Uploads = Box::leak(Box::new(Uploads::new()?));
    let side = SideProcess {
        config,
        shared,
        uploads,
        library: file,
        listener: None,
        master,
    };
    let mut master = Master {
        config,
        shared,
        thread,
        delivery: Box::leak(Box::new(delivery)),
        queue: Box::leak(Box::new(Queue::new(config.connections)?)),
        listener: Box::leak(Box::new(listener)),
        roles,
        pairs: Vec::new(),
        library,
        breaker: Breaker::default(),
        uploads,
        last_death: None,
        side: SideProcesses::new(side, admin, roles),
        address,
        announced: false,
        has_served: false,
        status: 0,
        ending: None,
        failed_starts: 0,
        next_start: None,
        has_strays: false,
        oom: None,
        memory: MemoryLock::new(),
    };
    master.serve(&signals);
    let _ = std::fs::remove_dir_all(&config.scratch);
    Ok(master.status)
}

impl Master {
    /// The loop: one signal at a time, until the last pair has gone.
    fn serve(&mut self, signals: &Signals) {
        self.replenish();
        // Only now: the first worker need not wait for either.
        self.library.begin_copy(&self.thread);
        self.oom = MemoryGroup::find();
        while self.ending.is_none() || !self.pairs.is_empty() {
            self.side_processes();
            match signals.wait(self.clock()) {
                Some(libc::SIGCHLD | libc::SIGUSR1) | None => {}
                Some(libc::SIGUSR2) => self.on_upload(),
                Some(libc::SIGHUP) => self.reload(),
                Some(_) if self.ending.is_some() => {
                    self.kill_all();
                    break;
                }
                Some(_) => self.begin_end(0, self.config.drain_delay),
            }
            self.reap();
            self.library.watch_time();
            self.announce();
            self.advance_swap();
            self.replenish();
            // Those that were told to leave just now may have been the last that it waited for.
            self.advance_swap();
            // Last: nobody waits for it.
            if std::mem::take(&mut self.has_strays) {
                self.kill_strays();
            }
            if self.watch_end() {
                self.kill_all();
                break;
            }
            self.memory.look();
        }
        self.side.kill();
        self.end_strays();
    }

    fn side_processes(&mut self) {
        if self.ending.is_none() {
            self.side.start_missing(&self.thread, self.listener);
        }
    }

    /// How long to wait for a signal at most.
    fn clock(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let until = |moment: Instant| moment.saturating_duration_since(now);
        let ends = self.pairs.iter().filter_map(|pair| pair.end.as_ref());
        let ends = ends.map(Countdown::next_look).min();
        let lives = self.ending.is_none();
        let looks = [
            ends,
            self.next_start.map(until),
            self.breaker.next_try(),
            self.memory.next_look(),
            self.library.next_look(),
            self.side.next_start().filter(|_| lives),
            self.ending.as_ref().map(|_| TICK),
        ];
        looks.into_iter().flatten().min()
    }

    /// Reaps every child that has died: workers, keepers, and the orphans that actions leave behind.
    fn reap(&mut self) {
        let mut killed_for_memory = None;
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let number = descendants::number(pid);
            let is_worker = |pair: &Pair| pair.worker == Some(pid);
            let is_keeper = |pair: &Pair| pair.place.keeper().load(Acquire) == number;
            if let Some(index) = self.pairs.iter().position(is_worker) {
                // Those that end at the same time end for the same reason.
                let oom = &mut self.oom;
                let mut look = || {
                    let group = oom.as_mut()?;
                    group.has_killed().then(|| group.limit_mb())
                };
                let is_killed = status.terminating_signal() == Some(libc::SIGKILL);
                let killed = is_killed.then(|| *killed_for_memory.get_or_insert_with(&mut look));
                self.worker_ended(index, status, killed.flatten());
                self.has_strays = true;
            } else if let Some(index) = self.pairs.iter().position(is_keeper) {
                let time = self.config.timeout.unwrap_or(ALONE);
                self.pairs[index].lose_keeper(time.saturating_add(self.config.grace));
            } else if self.library.has(pid) {
                self.copied(pid);
            } else if self.side.has(pid) {
                self.side.forget(pid);
            } else {
                self.has_strays = true; // It may have left others.
            }
        }
        self.pairs.retain(|pair| !pair.is_gone());
    }

    /// Its keeper is told first: callers wait for that.
    fn worker_ended(&mut self, index: usize, status: WaitStatus, killed: Option<u64>) {
        let pair = &mut self.pairs[index];
        let death = pair.death(status, killed);
        pair.hand_to_keeper(death);
        self.has_served |= pair.has_served();
        let (phase, is_candidate) = (pair.place.phase(), pair.is_candidate);
        let Some(death) = death else {
            if is_candidate {
                let why = pair.place.sentence();
                self.refuse_candidate(&why);
            }
            return;
        };
        let death = match (death, self.config.timeout) {
            (Death::TimeLimit { .. }, Some(limit)) => Death::TimeLimit {
                ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            },
            (death, _) => death,
        };
        let sentence = death.during(moment(phase)).to_string();
        let failure = Failure {
            born: pair.born,
            while_loading: phase.is_loading(),
            served: pair.has_served(),
            is_delivered: self.shared.delivered.load(Acquire) != 0,
            sentence: sentence.clone(),
        };
        let could_begin = death != Death::Exited(CANNOT_BEGIN) || phase != Phase::Starting;
        let why = (!could_begin).then(|| pair.place.sentence());
        let loads = pair.start.loads();
        // Idle, it was its callers that took the memory.
        let is_innocent =
            matches!(death, Death::OutOfMemory { .. }) && !failure.while_loading && !failure.served;
        self.last_death = pair.life.try_clone().ok();
        if is_candidate {
            let sentence = why.unwrap_or(sentence);
            refusal::report(&sentence);
            self.refuse_candidate(&sentence);
        } else if let Some(why) = why {
            self.start_failed(&why);
        } else if loads && !is_innocent && self.breaker.note(failure) {
            refusal::report(&sentence);
        }
    }

    /// A pair could not be started. What was never served is not tried for ever.
    fn start_failed(&mut self, why: &str) {
        self.failed_starts += 1;
        let pause = START_PAUSE * (1 << self.failed_starts.min(5));
        self.next_start = Some(Instant::now() + pause);
        if self.announced {
            refusal::report(&format!(
                "A worker cannot be replaced: {why} It is tried again."
            ));
        } else if self.failed_starts >= TRIES && self.ending.is_none() {
            refusal::report(why);
            self.begin_end(CANNOT_START, Duration::ZERO);
        }
    }

    /// What a pair that is started now is to load.
    pub(super) fn what_to_start(&self, is_candidate: bool) -> Start {
        let is_delivered = self.shared.delivered.load(Acquire) != 0;
        let broken = self.breaker.sentence(is_delivered);
        let loads_lazily = self.config.loads_lazily() && !self.has_served;
        match broken.filter(|_| !is_candidate) {
            Some(sentence) => Start::Broken(sentence.to_owned()),
            None if is_delivered => Start::Delivered,
            // A candidate has come to load it.
            None if self.library.is_there(self.config) => Start::Configured {
                lazily: self.is_for_init() || (loads_lazily && !is_candidate),
            },
            None => Start::Empty,
        }
    }

    /// Does an `/init` wait for a worker that has loaded nothing?
    fn is_for_init(&self) -> bool {
        let yields = |pair: &Pair| pair.place.phase() == Phase::Yielding;
        self.pairs.iter().any(yields)
    }

    /// Must this pair be replaced by another?
    fn is_outdated(&self, pair: &Pair) -> bool {
        let is_delivered = self.shared.delivered.load(Acquire) != 0;
        let is_broken = matches!(pair.start, Start::Broken(_));
        pair.library != self.library.number()
            || pair.place.phase() == Phase::Worn
            || (is_broken && self.breaker.sentence(is_delivered).is_none())
    }

    /// May another worker be told to leave? Where many already are, waiting for slow callers, the next one goes on.
    pub(super) fn may_replace(&self) -> bool {
        let leaving = self.pairs.iter().filter(|pair| pair.is_leaving());
        leaving.count() < LEAVING + self.config.workers
    }

    /// Sees to it that as many workers serve as there should be, with the library that there should be: starts those
    /// that are missing, and tells those to leave whose successors serve.
    fn replenish(&mut self) {
        if self.ending.as_ref().is_some_and(|ending| ending.stopped) {
            return;
        }
        let stays = |pair: &&Pair| pair.stays() && !pair.is_candidate;
        let (old, new): (Vec<&Pair>, Vec<&Pair>) = self
            .pairs
            .iter()
            .filter(stays)
            .partition(|pair| self.is_outdated(pair));
        let wanted = self.config.workers;
        let serving = new.iter().filter(|pair| pair.accepts()).count() + old.len();
        for pair in old.iter().take(serving.saturating_sub(wanted)) {
            pair.stop(Stop::Successor);
        }
        let missing = wanted.saturating_sub(new.len());
        // Those whose predecessor still serves may wait.
        let urgent = wanted.saturating_sub(new.len() + old.len());
        let starts = if self.may_replace() { missing } else { urgent };
        if new
            .iter()
            .any(|pair| pair.accepts() && pair.place.phase() != Phase::Refused)
        {
            self.breaker.close();
        }
        if self
            .next_start
            .is_some_and(|moment| Instant::now() < moment)
        {
            return;
        }
        self.next_start = None;
        for _ in 0..starts {
            match self.start_pair(false) {
                Ok(()) => {}
                Err(error) => return self.start_failed(&refusal::Scarce(error).to_string()),
            }
        }
    }

    /// Do all workers that should serve do so, with the library that should be served?
    pub(super) fn is_settled(&self) -> bool {
        let serving = self.pairs.iter().filter(|pair| pair.accepts());
        let (old, new): (Vec<&Pair>, Vec<&Pair>) =
            serving.partition(|pair| pair.library != self.library.number());
        old.is_empty() && new.len() >= self.config.workers
    }

    /// Says once that the program serves; or ends it, if it was told to serve what does not load.
    fn announce(&mut self) {
        if self.announced || self.ending.is_some() {
            return;
        }
        let serving = self.pairs.iter().filter(|pair| pair.accepts());
        let phases: Vec<Phase> = serving.map(|pair| pair.place.phase()).collect();
        if phases.contains(&Phase::Refused) && self.config.library_is_named {
            // Its worker has said why.
            return self.begin_end(CANNOT_LOAD, Duration::ZERO);
        }
        if phases.len() >= self.config.workers {
            self.announced = true;
            self.shared.announced.store(1, Release);
            self.failed_starts = 0;
            if self.config.listen.port() == 0 || rustix::termios::isatty(rustix::stdio::stderr()) {
                refusal::report(&format!("listening on {}", self.address));
            }
        }
    }

    /// The program ends: new runs are accepted for a while, then those that run are waited for.
    fn begin_end(&mut self, status: i32, accept: Duration) {
        self.status = status;
        self.shared.ending.store(1, Release);
        self.ending = Some(Ending {
            accept: Countdown::new(accept),
            end: Countdown::new(accept.saturating_add(self.config.grace)),
            stopped: false,
        });
    }

    /// Ends what has taken too long. True: all that is left is to be killed.
    fn watch_end(&mut self) -> bool {
        for pair in &mut self.pairs {
            if pair.end.as_mut().is_some_and(Countdown::is_over) {
                pair.kill();
            }
        }
        let Some(ending) = &mut self.ending else {
            return false;
        };
        if !ending.stopped && ending.accept.is_over() {
            ending.stopped = true;
            self.next_start = None;
            self.pairs.iter().for_each(|pair| pair.stop(Stop::End));
        }
        if !ending.end.is_over() {
            return false;
        }
        if self.pairs.iter().all(|pair| pair.worker.is_none()) {
            return true; // Keepers have had their time as well.
        }
        self.pairs.iter_mut().for_each(Pair::kill);
        ending.end = Countdown::new(KEEPERS_TIME);
        false
    }

    /// The time is over, or somebody insists. A run that was under way is lost, and the status says so.
    fn kill_all(&mut self) {
        if self.pairs.iter().any(Pair::is_at_work) {
            self.status = self.status.max(CUT_SHORT);
        }
        for pair in &mut self.pairs {
            pair.kill();
            pair.kill_keeper();
        }
    }

    /// Whatever a dead worker's action has started and left behind goes with it.
    fn kill_strays(&mut self) {
        let Some(children) = descendants::children() else {
            return; // At the end they are found in another way.
        };
        for child in children {
            let pid = descendants::pid(child);
            let is_pairs = self
                .pairs
                .iter()
                .any(|pair| pair.worker == pid || pair.place.keeper().load(Acquire) == child);
            let is_known = pid.is_none_or(|pid| self.side.has(pid) || self.library.has(pid));
            if !is_pairs && !is_known {
                descendants::kill(child);
            }
        }
    }

    /// Nothing of an action outlives the program: all that is left of it descends from this process.
    fn end_strays(&self) {
        let until = Instant::now() + STRAYS_TIME;
        descendants::end(rustix::process::getpid(), until);
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}
