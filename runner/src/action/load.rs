//! Opens an action that has been looked at: a library is loaded, a program made ready to be started.
//!
//! What can be known without running any of it is checked first; what fails after that only the loader can know: a
//! needed library that is absent, a symbol nobody defines, an ABI that says another version of itself.
#![expect(unsafe_code, reason = "dlopen runs the library's initialisers")]

use std::error::Error;
use std::ffi::CStr;
use std::path::Path;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::{Action, c, program, rust};
use crate::package::elf::{self, Binary, Dialect, Host};
use crate::package::{Code, search};
use crate::refusal::LoadRefusal;

/// Would it do here, as far as that can be known without running any of it?
pub fn check(path: &Path, code: &Code, entry_point: &str) -> Result<(), LoadRefusal> {
    let host = Host {
        machine: Host::machine(),
        glibc: glibc(),
    };
    match code {
        Code::Library(look) => elf::check(look, entry_point, &host).map(drop),
        Code::Program(program) => program.check(path, &host),
    }
}

/// Makes the action at `path`, which was read as `code`, ready to be called. A program has one entry point only.
pub fn load(path: &Path, code: &Code, entry_point: &str) -> Result<Box<dyn Action>, LoadRefusal> {
    check(path, code, entry_point)?;
    match code {
        Code::Library(look) => library(path, look, entry_point),
        Code::Program(known) => Ok(program::open(path, known)),
    }
}

/// Loads a library and finds its entry point.
///
/// It is never unloaded: threads, thread-locals and Go's runtime forbid it. A new one gets a new process.
fn library(path: &Path, look: &Binary, entry_point: &str) -> Result<Box<dyn Action>, LoadRefusal> {
    // All symbols now, so that nothing is found missing in the middle of a run; none of them for other libraries.
    // SAFETY: running its initialisers is what the user asked for; what they do to this process ends this process
    // only, and its keeper answers for it.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| {
        // libloading itself says only that it failed.
        let why = error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string);
        search::explain(&why, look, path)
    })?;
    let library: &'static Library = Box::leak(Box::new(library));
    match look.dialect {
        Some(Dialect::Rust) => rust::open(library, entry_point),
        Some(Dialect::C) | None => c::open(library, look, entry_point),
    }
}

/// The version of the C library in this process.
fn glibc() -> Option<(u32, u32)> {
    // SAFETY: has no preconditions.
    let version = unsafe { libc::gnu_get_libc_version() };
    // SAFETY: a static C string.
    let version = unsafe { CStr::from_ptr(version) };
    let (major, minor) = version.to_str().ok()?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
