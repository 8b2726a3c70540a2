//! From the bytes somebody sent to one action, in memory or in a folder of its own.
//!
//! `decode` undoes the base64, `kind` tells code from an archive, `survey` and `choose` look through an archive without
//! writing anything, `unpack` writes it, `memory` holds what needs no folder, `identity` tells one action from another.
//! `code` says what a file is, library or program; `elf` and `program` whether it would do here, `search` where its own
//! libraries are looked for. Nothing here runs code of an action, and after a refusal nothing is left behind.

pub mod elf;
pub mod search;

mod choose;
mod code;
mod decode;
mod entry;
mod identity;
mod kind;
mod memory;
mod program;
mod survey;
mod unpack;

pub use code::Code;
pub use identity::{Stamp, fingerprint, identity, is_same, stamp};
pub use memory::{copy_into, is_whole, open_regular, path_of, room, seal};
pub use program::{Contract, Form, Program};

use crate::refusal::PackageRefusal;
pub use crate::refusal::Refused;
use kind::Kind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// An action that is ready to be loaded or started.
#[derive(Debug)]
pub struct Package {
    /// Where it is: a file in the unpacked folder, or `/proc/self/fd/N`.
    pub path: PathBuf,
    /// The memory behind `/proc/self/fd/N`; must stay open until a library is loaded.
    pub file: Option<OwnedFd>,
    /// The working directory of the action, when it came with other files. It is the receiver's to remove.
    pub directory: Option<PathBuf>,
    /// How to call it in messages.
    pub origin: String,
    /// What it is.
    pub code: Code,
}

/// How much an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files, unpacked.
    pub size: u64,
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size: 256 << 20,
            entries: 10_000,
        }
    }
}

/// Takes what `/init` delivers: base64 text of a library or program, or of a zip archive with one; or a script as it
/// is. `scratch` is where an archive with several files is unpacked, in a new folder.
pub fn receive(code: &str, scratch: &Path, limits: &Limits) -> Result<Package, Refused> {
    if kind::of(code.as_bytes()) == Some(Kind::Script) {
        return from_bytes(code.as_bytes(), scratch, limits);
    }
    decode::recognise(code)?;
    from_bytes(&decode::base64(code)?, scratch, limits)
}

/// The same for bytes that nobody encoded.
pub fn from_bytes(bytes: &[u8], scratch: &Path, limits: &Limits) -> Result<Package, Refused> {
    match kind::of(bytes) {
        Some(Kind::Elf | Kind::Script) => in_memory(bytes, "the uploaded action".to_owned()),
        Some(Kind::Zip) => unpack::archive(bytes, scratch, limits),
        None => Err(neither(bytes).into()),
    }
}

fn neither(bytes: &[u8]) -> PackageRefusal {
    let twice = [&b"f0VMR"[..], b"UEsDB", b"UEsFB"];
    if bytes.is_empty() {
        return PackageRefusal::Nothing;
    }
    if twice.iter().any(|magic| bytes.starts_with(magic)) {
        return PackageRefusal::EncodedTwice;
    }
    PackageRefusal::NotAPackage {
        found: kind::describe(bytes),
    }
}

/// An action without companions.
fn in_memory(bytes: &[u8], origin: String) -> Result<Package, Refused> {
    let code = Code::read(bytes)?;
    let file = memory::from_bytes(bytes).map_err(|error| PackageRefusal::NoMemory {
        why: error.to_string(),
    })?;
    Ok(Package {
        path: path_of(&file),
        file: Some(file),
        directory: None,
        origin,
        code,
    })
}

#[cfg(test)]
mod tests;
