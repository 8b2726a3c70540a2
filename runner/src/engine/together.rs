//! Initialisations that come together with a run: a caller that cannot know whether the process behind the address has
//! been initialised sends the same `init` with each request, and the first one counts.

use std::sync::atomic::Ordering::*;

use super::Engine;
use super::recipe::Recipe;
use crate::process::slots::Slot;
use crate::protocol::answer::Answer;
use crate::protocol::envelope::{Initialisation, Note};

impl Engine {
    /// Initialises, unless that has been done with exactly this. Anything but 200 is the answer to the whole request.
    pub fn init_once(&self, slot: &Slot, initialisation: &Initialisation<'_>) -> Answer {
        let note = initialisation.note;
        if self.is_initialised_with(note) {
            return Answer::init_ok();
        }
        self.one_at_a_time(|| {
            if self.is_initialised_with(note) {
                return Answer::init_ok();
            }
            self.init_alone(slot, || Ok(initialisation.init.clone()), note)
        })
    }

    fn is_initialised_with(&self, note: Note) -> bool {
        self.note().is_some_and(|done| done.digest == note.digest)
    }

    /// What is remembered of the initialisation; `None` while there has been none.
    pub fn note(&self) -> Option<Note> {
        if let Some(note) = self.note.get() {
            return Some(*note);
        }
        if self.worker.tree.delivered.load(Acquire) == 0 {
            return None;
        }
        // It succeeds once, for all workers and for good.
        let note = Recipe::read(&self.worker.delivery.recipe).ok()?.note;
        Some(*self.note.get_or_init(|| note))
    }
}
