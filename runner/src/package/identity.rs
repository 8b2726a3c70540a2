//! Which library is this? A short name for people, and a number that differs when a byte does.

use super::elf;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How much of a build-id is shown.
const SHOWN: usize = 16;

/// The beginning of the library's build-id; of the fingerprint of its bytes, if it has none.
pub fn identity(look: &elf::Library, path: &Path) -> String {
    match &look.build_id {
        Some(id) => id.chars().take(SHOWN).collect(),
        None => fingerprint(path).map_or_else(|_| "unknown".to_owned(), |it| format!("{it:016x}")),
    }
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
