//! Actions in anonymous memory: nothing on disk, nothing to clean up, and nobody can overwrite them while they are
//! mapped (which would crash whoever has them loaded).

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A copy of a file that lives as long as the descriptor.
pub fn private_copy(path: &Path) -> io::Result<OwnedFd> {
    Copying::begin(path)?.finish()
}

/// A copy that others may already hold and wait for, while it is being made.
pub struct Copying {
    original: File,
    memory: File,
}

impl Copying {
    /// Opens the file; nothing has been copied yet.
    pub fn begin(path: &Path) -> io::Result<Self> {
        Ok(Self {
            original: File::open(path)?,
            memory: room("libaction.so")?.into(),
        })
    }

    /// What will be the copy.
    pub fn copy(&self) -> io::Result<OwnedFd> {
        Ok(self.memory.try_clone()?.into())
    }

    /// Copies. From then on it [`is_whole`].
    pub fn finish(mut self) -> io::Result<OwnedFd> {
        io::copy(&mut self.original, &mut self.memory)?;
        seal(self.memory)
    }
}

/// Is this an action that nobody is still writing?
pub fn is_whole(file: &impl AsFd) -> bool {
    fcntl_get_seals(file).map_or(true, |seals| seals.contains(SealFlags::WRITE))
}

/// The same for bytes that are here already.
pub(super) fn from_bytes(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut memory = File::from(room("libaction.so")?);
    memory.write_all(bytes)?;
    seal(memory)
}

/// The name under which this process can open a descriptor.
pub fn path_of(file: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn seal(mut memory: File) -> io::Result<OwnedFd> {
    memory.rewind()?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&memory, seals)?;
    Ok(memory.into())
}

/// Room for an action. Since Linux 6.3 a flag says that the contents will be executed; older kernels do not know it.
pub fn room(name: &str) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(name, flags | MemfdFlags::EXEC) {
        Err(rustix::io::Errno::INVAL) => Ok(memfd_create(name, flags)?),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_does_not_change_with_the_original() {
        let path = std::env::temp_dir().join(format!("action-copy-{}", std::process::id()));
        std::fs::write(&path, b"first").expect("written");
        let copy = private_copy(&path).expect("copied");
        std::fs::write(&path, b"second").expect("written");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(std::fs::read(path_of(&copy)).expect("read"), b"first");
        assert!(std::fs::write(path_of(&copy), b"third").is_err());
    }

    #[test]
    fn a_copy_is_whole_when_it_has_been_made() {
        let path = std::env::temp_dir().join(format!("action-whole-{}", std::process::id()));
        std::fs::write(&path, b"bytes").expect("written");
        let copying = Copying::begin(&path).expect("opened");
        let held = copying.copy().expect("a descriptor");
        assert!(!is_whole(&held));
        copying.finish().expect("copied");
        assert!(is_whole(&held));
        assert_eq!(std::fs::read(path_of(&held)).expect("read"), b"bytes");
        assert!(is_whole(&File::open(&path).expect("opened")), "a file");
        std::fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn a_missing_original_is_an_error() {
        assert!(private_copy(Path::new("/nowhere/libaction.so")).is_err());
    }
}
