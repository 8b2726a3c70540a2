//! Asks the action whether it is ready for traffic, where somebody can ask for it on the admin port.
//!
//! While no run is under way, and on a thread of its own, since it may never come back; it is waited for, so that it
//! does not run beside a run.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::janitor::every;
use crate::engine::Engine;

/// How often an action is asked, and how long it may think about it.
const QUESTION: Duration = Duration::from_secs(1);

/// Where the action is asked, and answers.
pub(super) struct Questioner {
    engine: &'static Engine,
    ask: Sender<()>,
    answers: Receiver<Result<(), String>>,
    /// The last question has not been answered.
    waits: bool,
}

impl Questioner {
    pub(super) fn new(engine: &'static Engine) -> io::Result<Self> {
        let (ask, asked) = channel();
        let (answer, answers) = channel();
        thread::Builder::new()
            .name("ready".to_owned())
            .spawn(move || {
                for () in asked {
                    let _ = answer.send(engine.ask_whether_ready());
                }
            })?;
        Ok(Self {
            engine,
            ask,
            answers,
            waits: false,
        })
    }

    /// Asks once, and notes what the action says, or that it says nothing.
    pub(super) fn ask(&mut self) {
        if self.engine.is_elsewhere() {
            return;
        }
        if !self.waits && self.ask.send(()).is_err() {
            return;
        }
        let patience = if self.waits { Duration::ZERO } else { QUESTION };
        let answer = self.answers.recv_timeout(patience);
        self.waits = answer.is_err();
        let silent = |_| Err("The action does not say whether it is ready.".to_owned());
        let page = self.engine.worker().page();
        page.note_readiness(&answer.unwrap_or_else(silent));
    }

    /// Asks for ever.
    pub(super) async fn go_on(mut self) {
        let mut ticks = every(QUESTION);
        ticks.tick().await; // The first comes at once.
        loop {
            ticks.tick().await;
            self.ask();
        }
    }
}
