//! Opens a library that has been read and found to be an action.
//!
//! What can be known without running any of it is checked first; what fails after that only the loader can know: a
//! needed library that is absent, a symbol nobody defines, an ABI that says another version of itself.
#![expect(unsafe_code, reason = "dlopen runs the library's initialisers")]

use std::error::Error;
use std::ffi::CStr;
use std::path::Path;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::{Action, c, rust};
use crate::package::elf::{self, Dialect, Host};
use crate::package::search;
use crate::refusal::LoadRefusal;

/// Would the library load here, as far as that can be known without loading it?
pub fn check(look: &elf::Library, entry_point: &str) -> Result<Dialect, LoadRefusal> {
    let host = Host {
        machine: Host::machine(),
        glibc: glibc(),
    };
    elf::check(look, entry_point, &host)
}

/// Loads the library at `path`, which was read as `look`, and finds its entry point.
///
/// The library is never unloaded: threads, thread-locals and Go's runtime forbid it. A new one gets a new process.
pub fn load(
    path: &Path,
    look: &elf::Library,
    entry_point: &str,
) -> Result<Box<dyn Action>, LoadRefusal> {
    let dialect = check(look, entry_point)?;
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
    match dialect {
        Dialect::Rust => rust::open(library, entry_point),
        Dialect::C => c::open(library, look, entry_point),
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
