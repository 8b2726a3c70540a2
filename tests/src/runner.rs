//! A real runner: spoken to, and stopped. `launch` starts it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use serde_json::{Value, json};

use crate::capture::Capture;
use crate::processes::{self, Process};
use crate::{Connection, Init, LIMIT, Launch, Logs, Reply, requests};

/// A running runner. Dropping it ends it, gently first.
pub struct Runner {
    pub(crate) child: Child,
    pub address: SocketAddr,
    pub stdout: Capture,
    pub stderr: Capture,
    pub(crate) folder: PathBuf,
    pub(crate) mark: String,
}

impl Runner {
    /// A runner that waits for `/init`.
    #[track_caller]
    pub fn empty() -> Self {
        Launch::empty().start()
    }

    /// A runner to which this C fixture was sent.
    #[track_caller]
    pub fn with(fixture: &str) -> Self {
        let runner = Self::empty();
        runner
            .init(&Init::of(fixture))
            .assert_ok(&json!({ "ok": true }));
        runner
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    #[track_caller]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// A POST on a connection of its own, as an invoker sends it.
    #[track_caller]
    pub fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        let reply = self.connect().post(path, body.as_ref());
        reply.assert_framing();
        reply
    }

    #[track_caller]
    pub fn init(&self, init: &Init) -> Reply {
        self.post("/init", init.body())
    }

    /// R(value)
    #[track_caller]
    pub fn run(&self, value: &Value) -> Reply {
        self.run_with(value, &json!({}))
    }

    /// R(value, extra)
    #[track_caller]
    pub fn run_with(&self, value: &Value, extra: &Value) -> Reply {
        self.post("/run", requests::run_body(value, extra))
    }

    /// The processes of this runner that live now.
    pub fn tree(&self) -> Vec<Process> {
        processes::marked(&self.mark)
    }

    /// Waits until the tree looks right.
    #[track_caller]
    pub fn until_tree(&self, right: impl Fn(&[Process]) -> bool) -> Vec<Process> {
        processes::until(&self.mark, right)
            .unwrap_or_else(|tree| panic!("the processes are {tree:#?}"))
    }

    pub fn signal(&self, signal: Signal) {
        processes::signal(self.pid(), signal);
    }

    /// Waits for the master to end.
    #[track_caller]
    pub fn exit_status(&mut self) -> ExitStatus {
        assert!(
            self.ended_within_limit(),
            "the runner has not ended; stderr:\n{}",
            self.stderr_text()
        );
        self.child.wait().unwrap()
    }

    /// Stops the runner and gives all that it printed. Nothing of the tree may be left.
    #[track_caller]
    pub fn finish(mut self) -> Logs {
        self.signal(Signal::TERM);
        let status = self.exit_status();
        assert_eq!(
            status.code(),
            Some(0),
            "the runner ended with {status}; stderr:\n{}",
            self.stderr_text()
        );
        self.until_tree(<[_]>::is_empty);
        Logs {
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
        }
    }

    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr.so_far()).into_owned()
    }

    fn ended_within_limit(&mut self) -> bool {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return true;
        }
        let Some(pid) = Pid::from_raw(self.pid()) else {
            return true;
        };
        let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else {
            return true;
        };
        let limit = Timespec {
            tv_sec: LIMIT.as_secs().cast_signed(),
            tv_nsec: 0,
        };
        poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&limit)) == Ok(1)
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && !std::thread::panicking() {
            self.signal(Signal::TERM);
            self.ended_within_limit();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        for process in self.tree() {
            processes::signal(process.pid, Signal::KILL);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
