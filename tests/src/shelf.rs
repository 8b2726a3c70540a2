//! A library file that a test replaces while a runner serves it: versions of one fixture, and files that are no library.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::fixtures;

/// A folder of its own with the one file that changes.
pub struct Shelf {
    folder: PathBuf,
    /// The file that the runner is told to serve.
    pub library: PathBuf,
}

/// The fixture that says which version of itself answered.
pub fn version(number: u32) -> PathBuf {
    fixtures::c_with("version", &[&format!("-DVERSION={number}")])
}

/// The same, ending its process while it is loaded.
pub fn dying() -> PathBuf {
    fixtures::c_with("version", &["-DDIE"])
}

/// The same, with an init that says no.
pub fn refusing() -> PathBuf {
    fixtures::c_with("version", &["-DREFUSE"])
}

impl Shelf {
    /// A shelf with a copy of this library on it.
    pub fn with(library: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("black-box-shelf-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let shelf = Self {
            library: folder.join("libaction.so"),
            folder,
        };
        shelf.put(library);
        shelf
    }

    /// Replaces the file the careful way: written beside, then renamed.
    pub fn put(&self, library: &Path) {
        self.put_bytes(&fs::read(library).unwrap());
    }

    pub fn put_bytes(&self, bytes: &[u8]) {
        let draft = self.folder.join("draft");
        fs::write(&draft, bytes).unwrap();
        fs::rename(draft, &self.library).unwrap();
    }

    /// Writes over the file in place, while whoever has it mapped looks on.
    pub fn overwrite(&self, bytes: &[u8]) {
        fs::write(&self.library, bytes).unwrap();
    }

    /// Puts a link in the file's place.
    pub fn link(&self, library: &Path) {
        let draft = self.folder.join("draft");
        symlink(library, &draft).unwrap();
        fs::rename(draft, &self.library).unwrap();
    }

    pub fn remove(&self) {
        fs::remove_file(&self.library).unwrap();
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
