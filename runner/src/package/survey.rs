//! Looks through an archive without writing anything: names, links, sizes, methods. Whatever would be refused is
//! refused here, before there is a folder; what remains are the checks that need the unpacked bytes.

use super::Limits;
use super::entry::{Archive, Entry, EntryKind, damaged, why};
use crate::refusal::PackageRefusal as Refusal;
use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read};
use zip::{CompressionMethod, ZipArchive};

pub(super) fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Archive<'a>, Refusal> {
    if let Some(found) = announced_entries(bytes).filter(|found| *found > limits.entries) {
        return Err(Refusal::TooManyEntries {
            found,
            limit: limits.entries,
        });
    }
    ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| Refusal::DamagedArchive { why: why(&error) })
}

/// How many entries the archive's last record announces; read here so that a huge list is refused before it is built.
fn announced_entries(bytes: &[u8]) -> Option<usize> {
    const RECORD: usize = 22;
    const COMMENT: usize = 65_535;
    let start = bytes.len().saturating_sub(RECORD + COMMENT);
    let tail = &bytes[start..];
    let record = tail
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")?;
    let count = tail.get(record + 10..record + 12)?;
    Some(usize::from(u16::from_le_bytes([count[0], count[1]])))
}

/// All entries, in order, if all of them may be unpacked.
pub(super) fn entries(archive: &mut Archive<'_>, limits: &Limits) -> Result<Vec<Entry>, Refusal> {
    if archive.is_empty() {
        return Err(Refusal::EmptyArchive);
    }
    if archive.len() > limits.entries {
        return Err(Refusal::TooManyEntries {
            found: archive.len(),
            limit: limits.entries,
        });
    }
    let mut total = 0_u64;
    let mut entries = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let (entry, size) = entry(archive, index)?;
        total = total.saturating_add(size);
        if total > limits.size {
            return Err(Refusal::TooLarge { limit: limits.size });
        }
        entries.push(entry);
    }
    // The crate keeps one entry of several with the same name.
    if archive.has_duplicate_names() {
        return Err(Refusal::DuplicateNames);
    }
    places(&entries)?;
    Ok(entries)
}

fn entry(archive: &mut Archive<'_>, index: usize) -> Result<(Entry, u64), Refusal> {
    let raw = archive
        .by_index_raw(index)
        .map_err(|error| Refusal::DamagedArchive { why: why(&error) })?;
    let name = String::from_utf8_lossy(raw.name_raw()).into_owned();
    if raw.encrypted() {
        return Err(Refusal::Encrypted { entry: name });
    }
    let method = raw.compression();
    if !matches!(
        method,
        CompressionMethod::Stored | CompressionMethod::Deflated
    ) {
        return Err(Refusal::Compression {
            entry: name,
            method: method.to_string(),
        });
    }
    let (is_folder, is_link) = (raw.is_dir(), raw.is_symlink());
    let executable = raw.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
    let size = raw.size();
    drop(raw);
    if let Err(why) = safe(&name) {
        return Err(Refusal::UnsafePath { entry: name, why });
    }
    let kind = match (is_folder, is_link) {
        (true, _) => EntryKind::Folder,
        (_, true) => EntryKind::Link(target(archive, index, &name)?),
        (false, false) => EntryKind::File,
    };
    let name = normal(&name);
    Ok((
        Entry {
            index,
            name,
            kind,
            executable,
        },
        size,
    ))
}

/// May this name be written below a folder?
fn safe(name: &str) -> Result<(), &'static str> {
    if name.contains('\0') {
        return Err("it contains a NUL character");
    }
    if name.contains('\u{fffd}') {
        return Err("it is not UTF-8");
    }
    if name.contains('\\') {
        return Err("it contains a backslash");
    }
    if name.starts_with('/') {
        return Err("it is absolute");
    }
    let first = name.split('/').next().unwrap_or("");
    if first.len() == 2 && first.ends_with(':') {
        return Err("it names a drive");
    }
    if name.split('/').any(|part| part == "..") {
        return Err("it leads outside");
    }
    if name.split('/').any(|part| part.len() > 255) || name.len() > 2048 {
        return Err("it is too long");
    }
    if normal(name).is_empty() && !name.ends_with('/') {
        return Err("it is empty");
    }
    Ok(())
}

/// The name without `.` and double slashes.
fn normal(name: &str) -> String {
    let parts: Vec<&str> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    parts.join("/")
}

/// Where a link points, if that is inside. Steps up may only stand first: they then start from a real folder.
fn target(archive: &mut Archive<'_>, index: usize, name: &str) -> Result<String, Refusal> {
    let mut target = String::new();
    let read = archive
        .by_index(index)
        .map_err(|error| damaged(name, &error))?;
    read.take(4096)
        .read_to_string(&mut target)
        .map_err(|error| Refusal::DamagedEntry {
            entry: name.to_owned(),
            why: error.to_string(),
        })?;
    let depth = normal(name).split('/').count() - 1;
    let parts: Vec<&str> = target
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let up = parts.iter().take_while(|part| **part == "..").count();
    let later = parts.iter().skip(up).any(|part| *part == "..");
    if target.is_empty() || target.starts_with('/') || target.contains('\0') || up > depth || later
    {
        return Err(Refusal::LinkOutside {
            entry: name.to_owned(),
            target,
        });
    }
    Ok(target)
}

/// No two entries in one place, and nothing below a file or a link.
fn places(entries: &[Entry]) -> Result<(), Refusal> {
    let mut kinds: HashMap<&str, &EntryKind> = HashMap::with_capacity(entries.len());
    for entry in entries {
        let twice = kinds.insert(&entry.name, &entry.kind);
        if twice.is_some_and(|other| *other != EntryKind::Folder || entry.kind != EntryKind::Folder)
        {
            return Err(ambiguous(&entry.name));
        }
    }
    let mut checked = HashSet::new();
    for entry in entries {
        for (slash, _) in entry.name.match_indices('/') {
            let folder = &entry.name[..slash];
            if !checked.insert(folder) {
                continue;
            }
            if kinds
                .get(folder)
                .is_some_and(|kind| **kind != EntryKind::Folder)
            {
                return Err(ambiguous(folder));
            }
        }
    }
    Ok(())
}

fn ambiguous(name: &str) -> Refusal {
    Refusal::Ambiguous {
        entry: name.to_owned(),
    }
}
