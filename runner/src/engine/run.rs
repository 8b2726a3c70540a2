//! One run from start to end: limits, context, call, log, answer.

use std::borrow::Cow;
use std::sync::atomic::Ordering::*;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::{Engine, leave_if_forked};
use crate::action::{Action, Context, Outcome};
use crate::process::connection::{Caller, Entry};
use crate::process::shared::{Phase, RunOutcome};
use crate::protocol::answer::Answer;
use crate::protocol::container;
use crate::protocol::run::{Metadata, Run};

/// The request's trace context, as its headers gave it; empty = not given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trace<'a> {
    pub parent: &'a str,
    pub state: &'a str,
}

impl Engine {
    /// Runs the action for `caller`, on this thread: the one that answers, or one of the pool when concurrency is on.
    /// `request` is the run that was asked for, or the answer to a request that cannot be read.
    pub fn run(
        &self,
        caller: Caller,
        request: Result<Run<'_>, Answer>,
        trace: Trace<'_>,
    ) -> Answer {
        if self.is_ending() {
            return Answer::shutting_down();
        }
        if !self.has_action() {
            return self.unread(Answer::no_action_yet());
        }
        let run = match request {
            Ok(run) => run,
            Err(answer) => return self.unread(answer),
        };
        let (limit_ms, deadline_ms) = self.deadline_of(&run.metadata);
        let _at_run = (self.worker.config.concurrency > 1).then(|| self.threads.enter());
        let counts = self.worker.place.counts;
        counts.begin();
        let entered = self.enter(caller, Entry::Run, limit_ms);
        let (outcome, answer) = match self.action() {
            Ok(action) => {
                let context = self.context(&run.metadata, deadline_ms, trace);
                self.call(action, &run, &context)
            }
            Err(answer) => (RunOutcome::Refused, answer),
        };
        self.end_log();
        drop(entered);
        // Only now: until then it is the keeper's, should this process end.
        counts.finish(outcome);
        self.wear();
        answer
    }

    fn call(
        &self,
        action: &dyn Action,
        run: &Run<'_>,
        context: &Context<'_>,
    ) -> (RunOutcome, Answer) {
        if let Ok(mut variables) = self.variables.try_lock()
            && let Some(variables) = &mut *variables
        {
            variables.update(&run.metadata);
        }
        // The clock is read only where somebody can ask for it.
        let begun = self.worker.config.admin.map(|_| Instant::now());
        let outcome = action.invoke(run.value, context);
        leave_if_forked();
        if let Some(begun) = begun {
            self.worker.place.counts.time(begun.elapsed());
        }
        answer(outcome)
    }

    /// How long the run may take (0 = any), and until when.
    fn deadline_of(&self, metadata: &Metadata<'_>) -> (u32, i64) {
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

    /// One run more: a worker that has had its runs, or has grown too large, asks for a successor and serves on until
    /// that one does.
    fn wear(&self) {
        let config = self.worker.config;
        if config.max_runs == 0 && config.max_rss == 0 {
            return;
        }
        let runs = self.runs.fetch_add(1, Relaxed) + 1;
        let is_worn = (config.max_runs != 0 && runs >= config.max_runs)
            || (config.max_rss != 0 && resident() > config.max_rss);
        if is_worn && self.worker.place.phase() == Phase::Ready {
            self.worker.report(Phase::Worn);
        }
    }
}

fn answer(outcome: Outcome) -> (RunOutcome, Answer) {
    match outcome {
        Outcome::Json(result) if container::looks_like_container(result.as_ref()).is_ok() => {
            (RunOutcome::Result, Answer::ok(Bytes::from_owner(result)))
        }
        Outcome::Unchecked(result) if container::check_result(result.as_ref()).is_ok() => {
            (RunOutcome::Result, Answer::ok(Bytes::from_owner(result)))
        }
        Outcome::Json(_) | Outcome::Unchecked(_) => (RunOutcome::Fault, Answer::not_a_container()),
        Outcome::Error(error) => (RunOutcome::Error, Answer::action_error(error.as_ref())),
        Outcome::Panicked(message) => (RunOutcome::Fault, Answer::panicked(message.as_ref())),
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
