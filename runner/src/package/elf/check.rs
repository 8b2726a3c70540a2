//! Would this file do here, and does a library have the entry point that is asked for?

use super::host::glibc_version;
use super::{Binary, Dialect, Host, Machine, Version};
use crate::refusal::LoadRefusal;

/// Names that the ABI gives a meaning of its own.
const RESERVED: [&str; 4] = [
    "action_abi_version",
    "action_init",
    "action_ready",
    "action_describe",
];
/// What `main` means when nobody names an entry point, in the C dialect.
const DEFAULT: &str = "invoke";

/// Everything that can be known without loading. The entry points of a Rust library are known only once it is loaded.
pub fn check(library: &Binary, entry_point: &str, host: &Host) -> Result<Dialect, LoadRefusal> {
    fits(library, host)?;
    match library.dialect {
        None => Err(LoadRefusal::NoAbi {
            exports: library.exports.clone(),
        }),
        Some(Dialect::C) => library.symbol_of(entry_point).map(|_| Dialect::C),
        Some(Dialect::Rust) => Ok(Dialect::Rust),
    }
}

/// Is this machine of its kind, and the C library here new enough?
pub fn fits(binary: &Binary, host: &Host) -> Result<(), LoadRefusal> {
    if binary.machine != host.machine {
        return Err(other_architecture_than(binary.machine, host.machine));
    }
    glibc(binary, host)
}

impl Binary {
    /// The functions that a `main` could name: in the C dialect those that are neither reserved nor made by a compiler.
    pub fn entry_points(&self) -> Vec<String> {
        if self.dialect != Some(Dialect::C) {
            return Vec::new();
        }
        let ours = |name: &&String| {
            !RESERVED.contains(&name.as_str()) && !name.starts_with('_') && !by_compiler(name)
        };
        let mut names: Vec<String> = self.exports.iter().filter(ours).cloned().collect();
        // The default comes first, under the name that selects it.
        if let Some(place) = names.iter().position(|name| name == DEFAULT) {
            names.remove(place);
            names.insert(0, "main".to_owned());
        }
        names
    }

    /// C dialect: the exported function that this `main` selects.
    pub fn symbol_of<'a>(&self, entry_point: &'a str) -> Result<&'a str, LoadRefusal> {
        if RESERVED.contains(&entry_point) {
            return Err(LoadRefusal::EntryPointReserved {
                name: entry_point.to_owned(),
                available: self.entry_points(),
            });
        }
        let symbol = match entry_point {
            "" | "main" => DEFAULT,
            other => other,
        };
        if self
            .exports
            .binary_search_by(|name| name.as_str().cmp(symbol))
            .is_ok()
        {
            return Ok(symbol);
        }
        Err(LoadRefusal::EntryPointMissing {
            name: match entry_point {
                "" | "main" => "main (exported as invoke)".to_owned(),
                other => other.to_owned(),
            },
            available: self.entry_points(),
        })
    }

    /// The newest glibc that any of its symbols needs.
    pub fn newest_glibc(&self) -> Option<(&Version, (u32, u32))> {
        self.versions
            .iter()
            .filter_map(|version| Some((version, glibc_version(&version.version)?)))
            .max_by_key(|(version, numbers)| (*numbers, version.symbol.is_some()))
    }
}

/// Names that Go, C++ and Rust add to what a library exports.
fn by_compiler(name: &str) -> bool {
    name == "crosscall2" || name == "rust_eh_personality" || name.starts_with("x_cgo_")
}

fn glibc(binary: &Binary, host: &Host) -> Result<(), LoadRefusal> {
    let (Some(here), Some((version, numbers))) = (host.glibc, binary.newest_glibc()) else {
        return Ok(());
    };
    if numbers <= here {
        return Ok(());
    }
    Err(LoadRefusal::SymbolVersion {
        library: "glibc".to_owned(),
        version: version.version.clone(),
        symbol: version
            .symbol
            .clone()
            .unwrap_or_else(|| version.library.clone()),
        here: format!("glibc {}.{}", here.0, here.1),
    })
}

/// For files of which not even the tables can be read here.
pub(super) fn other_architecture(found: Machine) -> LoadRefusal {
    other_architecture_than(found, Host::machine())
}

fn other_architecture_than(found: Machine, needed: Machine) -> LoadRefusal {
    LoadRefusal::OtherArchitecture {
        found: found.to_string(),
        needed: needed.to_string(),
    }
}
