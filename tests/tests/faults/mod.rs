//! What an action may do to the process that it shares with the server: each caller gets an answer that names the fault,
//! the log is complete and closed, and the next request is answered as if nothing had happened.

mod abuse;
mod deaths;
mod frozen;
mod languages;
mod limits;
mod logs;
mod loops;
mod neighbours;
mod overruns;
mod timing;
mod tree;

/// How the fixture dies, and what the answer says of it.
pub(crate) const DEATHS: &[(&str, &str)] = &[
    ("segv", "SIGSEGV (invalid memory reference)"),
    ("bus", "SIGBUS"),
    (
        "ill",
        if cfg!(target_arch = "x86_64") {
            "SIGILL"
        } else {
            "SIGTRAP"
        },
    ),
    ("fpe", "SIGFPE"),
    ("abort", "SIGABRT"),
    ("stackoverflow", "SIGSEGV"),
    ("stackoverflow_thread", "SIGSEGV"),
    ("exit", "exit status 3"),
    ("exit0", "exit status 0"),
    ("exit_thread", "exit status 7"),
    ("rawexit", "exit status 4"),
    ("kill", "killed"),
];
