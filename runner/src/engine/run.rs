//! One run from start to end: decode, context, call, log, answer.

use std::borrow::Cow;
use std::sync::atomic::Ordering::*;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::Engine;
use crate::action::{Action, Context, Outcome};
use crate::process::blame::AtRun;
use crate::process::shared::{Counts, Ending};
use crate::process::slots::{Slot, State};
use crate::protocol::answer::Answer;
use crate::protocol::container;
use crate::protocol::run::{self, Metadata, Run};

/// The request's trace context, as its headers gave it; empty = not given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trace<'a> {
    pub parent: &'a str,
    pub state: &'a str,
}

/// What a request is about. A second `/init` has no log; all else that is refused has one, a run before any `/init` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Init,
    Run,
    /// Knative's single entry point.
    Either,
}

impl Engine {
    /// Runs the action on `body`, for the caller of `slot`. Called on the thread that answers, or on threads of their
    /// own when concurrency is on.
    pub fn run(&self, slot: &Slot, body: &[u8], trace: Trace<'_>) -> Answer {
        self.check_and_run(|| match run::decode(body) {
            Ok(run) => Ok(self.activate(slot, &run, trace)),
            Err(refusal) => Err(Answer::from(&refusal)),
        })
    }

    /// The same for a value that stands in a body of another form; `Err` is the answer to one that cannot be read.
    pub fn run_value<'a>(
        &self,
        slot: &Slot,
        value: Result<Cow<'a, str>, Answer>,
        metadata: Metadata<'a>,
        trace: Trace<'_>,
    ) -> Answer {
        self.check_and_run(|| {
            let value = value?;
            let run = Run {
                value: &value,
                metadata,
            };
            Ok(self.activate(slot, &run, trace))
        })
    }

    fn check_and_run(&self, run: impl FnOnce() -> Result<Answer, Answer>) -> Answer {
        if self.is_draining() {
            return Answer::shutting_down();
        }
        if !self.has_action() {
            return self.unread(Answer::no_action_yet(), Entry::Run);
        }
        run().unwrap_or_else(|answer| self.unread(answer, Entry::Run))
    }

    /// A request that cannot be read: it never reaches the action, and ends its log all the same, if it has one.
    pub fn unread(&self, answer: Answer, entry: Entry) -> Answer {
        if entry != Entry::Init {
            self.counts().count(Ending::Refused);
        }
        let has_log = match entry {
            Entry::Init => self.worker.tree.delivered.load(Acquire) == 0,
            Entry::Run | Entry::Either => true,
        };
        if has_log {
            self.begin_log();
            self.end_log();
        }
        answer
    }

    /// Calls the action with what has been decoded.
    fn activate(&self, slot: &Slot, run: &Run<'_>, trace: Trace<'_>) -> Answer {
        let (limit_ms, deadline_ms) = self.time_for(&run.metadata);
        let worker = &self.worker;
        let _at_run = (worker.config.concurrency > 1).then(|| AtRun::of(worker.pair, slot));
        self.enter(slot, State::Running, limit_ms);
        let (ending, answer) = match self.action() {
            Ok(action) => self.call(
                action,
                run,
                &self.context(&run.metadata, deadline_ms, trace),
            ),
            Err(answer) => (Ending::Refused, answer),
        };
        self.end_log();
        slot.set(State::Answering, self.worker.seat);
        // Only now: until then it is the keeper's, should this process end.
        self.counts().count(ending);
        self.count_run();
        answer
    }

    fn call(&self, action: &dyn Action, run: &Run<'_>, context: &Context<'_>) -> (Ending, Answer) {
        // With several runs at once there is no one environment that would be right.
        if self.worker.config.concurrency == 1
            && let Ok(mut variables) = self.variables.try_lock()
        {
            variables.update(&run.metadata);
        }
        // The clock is read only where somebody can ask for it.
        let begun = self.worker.config.admin.map(|_| Instant::now());
        let outcome = action.invoke(run.value, context);
        self.leave_if_forked();
        if let Some(begun) = begun {
            self.counts().time(begun.elapsed());
        }
        answer(outcome)
    }

    /// What the workers of this seat have counted.
    fn counts(&self) -> &'static Counts {
        &self.worker.pair.counts[self.worker.seat]
    }

    /// How long the run may take (0 = any), and until when.
    fn time_for(&self, metadata: &Metadata<'_>) -> (u32, i64) {
        let Some(deadline) = metadata.deadline_ms() else {
            return (self.limit_ms(), 0);
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let left = i64::try_from(now).map_or(0, |now| deadline.saturating_sub(now));
        // One that has passed before the run began leaves it the grace and no more.
        let left = u32::try_from(left.max(1)).unwrap_or(u32::MAX);
        (left, deadline)
    }

    fn context<'a>(
        &'a self,
        metadata: &'a Metadata<'_>,
        deadline_ms: i64,
        trace: Trace<'a>,
    ) -> Context<'a> {
        fn text<'a>(value: &'a Option<Cow<'_, str>>) -> &'a str {
            value.as_deref().unwrap_or_default()
        }
        Context {
            deadline_ms,
            activation_id: text(&metadata.activation_id),
            transaction_id: text(&metadata.transaction_id),
            namespace: text(&metadata.namespace),
            action_name: text(&metadata.action_name),
            action_version: text(&metadata.action_version),
            api_key: text(&metadata.api_key),
            api_host: metadata.api_host.as_deref().unwrap_or(&self.api_host),
            traceparent: trace.parent,
            tracestate: trace.state,
            others: &metadata.others,
        }
    }

    fn count_run(&self) {
        let page = self.worker.page();
        let runs = page.runs.fetch_add(1, Relaxed) + 1;
        let config = self.worker.config;
        if (config.max_runs != 0 && runs >= config.max_runs)
            || (config.max_rss != 0 && resident() > config.max_rss)
        {
            self.retire();
        }
    }
}

fn answer(outcome: Outcome) -> (Ending, Answer) {
    match outcome {
        Outcome::Json(result) if container::glance(result.as_ref()).is_ok() => {
            (Ending::Result, Answer::ok(Bytes::from_owner(result)))
        }
        Outcome::Unchecked(result) if container::check_result(result.as_ref()).is_ok() => {
            (Ending::Result, Answer::ok(Bytes::from_owner(result)))
        }
        Outcome::Json(_) | Outcome::Unchecked(_) => (Ending::Fault, Answer::not_a_container()),
        Outcome::Error(error) => (Ending::Error, Answer::action_error(error.as_ref())),
        Outcome::Panicked(message) => (Ending::Fault, Answer::panicked(message.as_ref())),
    }
}

/// Resident memory of this process, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
