//! The connections of a worker: how many there may be, which there are, and what each of them is told.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::config::Config;
use crate::process::connection::Caller;
use crate::process::handover::{Queue, Waiting};
use crate::process::shared::Counts;
use crate::process::{self, Worker};

/// So many connections fit into any container.
const SURE: usize = 256;
/// What a connection takes of memory, in bytes, its request not counted.
const SIZE: u64 = 16 << 10;

/// All connections of this worker.
pub(super) struct Connections {
    /// How many more there may be.
    room: Arc<Semaphore>,
    /// By the number of the descriptor.
    open: Mutex<Open>,
    /// Those that were given up, and are not in the queue yet.
    left: Mutex<Vec<Waiting>>,
    counts: &'static Counts,
    config: &'static Config,
    /// It has been looked how many connections the memory has room for.
    measured: AtomicBool,
}

#[derive(Default)]
struct Open {
    by_number: Vec<Option<Arc<Control>>>,
    count: usize,
}

impl Open {
    fn all(&self) -> impl Iterator<Item = &Arc<Control>> {
        self.by_number.iter().flatten()
    }

    /// Puts something else in this place.
    fn replace(&mut self, number: RawFd, control: Option<Arc<Control>>) {
        let number = usize::try_from(number).unwrap_or(0);
        if self.by_number.len() <= number {
            self.by_number.resize_with(number + 1, || None);
        }
        self.count += usize::from(control.is_some());
        let before = std::mem::replace(&mut self.by_number[number], control);
        self.count -= usize::from(before.is_some());
    }

    fn get(&self, number: RawFd) -> Option<&Arc<Control>> {
        self.by_number.get(usize::try_from(number).ok()?)?.as_ref()
    }
}

/// What the rest of the worker knows of a connection and can tell it.
pub(super) struct Control {
    pub(super) caller: Caller,
    /// Wakes what serves it.
    pub(super) told: Notify,
    /// Leave as soon as no request is under way.
    pub(super) dismissed: AtomicBool,
    /// Its caller is waited for no longer.
    pub(super) given_up: AtomicBool,
    /// Bytes that the kernel has taken of its answers.
    pub(super) sent: AtomicU64,
}

/// A connection's entry in the books, struck out when it ends.
pub(super) struct Guest {
    control: Arc<Control>,
    connections: &'static Connections,
    _room: OwnedSemaphorePermit,
}

impl Guest {
    pub(super) fn control(&self) -> &Arc<Control> {
        &self.control
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        let number = self.control.caller.number();
        // Its number may be another connection's by now.
        if open
            .get(number)
            .is_some_and(|it| Arc::ptr_eq(it, &self.control))
        {
            open.replace(number, None);
        }
        self.connections.counts.note_connections(open.count);
    }
}

impl Connections {
    pub(super) fn new(worker: &Worker) -> Self {
        Self {
            room: Arc::new(Semaphore::new(worker.config.connections)),
            open: Mutex::default(),
            left: Mutex::default(),
            counts: worker.place.counts,
            config: worker.config,
            measured: AtomicBool::new(false),
        }
    }

    /// A quarter of the container's memory is for connections, shared by all workers. Looked up when there are many: most
    /// workers never have.
    fn fit_into_memory(&self) {
        let Some(limit) = process::memory_limit() else {
            return;
        };
        let fit = limit / 4 / SIZE / self.config.workers as u64;
        let fit = usize::try_from(fit).unwrap_or(usize::MAX).max(SURE);
        let surplus = self.config.connections.saturating_sub(fit);
        // Those that are open are fewer: the rest of the room is free.
        self.room.forget_permits(surplus);
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more, as soon as there is some.
    pub(super) async fn reserve(&self) -> OwnedSemaphorePermit {
        loop {
            // The semaphore is never closed.
            if let Ok(room) = self.room.clone().acquire_owned().await {
                return room;
            }
        }
    }

    /// Room for so many, if there is some now.
    pub(super) fn try_reserve(&self, number: usize) -> Option<OwnedSemaphorePermit> {
        let number = u32::try_from(number).ok()?;
        self.room.clone().try_acquire_many_owned(number).ok()
    }

    /// A connection is served from now on.
    pub(super) fn enter(&'static self, caller: Caller, room: OwnedSemaphorePermit) -> Guest {
        let control = Arc::new(Control {
            caller,
            told: Notify::new(),
            dismissed: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            sent: AtomicU64::new(0),
        });
        let mut open = self.open();
        open.replace(caller.number(), Some(control.clone()));
        if open.count == SURE && !self.measured.swap(true, Relaxed) {
            self.fit_into_memory();
        }
        self.counts.note_connections(open.count);
        Guest {
            control,
            connections: self,
            _room: room,
        }
    }

    /// Those that are being served.
    pub(super) fn all(&self) -> Vec<Arc<Control>> {
        self.open().all().cloned().collect()
    }

    /// Is there one for which this holds?
    pub(super) fn any(&self, holds: impl Fn(&Caller) -> bool) -> bool {
        self.open().all().any(|control| holds(&control.caller))
    }

    /// Ends the serving of each as soon as no request is under way on it.
    pub(super) fn dismiss(&self) {
        for control in self.open().all() {
            control.dismissed.store(true, Relaxed);
            control.told.notify_one();
        }
    }

    fn left(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection was given up, for the next worker.
    pub(super) fn leave_behind(&self, waiting: Waiting) {
        self.left().push(waiting);
    }

    /// Offers those that were given up. What the kernel refuses stays.
    pub(super) fn offer(&self, queue: &Queue) {
        queue.offer(&mut self.left());
    }

    pub(super) fn has_offered_all(&self) -> bool {
        self.left().is_empty()
    }
}
