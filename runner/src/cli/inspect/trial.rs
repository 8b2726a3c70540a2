//! Loads a library and asks it what only it knows: whether its ABI fits, its entry points, and what they take and
//! answer. In a process of its own, since its initialisers may crash, exit or never come back.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cli::invoke;
use crate::refusal::{Death, LoadRefusal, Phase};

/// How long its initialisers may take.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What a loaded library says of itself.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// The first is the default.
    pub(super) entry_points: Vec<String>,
    /// By entry point, those that have one: `{"description":…,"parameters":…,"result":…}`.
    pub(super) descriptions: Map<String, Value>,
}

/// Tries the library in a child; the error is the sentence for people. `None`: no child could be started.
pub(super) fn load(path: &Path, entry_point: &str) -> Option<Result<Known, String>> {
    let mut child = Command::new("/proc/self/exe")
        .args(["inspect", "--trial", entry_point, "--"])
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut answer = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let _ = answer.read_to_string(&mut text);
        let _ = sender.send(text);
    });
    let text = receiver.recv_timeout(TRIAL_TIMEOUT);
    if text.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().ok()?;
    let Ok(text) = text else {
        let ms = u64::try_from(TRIAL_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
        return Some(Err(during_load(Death::TimeLimit { ms })));
    };
    Some(serde_json::from_str(&text).unwrap_or_else(|_| Err(during_load(death(status)))))
}

fn death(status: ExitStatus) -> Death {
    match (status.signal(), status.code()) {
        (Some(signal), _) => Death::Signal(signal),
        (None, code) => Death::Exited(code.unwrap_or(0)),
    }
}

fn during_load(death: Death) -> String {
    death.during(Phase::Load).to_string()
}

/// The child. What the library prints while it is loaded goes to stderr.
pub(super) fn answer(path: &Path, entry_point: &str) -> ExitCode {
    let Ok(stdout) = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3) else {
        return ExitCode::FAILURE;
    };
    let _ = rustix::stdio::dup2_stdout(rustix::stdio::stderr());
    let known = known(path, entry_point).map_err(|refusal| refusal.to_string());
    let text = serde_json::to_vec(&known).unwrap_or_default();
    let _ = std::fs::File::from(stdout).write_all(&text);
    ExitCode::SUCCESS
}

fn known(path: &Path, entry_point: &str) -> Result<Known, LoadRefusal> {
    let action = invoke::open(path, entry_point)?;
    let entry_points = action.entry_points();
    let described = |name: &String| {
        let text = action.describe(name)?;
        Some((name.clone(), serde_json::from_str(&text).ok()?))
    };
    Ok(Known {
        descriptions: entry_points.iter().filter_map(described).collect(),
        entry_points,
    })
}
