//! The library that the tree serves, and how another one takes its place: the master's part.
//!
//! One worker, the candidate, tries the new library first; only when it serves do the others get it. A library that is
//! refused leaves everything as it was. What is served is a private copy: the file may be written over while it is
//! mapped, and a worker that is replaced later must not find another library than its neighbours have.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::copier::Copier;
use super::master::Master;
use super::shared::Phase;
use super::sys::{Fresh, SingleThread};
use super::upload::Verdict;
use crate::config::Config;
use crate::refusal::{self, LoadRefusal};

/// The library that serves, and the one that may be next.
pub(super) struct Library {
    /// Counts the libraries that workers have been started with.
    number: u32,
    /// `None`: there is none, or it could not be copied and is loaded from its file.
    current: Option<OwnedFd>,
    /// The first one is copied while the first workers start.
    first: Option<Copier>,
    swap: Option<Swap>,
    /// Another swap has been asked for meanwhile.
    again: bool,
}

/// A swap that is under way.
struct Swap {
    state: State,
    begun: Instant,
    /// Its number on the admin port, if it came from there.
    upload: Option<u32>,
}

enum State {
    /// The library is being copied.
    Copying(Copier),
    /// It waits for its candidate; `None`: fresh processes are wanted, with what is served.
    Waiting(Option<OwnedFd>),
    /// A candidate tries it.
    Trying(Option<OwnedFd>),
    /// It is the current one; this is what it says of itself. Workers with the old one are being replaced.
    Spreading(String),
}

impl Library {
    /// The one of the configuration.
    pub(super) fn of(config: &Config) -> io::Result<Self> {
        let path = config.library.as_deref();
        let first = path.map(Copier::new).transpose()?;
        Ok(Self {
            number: 1,
            current: None,
            first,
            swap: None,
            again: false,
        })
    }

    /// Copies the first one, for which workers may be waiting already.
    pub(super) fn begin_copy(&mut self, thread: &SingleThread) {
        self.first
            .iter_mut()
            .for_each(|copier| copier.start(thread));
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// What a worker that starts now is to load, with what ends when it has been copied.
    pub(super) fn share(&self, is_candidate: bool) -> Option<(OwnedFd, Option<OwnedFd>)> {
        let swap = self.swap.as_ref().filter(|_| is_candidate);
        if let Some(State::Waiting(Some(library))) = swap.map(|swap| &swap.state) {
            return Some((library.try_clone().ok()?, None));
        }
        match (&self.current, &self.first) {
            (Some(library), _) => Some((library.try_clone().ok()?, None)),
            (None, Some(copier)) => copier.share().ok(),
            (None, None) => None,
        }
    }

    /// Closes what a worker has inherited of all this, and not been given.
    pub(super) fn close_inherited(&mut self, fresh: &Fresh) {
        self.copiers()
            .for_each(|copier| copier.close_inherited(fresh));
        let next = self.swap.as_ref().and_then(|swap| match &swap.state {
            State::Waiting(library) | State::Trying(library) => library.as_ref(),
            _ => None,
        });
        let libraries = self.current.iter().chain(next);
        libraries.for_each(|library| fresh.close(library.as_fd()));
    }

    /// Has the tree one that did not come by `/init`?
    pub(super) fn is_there(&self, config: &Config) -> bool {
        config.library.is_some() || self.current.is_some()
    }

    fn copiers(&mut self) -> impl Iterator<Item = &mut Copier> {
        let swap = self.swap.as_mut().and_then(|swap| match &mut swap.state {
            State::Copying(copier) => Some(copier),
            _ => None,
        });
        self.first.iter_mut().chain(swap)
    }

    /// Is this a process that copies?
    pub(super) fn has(&mut self, pid: Pid) -> bool {
        self.copiers().any(|copier| copier.pid() == Some(pid))
    }

    /// How long until the next look at those is due.
    pub(super) fn next_look(&mut self) -> Option<Duration> {
        self.copiers().map(|copier| copier.next_look()).min()
    }

    pub(super) fn watch_time(&mut self) {
        self.copiers().for_each(Copier::watch_time);
    }
}

impl Master {
    /// A process that copied has ended.
    pub(super) fn copied(&mut self, pid: Pid) {
        let library = &mut self.library;
        if let Some(copier) = library.first.take_if(|copier| copier.pid() == Some(pid)) {
            // What cannot be copied is loaded from its file: its worker says what is wrong with it.
            library.current = copier.finish().ok();
            return;
        }
        let is_copying = |swap: &mut Swap| matches!(swap.state, State::Copying(_));
        let Some(mut swap) = library.swap.take_if(is_copying) else {
            return;
        };
        let copied = match std::mem::replace(&mut swap.state, State::Waiting(None)) {
            State::Copying(copier) => copier.finish(),
            _ => return,
        };
        match copied {
            Ok(copy) => {
                swap.state = State::Waiting(Some(copy));
                library.swap = Some(swap);
            }
            Err(why) => {
                let path = self.config.library.as_deref();
                let path = path.map_or_else(String::new, |path| path.display().to_string());
                let refusal = LoadRefusal::Unreadable { path, why };
                refusal::report(&refusal);
                self.end_swap(&swap, &Verdict::Refused(refusal.to_string()));
            }
        }
    }

    /// Somebody wants what is now in the library's file; or, without one, fresh processes.
    pub(super) fn reload(&mut self) {
        if self.library.swap.is_some() {
            self.library.again = true;
            return;
        }
        let state = match &self.config.library {
            Some(path) => match Copier::new(path) {
                Ok(mut copier) => {
                    copier.start(&self.thread);
                    State::Copying(copier)
                }
                Err(error) => {
                    refusal::report(&format!("The library cannot be copied: {error}."));
                    return self.say_unchanged();
                }
            },
            None => State::Waiting(None),
        };
        self.begin_swap(state, None);
    }

    /// The admin process has a library.
    pub(super) fn on_upload(&mut self) {
        if self.library.swap.is_some() {
            return; // It is looked at when the other swap is over.
        }
        if let Some((number, library)) = self.uploads.asked() {
            self.begin_swap(State::Waiting(Some(library)), Some(number));
        }
    }

    fn begin_swap(&mut self, state: State, upload: Option<u32>) {
        self.library.swap = Some(Swap {
            state,
            begun: Instant::now(),
            upload,
        });
    }

    /// A swap may have come further.
    pub(super) fn advance_swap(&mut self) {
        let Some(mut swap) = self.library.swap.take() else {
            return;
        };
        let candidate = self.pairs.iter().position(|pair| pair.is_candidate);
        match (&mut swap.state, candidate) {
            (State::Waiting(_), None) if self.may_replace() => {
                self.library.swap = Some(swap);
                let started = self.start_pair(true);
                let Some(mut swap) = self.library.swap.take() else {
                    return;
                };
                match (started, swap.state) {
                    (Ok(()), State::Waiting(library)) => swap.state = State::Trying(library),
                    (Err(error), state) => {
                        swap.state = state;
                        let why = format!("A worker cannot be started: {error}.");
                        return self.end_swap(&swap, &Verdict::Refused(why));
                    }
                    (_, state) => swap.state = state,
                }
                self.library.swap = Some(swap);
                return;
            }
            (State::Trying(library), Some(index)) => {
                let pair = &mut self.pairs[index];
                match pair.place.phase() {
                    phase if phase.accepts() && phase != Phase::Refused => {
                        pair.is_candidate = false;
                        // The reference of every worker before is the old library.
                        self.library.number += 1;
                        pair.library = self.library.number;
                        if let Some(library) = library.take() {
                            self.library.current = Some(library);
                        }
                        self.breaker.forget();
                        swap.state = State::Spreading(pair.place.sentence());
                    }
                    _ => {}
                }
            }
            (State::Spreading(identity), _) if self.is_settled() => {
                let verdict = Verdict::Serves(identity.clone());
                return self.end_swap(&swap, &verdict);
            }
            _ => {}
        }
        self.library.swap = Some(swap);
    }

    /// The candidate has ended: what it tried is refused.
    pub(super) fn refuse_candidate(&mut self, why: &str) {
        if let Some(swap) = self.library.swap.take() {
            self.end_swap(&swap, &Verdict::Refused(why.to_owned()));
        }
    }

    fn end_swap(&mut self, swap: &Swap, verdict: &Verdict) {
        if let Verdict::Serves(identity) = verdict {
            let generation = self.shared.generation.fetch_add(1, AcqRel) + 1;
            let took = swap.begun.elapsed().as_secs_f64() * 1000.0;
            refusal::report(&format!(
                "generation {generation}, {identity}, {took:.1} ms"
            ));
        } else {
            self.say_unchanged();
        }
        if let Some(number) = swap.upload {
            self.uploads.answer(number, verdict);
        }
        if std::mem::take(&mut self.library.again) {
            self.reload();
        }
        self.on_upload();
    }

    fn say_unchanged(&self) {
        let generation = self.shared.generation.load(Relaxed);
        refusal::report(&format!("generation {generation} goes on serving"));
    }
}
