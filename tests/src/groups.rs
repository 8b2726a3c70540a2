//! Control groups of the tests' own, where this machine lets them make some: a limit of memory or of processes, and the
//! freezer. Only the first version's folders are known; elsewhere the image's tests have the containers' limits.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::LIMIT;

/// A group of one controller; removed at the end.
pub struct Group(PathBuf);

impl Group {
    /// At most so many bytes of memory, swap included.
    pub fn memory(bytes: u64) -> Option<Self> {
        let group = Self::new("memory")?;
        group.set("memory.limit_in_bytes", &bytes.to_string())?;
        let _ = group.set("memory.memsw.limit_in_bytes", &bytes.to_string());
        Some(group)
    }

    /// At most so many threads and processes.
    pub fn processes(count: u32) -> Option<Self> {
        let group = Self::new("pids")?;
        group.set("pids.max", &count.to_string())?;
        Some(group)
    }

    /// A group that can be frozen.
    pub fn freezer() -> Option<Self> {
        Self::new("freezer")
    }

    fn new(controller: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("black-box-{}-{number}", std::process::id());
        let folder = PathBuf::from("/sys/fs/cgroup").join(controller).join(name);
        fs::create_dir(&folder).ok()?;
        Some(Self(folder))
    }

    fn set(&self, file: &str, value: &str) -> Option<()> {
        fs::write(self.0.join(file), value).ok()
    }

    /// The words that start a program inside this group.
    pub fn words(&self) -> [String; 4] {
        let join = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", self.0.display());
        ["sh", "-c", &join, "sh"].map(str::to_owned)
    }

    /// Freezes all that is in the group, and waits until it is so.
    pub fn freeze(&self) {
        self.set("freezer.state", "FROZEN").unwrap();
        let start = Instant::now();
        while self.state() != "FROZEN" {
            assert!(start.elapsed() < LIMIT, "it does not freeze");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn thaw(&self) {
        self.set("freezer.state", "THAWED").unwrap();
    }

    fn state(&self) -> String {
        let state = fs::read_to_string(self.0.join("freezer.state")).unwrap();
        state.trim().to_owned()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.set("freezer.state", "THAWED");
        // The last process of a tree may still be on its way out.
        let start = Instant::now();
        while fs::remove_dir(&self.0).is_err() && start.elapsed() < LIMIT {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
