//! One entry of an archive: what it is, and its bytes.

use crate::refusal::PackageRefusal as Refusal;
use std::io::{self, Cursor, Read, Write};
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

pub(super) type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// One entry that may be unpacked. The name is relative, has no `..`, and no folder in it is a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) kind: EntryKind,
    pub(super) executable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Folder,
    /// A symbolic link, to this target.
    Link(String),
}

impl Entry {
    /// Is it a file that somebody meant to put there, not what macOS adds on its own?
    pub(super) fn is_content(&self) -> bool {
        let name = self.name.rsplit('/').next().unwrap_or_default();
        let added =
            self.name.starts_with("__MACOSX/") || name == ".DS_Store" || name.starts_with("._");
        self.kind == EntryKind::File && !added
    }

    /// To be read, from its beginning.
    pub(super) fn open<'a, 'b>(
        &self,
        archive: &'a mut Archive<'b>,
    ) -> Result<ZipFile<'a, Cursor<&'b [u8]>>, Refusal> {
        let file = archive.by_index(self.index);
        file.map_err(|error| damaged(&self.name, &error))
    }

    /// The unpacked bytes, `limit` at the most.
    pub(super) fn contents(
        &self,
        archive: &mut Archive<'_>,
        limit: u64,
    ) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        let no_memory = |error: io::Error| Refusal::NoMemory {
            why: error.to_string(),
        };
        self.copy(archive, &mut bytes, limit, no_memory)?;
        Ok(bytes)
    }

    /// Unpacks it, `limit` bytes at the most; its checksum is compared at the end. `unwritable` says what became of a
    /// write that failed. The answer is the number of bytes.
    pub(super) fn copy(
        &self,
        archive: &mut Archive<'_>,
        to: &mut impl Write,
        limit: u64,
        unwritable: impl Fn(io::Error) -> Refusal,
    ) -> Result<u64, Refusal> {
        let file = self.open(archive)?;
        let announced = file.size();
        // What an entry announces has been held against the limit; what it has may be more.
        let mut file = file.take(announced.saturating_add(1).min(limit.saturating_add(1)));
        let mut written = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = file
                .read(&mut buffer)
                .map_err(|error| self.damaged(error.to_string()))?;
            if read == 0 {
                break;
            }
            written += read as u64;
            to.write_all(&buffer[..read]).map_err(&unwritable)?;
        }
        if written > limit {
            return Err(Refusal::TooLarge { limit });
        }
        if written != announced {
            return Err(self.damaged(format!(
                "it has {written} bytes where {announced} are announced"
            )));
        }
        Ok(written)
    }

    /// What reading it has come to.
    pub(super) fn damaged(&self, why: String) -> Refusal {
        Refusal::DamagedEntry {
            entry: self.name.clone(),
            why,
        }
    }
}

/// The entry of this name cannot be read.
pub(super) fn damaged(name: &str, error: &ZipError) -> Refusal {
    Refusal::DamagedEntry {
        entry: name.to_owned(),
        why: why(error),
    }
}

/// The reason without the crate's own preamble.
pub(super) fn why(error: &ZipError) -> String {
    match error {
        ZipError::Io(error) => error.to_string(),
        ZipError::InvalidArchive(text) => text.to_string(),
        other => other.to_string(),
    }
}
