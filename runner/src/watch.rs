//! Watches the library's file, in a process of its own, and asks the master for a swap when another library is there.
//!
//! Events come from the kernel and are gathered until the writer pauses. Some mounts of containers send none: so the
//! file is looked at every second as well. A file that is still being written, or is no action, is waited for; one
//! that is whole but does not load is tried once, and the one that serves goes on.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::process::{Signal, kill_process};

use crate::package::{self, Code, Stamp, stamp};
use crate::process::SideProcess;
use crate::refusal;

/// How long a writer has to pause before its file is looked at.
const PAUSE: Duration = Duration::from_millis(50);
/// How often the file is looked at without an event.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The life of the process that watches. Returns its exit status.
pub fn work(side: SideProcess) -> i32 {
    let Some(path) = side.config.library.as_deref() else {
        return 0;
    };
    let mut file = Watched::new(path, side.library);
    // Without events (no more watches to be had, for one) the clock has to do.
    let events = watch_folder(path).ok();
    loop {
        wait(events.as_ref());
        if file.has_changed() {
            let _ = kill_process(side.master, Signal::HUP);
        }
    }
}

/// Events of the folder, since a file that is renamed into it is another file. Reading is none of them.
fn watch_folder(path: &Path) -> rustix::io::Result<OwnedFd> {
    let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    inotify::add_watch(
        &events,
        folder.unwrap_or(Path::new(".")),
        WatchFlags::CREATE
            | WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::ATTRIB,
    )?;
    Ok(events)
}

/// Returns when something has happened and its writer pauses, and every `LOOK_INTERVAL` in any case.
fn wait(events: Option<&OwnedFd>) {
    let Some(events) = events else {
        return std::thread::sleep(LOOK_INTERVAL);
    };
    let until = Instant::now() + LOOK_INTERVAL;
    let mut patience = LOOK_INTERVAL;
    while is_readable(
        events,
        patience.min(until.saturating_duration_since(Instant::now())),
    ) {
        // What has happened to which file does not matter: the file is looked at.
        let mut passed = [0; 4096];
        while rustix::io::read(events, &mut passed).is_ok_and(|bytes| bytes > 0) {}
        patience = PAUSE;
    }
}

fn is_readable(events: &OwnedFd, patience: Duration) -> bool {
    let timeout = Timespec::try_from(patience).ok();
    let mut one = [PollFd::new(events, PollFlags::IN)];
    poll(&mut one, timeout.as_ref()).is_ok_and(|ready| ready > 0)
}

/// The file as it was when it was last looked at.
struct Watched<'a> {
    path: &'a Path,
    seen: Option<Stamp>,
    fingerprint: Option<u64>,
    /// What was last said about a file that is no action.
    reported: String,
}

impl<'a> Watched<'a> {
    /// `seen` is the file that is served.
    fn new(path: &'a Path, seen: Option<Stamp>) -> Self {
        let fingerprint = package::fingerprint(path).ok();
        Self {
            path,
            seen,
            fingerprint: fingerprint.filter(|_| stamp(path) == seen),
            reported: String::new(),
        }
    }

    /// Is there another action now, a whole one?
    fn has_changed(&mut self) -> bool {
        let now = stamp(self.path);
        if now.is_none() || now == self.seen {
            return false;
        }
        if let Err(error) = Code::open(self.path) {
            // Perhaps it is still being written. If it was written and is wrong, somebody wants to know.
            let reported = error.of(self.path).to_string();
            if now == stamp(self.path) && reported != self.reported {
                refusal::report(&reported);
                self.reported = reported;
            }
            return false;
        }
        let fingerprint = package::fingerprint(self.path).ok();
        if now != stamp(self.path) {
            return false; // Written to while it was read: the next look will tell.
        }
        self.reported.clear();
        self.seen = now;
        fingerprint.is_some()
            && std::mem::replace(&mut self.fingerprint, fingerprint) != fingerprint
    }
}
