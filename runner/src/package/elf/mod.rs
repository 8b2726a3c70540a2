//! Looks at a compiled file before any of its code runs: what it is, what it exports, what it needs.
//!
//! Reads what the dynamic loader reads (program headers and the dynamic section), so it sees what `dlopen` will see,
//! also in stripped files. Never follows a length or an offset without a check; whatever the bytes, there is an answer.
//! What a file needs *here* is compared in `check`; where its needs are looked for is `package::search`.

mod check;
mod host;
#[cfg(test)]
pub(crate) mod sample;
mod tables;
mod versions;

pub use check::{check, fits};
pub(super) use host::mapped;
pub use host::{Host, newest_glibc};

use super::kind;
use crate::refusal::{C_SYMBOL, LoadRefusal, RUST_SYMBOL};
use object::elf;
use object::read::{ReadCache, ReadRef};
use std::fmt;
use std::fs::File;
use std::path::Path;
use tables::Tables;

/// What a shared library, or a program, says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// A program cannot be loaded, only started.
    pub is_program: bool,
    pub machine: Machine,
    /// `None`: it exports the symbol of neither dialect.
    pub dialect: Option<Dialect>,
    /// Every exported function, sorted.
    pub exports: Vec<String>,
    /// The names of the libraries it is linked against.
    pub needed: Vec<String>,
    /// The symbol versions it needs of them.
    pub versions: Vec<Version>,
    /// The symbol versions it defines itself.
    pub provides: Vec<String>,
    /// Where it wants its libraries to be looked for, first the old way (DT_RPATH), then the new one (DT_RUNPATH).
    pub rpath: Vec<String>,
    pub runpath: Vec<String>,
    pub build_id: Option<String>,
    pub soname: Option<String>,
    /// What the kernel starts to load a program. Without one it is linked statically.
    pub interpreter: Option<String>,
    /// Bytes of the file.
    pub size: u64,
}

/// A version of a library's symbols, and one symbol for which it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub library: String,
    pub version: String,
    pub symbol: Option<String>,
}

/// The two ways in which a library can be an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `action_abi::export!`, checked by abi_stable.
    Rust,
    /// `action.h`.
    C,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dialect::Rust => "Rust",
            Dialect::C => "C",
        })
    }
}

/// The architecture a file was compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    pub number: u16,
    pub bits: u8,
    pub big_endian: bool,
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match elf::Machine(self.number) {
            elf::EM_X86_64 if self.bits == 32 => return f.write_str("x32 (32-bit pointers)"),
            elf::EM_X86_64 => "x86-64",
            elf::EM_AARCH64 => "AArch64",
            elf::EM_386 => "x86",
            elf::EM_ARM => "ARM",
            elf::EM_RISCV => "RISC-V",
            elf::EM_PPC64 | elf::EM_PPC => "PowerPC",
            elf::EM_S390 => "s390",
            elf::EM_LOONGARCH => "LoongArch",
            elf::EM_MIPS => "MIPS",
            _ => return write!(f, "machine number {}", self.number),
        };
        let order = if self.big_endian { ", big-endian" } else { "" };
        write!(f, "{name} ({}-bit{order})", self.bits)
    }
}

/// Reads a file from its bytes.
pub fn read(bytes: &[u8]) -> Result<Binary, LoadRefusal> {
    // The tables are read in place, which needs their alignment.
    if bytes.as_ptr().align_offset(8) == 0 {
        return read_from(bytes);
    }
    read_from(&*bytes.to_vec())
}

/// Reads a file by its path, only the parts that are needed.
pub fn open(path: &Path) -> Result<Binary, LoadRefusal> {
    let unreadable = |error: std::io::Error| LoadRefusal::Unreadable {
        path: path.display().to_string(),
        why: error.to_string(),
    };
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(not_an_action("a folder"));
    }
    read_from(&ReadCache::new(file))
}

/// The symbol versions that the library in this file defines, such as `GLIBC_2.36`.
pub fn provided_by(path: &Path) -> Result<Vec<String>, LoadRefusal> {
    let unreadable = |error: std::io::Error| LoadRefusal::Unreadable {
        path: path.display().to_string(),
        why: error.to_string(),
    };
    let cache = ReadCache::new(File::open(path).map_err(unreadable)?);
    identify(&cache)?;
    Ok(versions::provided(&Tables::locate(&cache)?))
}

fn read_from<'data, R: ReadRef<'data>>(data: R) -> Result<Binary, LoadRefusal> {
    let machine = identify(data)?;
    let tables = Tables::locate(data)?;
    let symbols = tables.symbols()?;
    let mut exports: Vec<String> = symbols
        .exports()
        .filter(|symbol| symbol.is_function)
        .map(|symbol| symbol.name())
        .collect();
    exports.sort_unstable();
    exports.dedup();
    let rust = symbols
        .exports()
        .any(|symbol| symbol.bytes == RUST_SYMBOL.as_bytes());
    let c = exports.iter().any(|name| name == C_SYMBOL);
    let dialect = match (rust, c) {
        (true, _) => Some(Dialect::Rust),
        (false, true) => Some(Dialect::C),
        (false, false) => None,
    };
    Ok(Binary {
        is_program: tables.is_program(dialect.is_some()),
        machine,
        dialect,
        exports,
        needed: tables.texts(elf::DT_NEEDED),
        versions: versions::needed(&tables, &symbols),
        provides: versions::provided(&tables),
        rpath: folders(&tables.texts(elf::DT_RPATH)),
        runpath: folders(&tables.texts(elf::DT_RUNPATH)),
        build_id: tables.build_id(),
        soname: tables.texts(elf::DT_SONAME).into_iter().next(),
        interpreter: tables.interpreter(),
        size: tables.size,
    })
}

fn folders(paths: &[String]) -> Vec<String> {
    paths
        .iter()
        .flat_map(|path| path.split(':'))
        .filter(|folder| !folder.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Is this a library or program of a shape that can be read at all? Looks at the first bytes only.
fn identify<'data, R: ReadRef<'data>>(data: R) -> Result<Machine, LoadRefusal> {
    const HEADER: u64 = 64;
    let size = data
        .len()
        .map_err(|()| tables::damaged("its size cannot be read"))?;
    let start = data
        .read_bytes_at(0, size.min(512))
        .map_err(|()| tables::damaged("its first bytes cannot be read"))?;
    if !start.starts_with(b"\x7fELF") {
        return Err(not_an_action(kind::describe(start)));
    }
    let Some(header) = start.get(..20).filter(|_| size >= HEADER) else {
        return Err(LoadRefusal::Truncated {
            found: size,
            needed: HEADER,
        });
    };
    let big_endian = header[5] == 2;
    let half = |low: u8, high: u8| match big_endian {
        true => u16::from_be_bytes([low, high]),
        false => u16::from_le_bytes([low, high]),
    };
    let machine = Machine {
        number: half(header[18], header[19]),
        bits: if header[4] == 1 { 32 } else { 64 },
        big_endian,
    };
    match elf::FileType(half(header[16], header[17])) {
        elf::ET_DYN | elf::ET_EXEC if machine.bits == 64 && !big_endian => Ok(machine),
        elf::ET_DYN | elf::ET_EXEC => Err(check::other_architecture(machine)),
        elf::ET_REL => Err(not_an_action("an object file (.o) that was not linked")),
        elf::ET_CORE => Err(not_an_action("a core dump")),
        _ => Err(tables::damaged(
            "its ELF header names no known type of file",
        )),
    }
}

fn not_an_action(found: &'static str) -> LoadRefusal {
    LoadRefusal::NotAnAction { found }
}

#[cfg(test)]
mod tests;
