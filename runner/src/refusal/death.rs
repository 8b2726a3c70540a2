//! How an action ended its process, in one sentence. Used by the keeper, which has neither tokio nor much time:
//! nothing here allocates unless the sentence is asked for.

use std::fmt;

/// What the process was doing when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A run of the action.
    Run,
    /// The library's `init`.
    Init,
    /// Loading the library: its initialisers, before `init`.
    Load,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    Signal(i32),
    Exited(i32),
    OutOfMemory {
        limit_mb: u64,
    },
    TimeLimit {
        ms: u64,
    },
    /// The program was told to stop, and the time for it was over.
    Stopped,
}

impl Death {
    /// The sentence for this phase; `Display` is the one for a run.
    pub fn during(self, phase: Phase) -> Sentence {
        Sentence { death: self, phase }
    }

    /// A signal's name, for those that end processes; its number otherwise.
    pub fn signal_name(number: usize) -> String {
        let known = i32::try_from(number).ok().and_then(signal);
        known.map_or_else(|| format!("signal {number}"), |(name, _)| name.to_owned())
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.during(Phase::Run).fmt(f)
    }
}

/// A death and its phase, ready to be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentence {
    death: Death,
    phase: Phase,
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let during = match self.phase {
            Phase::Run => "",
            Phase::Init => " during initialization",
            Phase::Load => " while its library was loaded",
        };
        match self.death {
            Death::Signal(number) => match signal(number) {
                Some((name, meaning)) => {
                    write!(f, "The action crashed{during}: {name} ({meaning}).")
                }
                None => write!(f, "The action crashed{during}: signal {number}."),
            },
            Death::Exited(status) => {
                write!(
                    f,
                    "The action ended its process{during} with exit status {status}."
                )
            }
            // 0: the container has no limit of its own.
            Death::OutOfMemory { limit_mb: 0 } => {
                write!(f, "The action was killed{during}, probably out of memory.")
            }
            Death::OutOfMemory { limit_mb } => write!(
                f,
                "The action was killed{during}, probably out of memory: limit {limit_mb} MB."
            ),
            Death::TimeLimit { ms } => write!(
                f,
                "The action exceeded its time limits of {ms} milliseconds{during}."
            ),
            Death::Stopped => write!(
                f,
                "The action was ended{during}: the runner is stopping, and the time that --grace gives was over."
            ),
        }
    }
}

/// Name and meaning of the signals that end processes (the numbers of x86-64 and AArch64 Linux).
fn signal(number: i32) -> Option<(&'static str, &'static str)> {
    Some(match number {
        1 => ("SIGHUP", "hangup"),
        2 => ("SIGINT", "interrupt"),
        3 => ("SIGQUIT", "quit"),
        4 => ("SIGILL", "illegal instruction"),
        5 => ("SIGTRAP", "trace or breakpoint trap"),
        6 => ("SIGABRT", "abort"),
        7 => ("SIGBUS", "access to memory that is not there"),
        8 => ("SIGFPE", "arithmetic fault"),
        9 => ("SIGKILL", "killed"),
        10 => ("SIGUSR1", "user signal 1"),
        11 => ("SIGSEGV", "invalid memory reference"),
        12 => ("SIGUSR2", "user signal 2"),
        13 => ("SIGPIPE", "write to a closed pipe"),
        14 => ("SIGALRM", "alarm clock"),
        15 => ("SIGTERM", "termination"),
        16 => ("SIGSTKFLT", "stack fault"),
        24 => ("SIGXCPU", "CPU time limit"),
        25 => ("SIGXFSZ", "file size limit"),
        26 => ("SIGVTALRM", "virtual alarm clock"),
        27 => ("SIGPROF", "profiling timer"),
        29 => ("SIGIO", "input or output possible"),
        30 => ("SIGPWR", "power failure"),
        31 => ("SIGSYS", "forbidden system call"),
        _ => return None,
    })
}
