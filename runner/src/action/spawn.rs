//! Starting an action that is a program: its variables, its descriptors, and that it does not outlive its worker.
#![expect(
    unsafe_code,
    reason = "what is arranged between fork and exec is plain system calls"
)]

use std::io::{self, PipeWriter};
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use super::Context;
use crate::refusal::Death;

/// The program with this run's variables. It inherits the rest.
pub(super) fn command(path: &Path, context: &Context<'_>) -> Command {
    let mut command = Command::new(path);
    let deadline = (context.deadline_ms != 0).then(|| context.deadline_ms.to_string());
    for (name, value) in [
        ("__OW_ACTIVATION_ID", context.activation_id),
        ("__OW_TRANSACTION_ID", context.transaction_id),
        ("__OW_NAMESPACE", context.namespace),
        ("__OW_ACTION_NAME", context.action_name),
        ("__OW_ACTION_VERSION", context.action_version),
        ("__OW_API_KEY", context.api_key),
        ("__OW_API_HOST", context.api_host),
        ("__OW_DEADLINE", deadline.as_deref().unwrap_or_default()),
    ] {
        if !value.is_empty() && !value.contains('\0') {
            command.env(name, value);
        }
    }
    command
}

/// Starts it, with `answers` as its descriptor 3 if there is one. It dies with the thread that calls this: a worker
/// that is killed for a run that takes too long takes the program with it.
#[expect(
    clippy::needless_pass_by_value,
    reason = "our copy of the writing end must be closed here, or the end of the child's answers is never seen"
)]
pub(super) fn start(mut command: Command, answers: Option<PipeWriter>) -> io::Result<Child> {
    let descriptor = answers.as_ref().map(AsRawFd::as_raw_fd);
    let arrange = move || {
        // SAFETY: a system call on integers, allowed between fork and exec.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
        match descriptor {
            // Onto itself it would keep its close-on-exec flag.
            // SAFETY: as above.
            Some(3) => check(unsafe { libc::fcntl(3, libc::F_SETFD, 0) }),
            // SAFETY: as above; what descriptor 3 was in the worker is of no use after exec.
            Some(descriptor) => check(unsafe { libc::dup2(descriptor, 3) }),
            None => Ok(()),
        }
    };
    // SAFETY: `arrange` allocates nothing and takes no lock.
    unsafe { command.pre_exec(arrange) };
    command.spawn()
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// How a program ended.
pub(super) fn death(status: ExitStatus) -> Death {
    status.signal().map_or_else(
        || Death::Exited(status.code().unwrap_or_default()),
        Death::Signal,
    )
}

/// Why there is no program.
pub(super) fn not_started(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    format!(
        "The program {path} could not be started: {error}. See that it is executable and built for this machine."
    )
}
