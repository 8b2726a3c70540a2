//! What an `/init` delivered, written down so that the next worker can load it again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::package::Package;
use crate::protocol::envelope::Note;
use crate::refusal::PackageRefusal;

/// Where the action is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) enum Source {
    /// The one of the configuration.
    #[default]
    Configured,
    /// The memory that all processes of the tree share.
    Memory,
    /// In the folder where an archive was unpacked.
    File(PathBuf),
}

/// Which action to load, and into which surroundings.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Recipe {
    pub source: Source,
    /// The working directory, if it came with companions.
    pub directory: Option<PathBuf>,
    pub entry_point: String,
    pub env: BTreeMap<String, String>,
    pub note: Note,
}

impl Recipe {
    pub(super) fn write(&self, memory: &OwnedFd) -> io::Result<()> {
        let file = File::from(memory.try_clone()?);
        let text = serde_json::to_vec(self)?;
        file.set_len(0)?;
        file.write_all_at(&text, 0)
    }

    /// The descriptor's position is shared by all processes, so it is left alone.
    pub(super) fn read(memory: &OwnedFd) -> io::Result<Self> {
        let file = File::from(memory.try_clone()?);
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        let mut text = vec![0; length];
        file.read_exact_at(&mut text, 0)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

/// Puts a package where it survives this worker.
pub(super) fn keep(package: &Package, memory: &OwnedFd) -> Result<Source, PackageRefusal> {
    let Some(file) = &package.file else {
        return Ok(Source::File(package.path.clone()));
    };
    copy(file, memory).map_err(|error| PackageRefusal::NoMemory {
        why: error.to_string(),
    })?;
    Ok(Source::Memory)
}

fn copy(from: &OwnedFd, to: &OwnedFd) -> io::Result<()> {
    let (mut from, mut to) = (File::from(from.try_clone()?), File::from(to.try_clone()?));
    to.set_len(0)?;
    from.rewind()?;
    to.rewind()?;
    io::copy(&mut from, &mut to).map(drop)
}
