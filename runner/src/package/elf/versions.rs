//! Symbol versions: which a library needs of which other, for which symbol, and which it defines itself.

use super::Version;
use super::tables::{Symbols, Tables};
use object::LittleEndian as LE;
use object::elf::{self, Verdaux, Verdef, Vernaux, Verneed};
use object::read::ReadRef;
use std::collections::HashMap;

/// A file with more records than this is not worth reading on.
const MOST: usize = 10_000;

/// What is needed, in the order of the file.
pub(super) fn needed<'data, R: ReadRef<'data>>(
    tables: &Tables<'data, R>,
    symbols: &Symbols<'_, 'data, R>,
) -> Vec<Version> {
    let mut found = records(tables).unwrap_or_default();
    let places: HashMap<u16, usize> = found
        .iter()
        .enumerate()
        .map(|(place, (index, _))| (*index, place))
        .collect();
    if let Some(versym) = tables
        .at(elf::DT_VERSYM, None)
        .filter(|_| !found.is_empty())
    {
        for (symbol, name) in symbols.wanted() {
            let Some([low, high]) = versym.get(symbol * 2..symbol * 2 + 2) else {
                break;
            };
            let index = u16::from_le_bytes([*low, *high]) & 0x7fff;
            if let Some(place) = places.get(&index) {
                found[*place]
                    .1
                    .symbol
                    .get_or_insert_with(|| name.into_owned());
            }
        }
    }
    found.into_iter().map(|(_, version)| version).collect()
}

/// The records of DT_VERNEED: the index by which the symbols name them, and what they need.
fn records<'data, R: ReadRef<'data>>(tables: &Tables<'data, R>) -> Option<Vec<(u16, Version)>> {
    let data = tables.at(elf::DT_VERNEED, None)?;
    let libraries = tables.value(elf::DT_VERNEEDNUM)?;
    let mut found = Vec::new();
    let mut offset = 0_u64;
    for _ in 0..libraries {
        let record: &Verneed<LE> = data.read_at(offset).ok()?;
        let library = text(tables, record.vn_file.get(LE))?;
        let mut inner = offset.checked_add(record.vn_aux.get(LE).into())?;
        for _ in 0..record.vn_cnt.get(LE) {
            let version: &Vernaux<LE> = data.read_at(inner).ok()?;
            if found.len() >= MOST {
                return Some(found);
            }
            found.push((
                version.vna_other.get(LE).0 & 0x7fff,
                Version {
                    library: library.clone(),
                    version: text(tables, version.vna_name.get(LE))?,
                    symbol: None,
                },
            ));
            inner = inner.checked_add(version.vna_next.get(LE).into())?;
        }
        match record.vn_next.get(LE) {
            0 => break,
            next => offset = offset.checked_add(next.into())?,
        }
    }
    Some(found)
}

/// The names of the versions that DT_VERDEF defines.
pub(super) fn provided<'data, R: ReadRef<'data>>(tables: &Tables<'data, R>) -> Vec<String> {
    let mut found = Vec::new();
    let Some(data) = tables.at(elf::DT_VERDEF, None) else {
        return found;
    };
    let count = tables.value(elf::DT_VERDEFNUM).unwrap_or(0);
    let mut offset = 0_u64;
    for _ in 0..count {
        let Ok(record) = data.read_at::<Verdef<LE>>(offset) else {
            break;
        };
        let name = offset + u64::from(record.vd_aux.get(LE));
        let Ok(name) = data.read_at::<Verdaux<LE>>(name) else {
            break;
        };
        found.extend(text(tables, name.vda_name.get(LE)));
        match record.vd_next.get(LE) {
            0 => break,
            next if found.len() < MOST => offset += u64::from(next),
            _ => break,
        }
    }
    found
}

fn text<'data, R: ReadRef<'data>>(tables: &Tables<'data, R>, offset: u32) -> Option<String> {
    let bytes = tables.string(offset)?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}
