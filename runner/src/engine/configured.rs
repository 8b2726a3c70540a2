//! Where the library that the runner was started with, or that took its place, is loaded from.
//!
//! From a private copy in memory, since the file may be written over while it is mapped. A library that looks for its
//! companions beside itself (`$ORIGIN`) has to be loaded from its folder: it is replaced by renaming, never in place.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use super::Engine;
use crate::package::elf;
use crate::refusal::LoadRefusal;

/// A library that has been looked at.
pub(super) struct Configured {
    pub path: PathBuf,
    pub look: elf::Library,
    /// The working directory, if it came with companions.
    pub directory: Option<PathBuf>,
}

impl Engine {
    /// Is there such a library?
    pub(super) fn has_library(&self) -> bool {
        self.worker.config.library.is_some() || self.worker.library.is_some()
    }

    /// Finds it and reads what it says about itself.
    pub(super) fn configured(&self) -> Result<Configured, LoadRefusal> {
        let file = self.worker.config.library.as_deref();
        let Some(copy) = self.worker.library else {
            return look(file.unwrap_or(Path::new("")), None);
        };
        let memory = PathBuf::from(format!("/proc/self/fd/{}", copy.as_raw_fd()));
        if let Some((path, folder)) = self.unpacked(&memory) {
            return look(&path, Some(folder));
        }
        let found = look(&memory, None)?;
        match file {
            Some(path) if looks_beside_itself(&found.look) => look(path, None),
            _ => Ok(found),
        }
    }

    /// The file behind the descriptor and the folder that it was unpacked to with its companions, if it was.
    fn unpacked(&self, memory: &Path) -> Option<(PathBuf, PathBuf)> {
        let path = fs::read_link(memory).ok()?;
        let scratch = &self.worker.config.scratch;
        let folder = path.strip_prefix(scratch).ok()?.components().next()?;
        Some((path.clone(), scratch.join(folder)))
    }
}

fn look(path: &Path, directory: Option<PathBuf>) -> Result<Configured, LoadRefusal> {
    Ok(Configured {
        look: elf::open(path)?,
        path: path.to_owned(),
        directory,
    })
}

fn looks_beside_itself(library: &elf::Library) -> bool {
    let mut folders = library.rpath.iter().chain(&library.runpath);
    folders.any(|folder| folder.contains("$ORIGIN") || folder.contains("${ORIGIN}"))
}
