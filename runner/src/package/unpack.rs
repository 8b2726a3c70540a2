//! Writes an archive into a new folder, or into memory when it holds nothing but the action.
//!
//! `survey` has refused every name and link that leads outside; here the bytes are checked while they are written
//! (size, checksum). The folder is removed again unless everything went well.

use super::entry::{Archive, Entry, EntryKind};
use super::{Code, Limits, Package, Refused, choose, in_memory, memory, survey};
use crate::refusal::PackageRefusal as Refusal;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub(super) fn archive(bytes: &[u8], scratch: &Path, limits: &Limits) -> Result<Package, Refused> {
    let mut archive = survey::open(bytes, limits)?;
    let entries = survey::entries(&mut archive, limits)?;
    let chosen = choose::action(&mut archive, &entries)?;
    let origin = format!("{} in the archive", chosen.name);
    let companions = entries.iter().filter(|entry| is_companion(entry)).count() > 1;
    if !companions {
        let contents = chosen.contents(&mut archive, limits.size)?;
        return in_memory(&contents, origin);
    }
    let folder = Folder::new(scratch).map_err(|error| nowhere(scratch, &error))?;
    write_all(&mut archive, &entries, &folder.path, limits)?;
    let path = folder.path.join(&chosen.name);
    let code = Code::open(&path)?;
    // Whatever the archive says: it is there to be executed.
    fs::set_permissions(&path, Permissions::from_mode(0o755))
        .map_err(|error| nowhere(&folder.path, &error))?;
    // An action beside its own files has to be found there; where nothing may be executed, it is in memory.
    let file = match is_executable_place(&folder.path) {
        true => None,
        false => Some(memory::copy_of(&path).map_err(|error| Refusal::NoMemory {
            why: error.to_string(),
        })?),
    };
    Ok(Package {
        path: file.as_ref().map_or(path, memory::path_of),
        file,
        directory: Some(folder.keep()),
        origin,
        code,
    })
}

fn is_companion(entry: &Entry) -> bool {
    entry.is_content() || matches!(entry.kind, EntryKind::Link(_))
}

fn write_all(
    archive: &mut Archive<'_>,
    entries: &[Entry],
    folder: &Path,
    limits: &Limits,
) -> Result<(), Refusal> {
    let mut left = limits.size;
    for entry in entries {
        let path = folder.join(&entry.name);
        let fail = |error: io::Error| nowhere(folder, &error);
        match &entry.kind {
            EntryKind::Folder => fs::create_dir_all(&path).map_err(fail)?,
            EntryKind::Link(_) => {}
            EntryKind::File => {
                fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(fail)?;
                let mode = if entry.executable { 0o755 } else { 0o644 };
                let mut options = OpenOptions::new();
                let mut file = options
                    .write(true)
                    .create_new(true)
                    .mode(mode)
                    .open(&path)
                    .map_err(fail)?;
                left -= entry.copy(archive, &mut file, left, fail)?.min(left);
            }
        }
    }
    // Links come last: nothing is written through one.
    for entry in entries {
        if let EntryKind::Link(target) = &entry.kind {
            let path = folder.join(&entry.name);
            let made = fs::create_dir_all(path.parent().unwrap_or(folder))
                .and_then(|()| symlink(target, &path));
            made.map_err(|error| nowhere(folder, &error))?;
        }
    }
    Ok(())
}

fn nowhere(folder: &Path, error: &io::Error) -> Refusal {
    Refusal::NowhereToUnpack {
        folder: folder.display().to_string(),
        why: error.to_string(),
    }
}

/// May files in this folder be executed, that is, mapped as code?
fn is_executable_place(folder: &Path) -> bool {
    rustix::fs::statvfs(folder)
        .is_ok_and(|place| !place.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC))
}

/// A new folder that is removed again unless it is kept.
struct Folder {
    path: PathBuf,
    /// The scratch folder, when it was made for this.
    made: Option<PathBuf>,
    kept: bool,
}

impl Folder {
    fn new(scratch: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let made = (!scratch.exists()).then(|| scratch.to_owned());
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(scratch)?;
        let process = std::process::id();
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = scratch.join(format!("action-{process}-{number}"));
            match DirBuilder::new().mode(0o755).create(&path) {
                Ok(()) => {
                    return Ok(Self {
                        path,
                        made,
                        kept: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // Nobody is left to be told; the folder is ours alone.
        let _ = fs::remove_dir_all(&self.path);
        if let Some(made) = &self.made {
            let _ = fs::remove_dir(made);
        }
    }
}
