//! Actions in anonymous memory: nothing on disk, nothing to clean up, and nobody can overwrite them while they are
//! mapped (which would crash whoever has them loaded).

use rustix::fs::{
    MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create,
};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The largest library that is copied: as much as an archive may hold.
const LARGEST: u64 = 256 << 20;

/// Copies a file into the room made for it (see [`room`]), and seals that: then it [`is_whole`]. What is no ordinary
/// file is refused, and never waited for.
pub fn copy_into(path: &Path, memory: OwnedFd) -> io::Result<()> {
    let original = open_regular(path)?;
    let mut memory = File::from(memory);
    let length = original.metadata()?.len();
    if length > LARGEST {
        let limit = LARGEST >> 20;
        return Err(io::Error::other(format!(
            "it has {length} bytes, and at most {limit} MiB are taken"
        )));
    }
    io::copy(&mut original.take(LARGEST), &mut memory)?;
    seal(memory).map(drop)
}

/// A copy of a file, whole.
pub(super) fn copy_of(path: &Path) -> io::Result<OwnedFd> {
    let memory = room("libaction.so")?;
    copy_into(path, memory.try_clone()?)?;
    Ok(memory)
}

/// Opens an ordinary file. A named pipe or a device is refused instead of being waited for.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a regular file")),
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

/// Nobody can change it any more.
pub fn seal(mut memory: File) -> io::Result<OwnedFd> {
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

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("action-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_copy_does_not_change_with_the_original() {
        let path = scratch("copy");
        std::fs::write(&path, b"first").expect("written");
        let copy = room("copy").expect("memory");
        assert!(!is_whole(&copy));
        copy_into(&path, copy.try_clone().expect("a descriptor")).expect("copied");
        assert!(is_whole(&copy));
        std::fs::write(&path, b"second").expect("written");
        assert!(is_whole(&File::open(&path).expect("opened")), "a file");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(std::fs::read(path_of(&copy)).expect("read"), b"first");
        assert!(std::fs::write(path_of(&copy), b"third").is_err());
    }

    #[test]
    fn what_is_no_ordinary_file_is_refused() {
        let refused = |path: &Path| {
            let error = copy_into(path, room("copy").expect("memory"));
            error.expect_err("refused").to_string()
        };
        assert!(refused(Path::new("/nowhere/libaction.so")).contains("No such file"));
        assert!(refused(Path::new("/dev/zero")).contains("not a regular file"));
        let sparse = scratch("sparse");
        let file = File::create(&sparse).expect("created");
        file.set_len(6 << 30).expect("long");
        assert!(refused(&sparse).contains("at most 256 MiB"));
        std::fs::remove_file(&sparse).expect("removed");
    }
}
