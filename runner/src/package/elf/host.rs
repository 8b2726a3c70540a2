//! The machine we are on: its architecture, and the glibc that is loaded into this process.

use super::{Machine, provided_by};
use object::elf;
use std::path::{Path, PathBuf};

/// What a library must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    pub machine: Machine,
    /// `None` when it cannot be found out; then the loader has the last word.
    pub glibc: Option<(u32, u32)>,
}

impl Host {
    /// This process. Reads `/proc/self/maps` and a few tables of the C library.
    pub fn current() -> Self {
        Self {
            machine: Self::machine(),
            glibc: mapped("libc.so.6").and_then(|path| glibc_of(&path)),
        }
    }

    /// The architecture this runner was compiled for.
    pub fn machine() -> Machine {
        let number = match std::env::consts::ARCH {
            "aarch64" => elf::EM_AARCH64,
            "riscv64" => elf::EM_RISCV,
            "loongarch64" => elf::EM_LOONGARCH,
            _ => elf::EM_X86_64,
        };
        Machine {
            number: number.0,
            bits: 64,
            big_endian: false,
        }
    }
}

/// The file of a library that is mapped into this process, by its file name.
pub(in crate::package) fn mapped(name: &str) -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps
        .lines()
        .filter_map(|line| line.find('/').map(|start| &line[start..]))
        .find(|path| path.rsplit('/').next() == Some(name))?;
    Some(PathBuf::from(path))
}

fn glibc_of(path: &Path) -> Option<(u32, u32)> {
    let versions = provided_by(path).ok()?;
    newest_glibc(versions.iter().map(String::as_str))
}

/// The newest of glibc's version names, as numbers; others are ignored.
pub fn newest_glibc<'a>(names: impl Iterator<Item = &'a str>) -> Option<(u32, u32)> {
    names.filter_map(glibc_version).max()
}

/// `GLIBC_2.36` and `GLIBC_2.2.5` as numbers. The names for features stand for the version that brought them.
pub(super) fn glibc_version(name: &str) -> Option<(u32, u32)> {
    match name {
        "GLIBC_ABI_DT_RELR" => return Some((2, 36)),
        "GLIBC_ABI_GNU_TLS" | "GLIBC_ABI_GNU2_TLS" | "GLIBC_ABI_DT_X86_64_PLT" => {
            return Some((2, 42));
        }
        _ => {}
    }
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    Some((major, minor))
}
