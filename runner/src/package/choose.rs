//! Which file of an archive is the action.
//!
//! A library: `libaction.so` at the root; else the only one at the root; else the only one in a folder. Where there are
//! several, the one that exports an action counts, if it is one. A library is known by its name (`.so`) or, failing
//! that, by its first bytes. Without a library, the program `exec` at the root; beside it other libraries than
//! `libaction.so` are taken for its own, unless they export an action.

use super::elf;
use super::entry::{Archive, Entry};
use crate::refusal::PackageRefusal as Refusal;
use std::io::Read;

const LIBRARY: &str = "libaction.so";
const PROGRAM: &str = "exec";

/// The entry that holds the action.
pub(super) fn action<'e>(
    archive: &mut Archive<'_>,
    entries: &'e [Entry],
) -> Result<&'e Entry, Refusal> {
    let files: Vec<&Entry> = entries.iter().filter(|entry| entry.is_content()).collect();
    let (root, below): (Vec<&Entry>, Vec<&Entry>) =
        files.iter().partition(|entry| !entry.name.contains('/'));
    let program = root.iter().find(|entry| entry.name == PROGRAM).copied();
    for place in [&root, &below] {
        let candidates = candidates(archive, place)?;
        let found = match candidates[..] {
            [] => None,
            [only] if program.is_none() || only.name == LIBRARY => Some(only),
            _ => match actions(archive, &candidates)?[..] {
                [only] => Some(only),
                [] if program.is_some() => None,
                _ => return Err(several(&candidates)),
            },
        };
        if let Some(found) = found {
            return Ok(found);
        }
    }
    program.ok_or_else(|| Refusal::NoLibrary {
        entries: files.iter().map(|entry| entry.name.clone()).collect(),
    })
}

/// The libraries among these files.
fn candidates<'e>(
    archive: &mut Archive<'_>,
    files: &[&'e Entry],
) -> Result<Vec<&'e Entry>, Refusal> {
    let by_name = |wanted: &dyn Fn(&str) -> bool| -> Vec<&'e Entry> {
        let name = |entry: &Entry| wanted(entry.name.rsplit('/').next().unwrap_or_default());
        files.iter().copied().filter(|entry| name(entry)).collect()
    };
    let mut found = by_name(&|name| name == LIBRARY);
    if found.is_empty() {
        found = by_name(&|name| name.ends_with(".so"));
    }
    if found.is_empty() {
        for entry in files {
            if is_shared_library(archive, entry)? {
                found.push(*entry);
            }
        }
    }
    Ok(found)
}

/// By its ELF header: a shared object, which a `libhelper.so.1` also is.
fn is_shared_library(archive: &mut Archive<'_>, entry: &Entry) -> Result<bool, Refusal> {
    let mut start = Vec::with_capacity(18);
    let file = entry.open(archive)?;
    file.take(18)
        .read_to_end(&mut start)
        .map_err(|error| entry.damaged(error.to_string()))?;
    // A program that is position-independent has the same type; `exec` is the name the platform gives to those.
    Ok(start.starts_with(b"\x7fELF") && start.get(16) == Some(&3) && entry.name != PROGRAM)
}

/// Those of the libraries that export an action.
fn actions<'e>(
    archive: &mut Archive<'_>,
    candidates: &[&'e Entry],
) -> Result<Vec<&'e Entry>, Refusal> {
    let mut actions = Vec::new();
    for entry in candidates {
        let bytes = entry.contents(archive, u64::MAX)?;
        if elf::read(&bytes).is_ok_and(|library| library.dialect.is_some()) {
            actions.push(*entry);
        }
    }
    Ok(actions)
}

fn several(candidates: &[&Entry]) -> Refusal {
    Refusal::SeveralLibraries {
        candidates: candidates.iter().map(|entry| entry.name.clone()).collect(),
    }
}
