//! A fleet under a stream of calls. A call goes to an idle container of its function; else it waits for the next that is
//! free. Where those at work could not do all that waits in the time that a start takes, another is started, on the
//! machine with most room. Where there is none, the container that has been
//! idle longest has to go; where none is idle, the start waits. Containers that were idle for as long as they are kept are
//! ended.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::arrivals::{Call, SECOND, Time};
use super::machine::Machine;
use super::runtime::Runtime;

/// OpenWhisk keeps an idle container for ten minutes.
pub const KEPT: Time = 600 * SECOND;

/// What is the same for all runtimes.
#[derive(Clone)]
pub struct Setting {
    pub machines: usize,
    pub cores: usize,
    /// KiB of each machine.
    pub memory: u64,
    /// KiB that a container takes beside its runtime: the engine's process for it, and the action's own.
    pub container: u64,
    /// What the engine needs for a container before its first process runs.
    pub engine: Time,
    /// The action's own work.
    pub work: Time,
    /// Calls before this only warm the fleet up.
    pub from: Time,
}

#[derive(Default)]
pub struct Outcome {
    pub calls: usize,
    pub cold: usize,
    /// From a call to the beginning of the action's own work; sorted.
    pub waits: Vec<Time>,
}

impl Outcome {
    pub fn cold_share(&self) -> f64 {
        self.cold as f64 / self.calls.max(1) as f64
    }

    /// In milliseconds.
    pub fn mean(&self) -> f64 {
        self.waits.iter().sum::<Time>() as f64 / self.waits.len().max(1) as f64 / 1e6
    }

    /// In milliseconds.
    pub fn percentile(&self, part: f64) -> f64 {
        let index = (self.waits.len().saturating_sub(1) as f64 * part).round() as usize;
        self.waits.get(index).map_or(f64::NAN, |wait| *wait as f64 / 1e6)
    }
}

struct Container {
    function: usize,
    machine: usize,
    /// Has not had a call yet.
    fresh: bool,
    /// Since when, unless it starts, works or is gone.
    idle: Option<Time>,
}

#[derive(Clone, Default)]
struct Function {
    /// Containers, the last used at the end.
    idle: Vec<usize>,
    /// Calls that wait, by when they came.
    queue: VecDeque<Time>,
    /// Containers that were asked for and have not started yet, and those at work.
    starting: usize,
    working: usize,
}

pub struct Simulation<'a> {
    runtime: &'a Runtime,
    setting: &'a Setting,
    machines: Vec<Machine>,
    containers: Vec<Container>,
    functions: Vec<Function>,
    /// All that became idle, in that order; some have worked since.
    oldest: VecDeque<(Time, usize)>,
    /// When which container will be free.
    ends: BinaryHeap<Reverse<(Time, usize)>>,
    /// Functions that need a container for which there was no room.
    wanted: VecDeque<usize>,
    outcome: Outcome,
}

impl<'a> Simulation<'a> {
    pub fn run(runtime: &'a Runtime, setting: &'a Setting, functions: u32, calls: &[Call]) -> Outcome {
        let machine = || Machine::new(setting.memory, setting.cores);
        let mut simulation = Self {
            runtime,
            setting,
            machines: (0..setting.machines).map(|_| machine()).collect(),
            containers: Vec::new(),
            functions: vec![Function::default(); functions as usize],
            oldest: VecDeque::new(),
            ends: BinaryHeap::new(),
            wanted: VecDeque::new(),
            outcome: Outcome::default(),
        };
        for (time, function) in calls {
            simulation.until(*time);
            simulation.call(*time, *function as usize);
        }
        while let Some(Reverse((end, _))) = simulation.ends.peek().copied() {
            simulation.until(end);
        }
        simulation.outcome.waits.sort_unstable();
        simulation.outcome
    }

    /// All that happens up to a time.
    fn until(&mut self, time: Time) {
        while let Some(Reverse((end, container))) = self.ends.peek().copied().filter(|next| next.0.0 <= time) {
            self.ends.pop();
            self.expire(end);
            self.free(end, container);
        }
        self.expire(time);
    }

    fn call(&mut self, now: Time, index: usize) {
        let long = self.start_time();
        let function = &mut self.functions[index];
        if let Some(container) = function.idle.pop() {
            return self.serve(now, container, now);
        }
        function.queue.push_back(now);
        let needed = (function.queue.len() as Time * self.setting.work).div_ceil(long);
        if ((function.starting + function.working) as Time) < needed {
            function.starting += 1;
            self.wanted.push_back(index);
            self.start_wanted(now);
        }
    }

    fn start_time(&self) -> Time {
        self.setting.engine + self.runtime.start
    }

    /// A container has started, or ended its run.
    fn free(&mut self, now: Time, index: usize) {
        let container = &mut self.containers[index];
        let function = &mut self.functions[container.function];
        if container.fresh {
            function.starting -= 1;
        } else {
            function.working -= 1;
        }
        if let Some(called) = function.queue.pop_front() {
            return self.serve(now, index, called);
        }
        function.idle.push(index);
        (container.fresh, container.idle) = (false, Some(now));
        self.oldest.push_back((now, index));
        self.start_wanted(now);
    }

    fn serve(&mut self, now: Time, index: usize, called: Time) {
        let container = &mut self.containers[index];
        let cold = std::mem::take(&mut container.fresh);
        container.idle = None;
        self.functions[container.function].working += 1;
        let busy = self.runtime.cpu + self.setting.work;
        let begin = self.machines[container.machine].runs.work(now, busy);
        let ready = begin + self.runtime.run;
        self.ends.push(Reverse((ready + self.setting.work, index)));
        if called >= self.setting.from {
            self.outcome.calls += 1;
            self.outcome.cold += usize::from(cold);
            self.outcome.waits.push(ready - called);
        }
    }

    fn start_wanted(&mut self, now: Time) {
        while let Some(index) = self.wanted.front().copied() {
            let function = &mut self.functions[index];
            if function.queue.is_empty() {
                // Others have taken its calls in the meantime.
                function.starting -= 1;
            } else if !self.start(now, index) {
                return;
            }
            self.wanted.pop_front();
        }
    }

    /// False: there is no room now.
    fn start(&mut self, now: Time, function: usize) -> bool {
        let need = self.runtime.memory + self.setting.container;
        let roomy = self.roomy(need).or_else(|| {
            self.evict();
            self.roomy(need)
        });
        let Some(machine) = roomy else { return false };
        self.machines[machine].free -= need;
        let long = self.start_time();
        let begin = self.machines[machine].starts.work(now, long);
        self.ends.push(Reverse((begin + long, self.containers.len())));
        self.containers.push(Container {
            function,
            machine,
            fresh: true,
            idle: None,
        });
        true
    }

    fn roomy(&self, need: u64) -> Option<usize> {
        let machines = self.machines.iter().enumerate();
        let most = machines.max_by_key(|(_, machine)| machine.free)?;
        (most.1.free >= need).then_some(most.0)
    }

    /// Containers of a runtime take the same memory, so that one makes room for one.
    fn evict(&mut self) {
        while let Some((since, container)) = self.oldest.pop_front() {
            if self.containers[container].idle == Some(since) {
                return self.end(container);
            }
        }
    }

    fn expire(&mut self, now: Time) {
        while let Some((since, container)) = self.oldest.front().copied().filter(|(since, _)| since + KEPT <= now) {
            self.oldest.pop_front();
            if self.containers[container].idle == Some(since) {
                self.end(container);
            }
        }
    }

    /// Ends an idle container.
    fn end(&mut self, index: usize) {
        let container = &mut self.containers[index];
        container.idle = None;
        self.machines[container.machine].free += self.runtime.memory + self.setting.container;
        self.functions[container.function].idle.retain(|other| *other != index);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
