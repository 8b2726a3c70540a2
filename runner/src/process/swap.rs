//! The library that the tree serves, and how another one takes its place: the master's part.
//!
//! One worker tries the new library first; only when it serves do the others get it. A library that is refused leaves
//! everything as it was. What is served is a private copy: the file may be written over while it is mapped, and a
//! worker that is replaced later must not find another library than its neighbours have.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::Ordering::*;
use std::time::Instant;

use super::master::Master;
use super::ring;
use super::shared::Verdict;
use super::slots::Tree;
use super::sys;
use crate::config::Config;
use crate::package::{self, Copying};
use crate::refusal::{self, LoadRefusal};

/// The library that serves, and the one that may be next.
pub(super) struct Library {
    /// `None`: there is none, or it could not be copied and is loaded from its file.
    current: Option<OwnedFd>,
    /// The first one is copied while the first workers start: that takes as long as their way to it.
    copying: Option<Copying>,
    swapping: Option<Swapping>,
    /// Another swap has been asked for meanwhile.
    again: bool,
}

struct Swapping {
    library: Option<OwnedFd>,
    begun: Instant,
    /// The number of this swap for each pair that has been asked, the first alone at first.
    asked: Vec<u32>,
    /// Its number on the admin port, if it came from there.
    upload: Option<u32>,
}

impl Library {
    /// The one of the configuration.
    pub(super) fn of(config: &Config) -> Self {
        let path = config.library.as_ref();
        let copying = path.and_then(|path| Copying::begin(path).ok());
        Self {
            current: copying.as_ref().and_then(|copying| copying.copy().ok()),
            copying,
            swapping: None,
            again: false,
        }
    }

    /// Makes the copy that workers may be waiting for already.
    pub(super) fn finish_copy(&mut self, tree: &Tree) {
        let Some(copying) = self.copying.take() else {
            return; // Nobody waits.
        };
        self.current = copying.finish().ok();
        tree.copied.store(1, Release);
        sys::futex_wake(&tree.copied);
    }

    /// What a worker that starts now is to load.
    pub(super) fn serving(&self) -> Option<&OwnedFd> {
        match &self.swapping {
            Some(swapping) if swapping.asked.len() > 1 => swapping.library.as_ref(),
            _ => self.current.as_ref(),
        }
    }
}

impl Master {
    /// Somebody wants what is now in the library's file; or, without one, fresh processes.
    pub(super) fn reload(&mut self) {
        if self.library.swapping.is_some() {
            self.library.again = true;
            return;
        }
        let library = match &self.config.library {
            Some(path) => {
                package::private_copy(path)
                    .map(Some)
                    .map_err(|error| LoadRefusal::Unreadable {
                        path: path.display().to_string(),
                        why: error.to_string(),
                    })
            }
            None => Ok(self
                .library
                .current
                .as_ref()
                .and_then(|it| it.try_clone().ok())),
        };
        match library {
            Ok(library) => self.begin_swap(library, None),
            Err(error) => {
                refusal::complain(&error);
                self.say_unchanged();
            }
        }
    }

    /// The admin process has a library.
    pub(super) fn heed_upload(&mut self) {
        let upload = &self.tree.upload;
        if !upload.swap.is_open() || self.library.swapping.is_some() {
            return; // In the second case it is looked at when the other swap is over.
        }
        let number = upload.swap.asked();
        let process = self.attendants.admin_process();
        let descriptor = upload.descriptor.load(Acquire);
        match process.map(|process| File::open(format!("/proc/{process}/fd/{descriptor}"))) {
            Some(Ok(file)) => self.begin_swap(Some(file.into()), Some(number)),
            _ => {
                let why = "The upload was interrupted: send it again.".to_owned();
                upload.swap.settle(number, &Verdict::Refused(why));
            }
        }
    }

    fn begin_swap(&mut self, library: Option<OwnedFd>, upload: Option<u32>) {
        if self.stop_by.is_some() {
            return;
        }
        let number = library.as_ref().map_or(0, AsRawFd::as_raw_fd);
        self.tree
            .staged
            .store(u32::try_from(number).unwrap_or(0), Release);
        self.library.swapping = Some(Swapping {
            library,
            begun: Instant::now(),
            asked: vec![self.ask(0)],
            upload,
        });
    }

    fn ask(&self, index: usize) -> u32 {
        let kept = &self.pairs[index];
        let number = kept.pair.swap.ask();
        ring(kept.bell.as_fd());
        number
    }

    /// A swap may have come further.
    pub(super) fn heed_swap(&mut self) {
        let Some(asked) = self.library.swapping.as_ref().map(|it| it.asked.len()) else {
            return;
        };
        let Some(verdict) = self.verdict() else {
            return;
        };
        let others = asked..self.pairs.len();
        if let (Verdict::Serves(_), false) = (&verdict, others.is_empty()) {
            let more: Vec<u32> = others.map(|index| self.ask(index)).collect();
            if let Some(swapping) = &mut self.library.swapping {
                swapping.asked.extend(more);
            }
            return;
        }
        self.end_swap(&verdict);
    }

    /// What the first pair says, once all that were asked have said something.
    fn verdict(&self) -> Option<Verdict> {
        let asked = &self.library.swapping.as_ref()?.asked;
        let verdicts = self.pairs.iter().zip(asked);
        let verdicts: Option<Vec<Verdict>> = verdicts
            .map(|(kept, number)| kept.pair.swap.verdict(*number))
            .collect();
        verdicts?.into_iter().next()
    }

    fn end_swap(&mut self, verdict: &Verdict) {
        let Some(swapping) = self.library.swapping.take() else {
            return;
        };
        self.tree.staged.store(0, Release);
        if let Verdict::Serves(identity) = verdict {
            self.library.current = swapping.library;
            let generation = self.tree.generation.fetch_add(1, AcqRel) + 1;
            let took = swapping.begun.elapsed().as_secs_f64() * 1000.0;
            refusal::complain(&format!(
                "generation {generation}, {identity}, {took:.1} ms"
            ));
        } else {
            self.say_unchanged();
        }
        if let Some(number) = swapping.upload {
            self.tree.upload.swap.settle(number, verdict);
        }
        if std::mem::take(&mut self.library.again) {
            self.reload();
        }
        self.heed_upload();
    }

    fn say_unchanged(&self) {
        let generation = self.tree.generation.load(Relaxed);
        refusal::complain(&format!("generation {generation} goes on serving"));
    }
}
