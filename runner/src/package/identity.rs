//! Which action is this? A short name for people, and a number that differs when a byte does.

use super::Code;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How much of a build-id is shown.
const SHOWN: usize = 16;

/// The beginning of its build-id; of the fingerprint of its bytes, if it has none.
pub fn identity(code: &Code, path: &Path) -> String {
    match code.binary().and_then(|binary| binary.build_id.as_ref()) {
        Some(id) => id.chars().take(SHOWN).collect(),
        None => fingerprint(path).map_or_else(|_| "unknown".to_owned(), |it| format!("{it:016x}")),
    }
}

/// What changes when a file is written or replaced.
pub type Stamp = (u64, u64, u64, i64, i64);

/// `None`: there is no such file.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    ))
}

/// A number that two files share only by chance (FNV-1a): to notice a change, not to keep anybody from making one.
pub fn fingerprint(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hash);
        }
        for byte in &buffer[..count] {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

/// Do both files hold the same bytes? One that cannot be read holds others.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let compare = || -> io::Result<bool> {
        let (mut one, mut other) = (File::open(one)?, File::open(other)?);
        if one.metadata()?.len() != other.metadata()?.len() {
            return Ok(false);
        }
        let mut buffers = [vec![0; 64 * 1024], vec![0; 64 * 1024]];
        loop {
            let [ours, theirs] = &mut buffers;
            let count = one.read(ours)?;
            other.read_exact(&mut theirs[..count])?;
            if count == 0 || ours[..count] != theirs[..count] {
                return Ok(count == 0);
            }
        }
    };
    compare().unwrap_or(false)
}
