//! Watches the library's file, in a process of its own, and asks the master for a swap when another library is there.
//!
//! Events come from the kernel and are gathered until the writer pauses. Some mounts of containers send none: so the
//! file is looked at every second as well. A file that is still being written, or is no action, is waited for; one
//! that is whole but does not load is tried once, and the one that serves goes on.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use notify_debouncer_full::notify::{EventKind, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, new_debouncer};
use rustix::process::{Signal, kill_process};

use crate::package::{self, Code, Stamp, stamp};
use crate::process::Attendant;
use crate::refusal;

/// How long a writer has to pause before its file is looked at.
const PAUSE: Duration = Duration::from_millis(50);
/// How often the file is looked at without an event.
const LOOK: Duration = Duration::from_secs(1);

/// The life of the process that watches. Returns its exit status.
pub fn work(attendant: Attendant) -> i32 {
    let Some(path) = attendant.config.library.as_deref() else {
        return 0;
    };
    let mut file = Watched::new(path, attendant.library);
    let (events, news) = channel();
    let heed = move |event: DebounceEventResult| {
        // Reading the file is an event too, and not one to look again for.
        let changed = event.map_or(true, |events| {
            events
                .iter()
                .any(|event| !matches!(event.kind, EventKind::Access(_)))
        });
        if changed {
            let _ = events.send(());
        }
    };
    // Without events (no more watches to be had, for one) the clock has to do.
    let debouncer = new_debouncer(PAUSE, None, heed).and_then(|mut debouncer| {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        debouncer.watch(
            folder.unwrap_or(Path::new(".")),
            RecursiveMode::NonRecursive,
        )?;
        Ok(debouncer)
    });
    loop {
        match news.recv_timeout(LOOK) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
        }
        if file.has_changed() {
            let _ = kill_process(attendant.master, Signal::HUP);
        }
        let _ = &debouncer;
    }
}

/// The file as it was when it was last looked at.
struct Watched<'a> {
    path: &'a Path,
    seen: Option<Stamp>,
    fingerprint: Option<u64>,
    /// What was last said about a file that is no action.
    complaint: String,
}

impl<'a> Watched<'a> {
    /// `seen` is the file that is served.
    fn new(path: &'a Path, seen: Option<Stamp>) -> Self {
        let fingerprint = package::fingerprint(path).ok();
        Self {
            path,
            seen,
            fingerprint: fingerprint.filter(|_| stamp(path) == seen),
            complaint: String::new(),
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
            let complaint = error.of(self.path).to_string();
            if now == stamp(self.path) && complaint != self.complaint {
                refusal::complain(&complaint);
                self.complaint = complaint;
            }
            return false;
        }
        let fingerprint = package::fingerprint(self.path).ok();
        if now != stamp(self.path) {
            return false; // Written to while it was read: the next look will tell.
        }
        self.complaint.clear();
        self.seen = now;
        fingerprint.is_some()
            && std::mem::replace(&mut self.fingerprint, fingerprint) != fingerprint
    }
}
