//! Which file of an archive is the action.
//!
//! `libaction.so` at the root; else the only library at the root; else the only one in a folder. Where there are
//! several, the one that exports an action counts, if it is one. A library is known by its name (`.so`) or, failing
//! that, by its first bytes.

use super::elf;
use super::survey::{Archive, Entry, EntryKind, damaged};
use crate::refusal::PackageRefusal as Refusal;
use std::io::Read;

const PREFERRED: &str = "libaction.so";

/// The entry that holds the library.
pub(super) fn library<'e>(
    archive: &mut Archive<'_>,
    entries: &'e [Entry],
) -> Result<&'e Entry, Refusal> {
    let files: Vec<&Entry> = entries.iter().filter(|entry| is_content(entry)).collect();
    let (root, below): (Vec<&Entry>, Vec<&Entry>) =
        files.iter().partition(|entry| !entry.name.contains('/'));
    for place in [&root, &below] {
        if let Some(found) = among(archive, place)? {
            return Ok(found);
        }
    }
    if let Some(program) = root.iter().find(|entry| entry.name == "exec") {
        return Err(Refusal::Executable {
            name: program.name.clone(),
        });
    }
    Err(Refusal::NoLibrary {
        entries: files.iter().map(|entry| entry.name.clone()).collect(),
    })
}

/// A file that somebody meant to put there, not what macOS adds on its own.
pub(super) fn is_content(entry: &Entry) -> bool {
    let added = entry.name.starts_with("__MACOSX/")
        || entry
            .name
            .rsplit('/')
            .next()
            .is_some_and(|name| name == ".DS_Store" || name.starts_with("._"));
    entry.kind == EntryKind::File && !added
}

fn among<'e>(archive: &mut Archive<'_>, files: &[&'e Entry]) -> Result<Option<&'e Entry>, Refusal> {
    let named = |entry: &&&Entry| entry.name.rsplit('/').next() == Some(PREFERRED);
    let mut candidates: Vec<&Entry> = files.iter().filter(named).copied().collect();
    if candidates.is_empty() {
        candidates = files
            .iter()
            .filter(|entry| entry.name.ends_with(".so"))
            .copied()
            .collect();
    }
    if candidates.is_empty() {
        for entry in files {
            if is_shared_library(archive, entry)? {
                candidates.push(entry);
            }
        }
    }
    match candidates[..] {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        _ => the_action(archive, &candidates).map(Some),
    }
}

/// By its ELF header: a shared object, which a `libhelper.so.1` also is.
fn is_shared_library(archive: &mut Archive<'_>, entry: &Entry) -> Result<bool, Refusal> {
    let mut start = Vec::with_capacity(18);
    let file = archive
        .by_index(entry.index)
        .map_err(|error| damaged(&entry.name, &error))?;
    file.take(18)
        .read_to_end(&mut start)
        .map_err(|error| Refusal::DamagedEntry {
            entry: entry.name.clone(),
            why: error.to_string(),
        })?;
    // An executable that is position-independent has the same type; `exec` is the name the platform gives to those.
    Ok(start.starts_with(b"\x7fELF") && start.get(16) == Some(&3) && entry.name != "exec")
}

fn the_action<'e>(
    archive: &mut Archive<'_>,
    candidates: &[&'e Entry],
) -> Result<&'e Entry, Refusal> {
    let mut actions = Vec::new();
    for entry in candidates {
        let bytes = super::unpack::contents(archive, entry, u64::MAX)?;
        if elf::read(&bytes).is_ok_and(|library| library.dialect.is_some()) {
            actions.push(*entry);
        }
    }
    match actions[..] {
        [only] => Ok(only),
        _ => Err(Refusal::SeveralLibraries {
            candidates: candidates.iter().map(|entry| entry.name.clone()).collect(),
        }),
    }
}
