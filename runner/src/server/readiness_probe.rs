//! Asks the action whether it is ready for traffic, where somebody can ask for it on the admin port.
//!
//! On a thread of its own, since it may take its time or never come back: no run waits for that. One that answers within
//! a millisecond does not run beside a run.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::read_timeout::every;
use crate::engine::Engine;

/// How often an action is asked, and how long it may think about it.
const QUESTION: Duration = Duration::from_secs(1);
/// How long this worker stands still for the answer.
const PAUSE: Duration = Duration::from_millis(1);

/// Where the action is asked, and answers.
pub(super) struct ReadinessProbe {
    engine: &'static Engine,
    ask: Sender<()>,
    answers: Receiver<Result<(), String>>,
    /// When the question was asked that has not been answered.
    asked: Option<Instant>,
}

impl ReadinessProbe {
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
            asked: None,
        })
    }

    /// Asks once, and notes what the action says, or that it says nothing. Called before anybody waits for a run.
    pub(super) async fn ask(&mut self) {
        if self.ask.send(()).is_ok() {
            self.asked = Some(Instant::now());
            self.note(self.answers.recv_timeout(QUESTION).ok());
        }
    }

    /// Asks for ever.
    pub(super) async fn go_on(mut self) {
        let mut ticks = every(QUESTION);
        ticks.tick().await; // The first comes at once.
        loop {
            ticks.tick().await;
            if self.engine.has_pooled_runs() {
                continue;
            }
            if self.asked.is_none() {
                if self.ask.send(()).is_err() {
                    return;
                }
                self.asked = Some(Instant::now());
            }
            self.note(self.answers.recv_timeout(PAUSE).ok());
        }
    }

    fn note(&mut self, answer: Option<Result<(), String>>) {
        let place = self.engine.worker().place;
        match (answer, self.asked) {
            (Some(answer), _) => {
                self.asked = None;
                place.note_readiness(&answer);
            }
            (None, Some(asked)) if asked.elapsed() >= QUESTION => {
                let silent = "The action does not say whether it is ready.".to_owned();
                place.note_readiness(&Err(silent));
            }
            (None, _) => {}
        }
    }
}
