//! Opens an action that has been looked at: a library is loaded, a program made ready to be started.
//!
//! What can be known without running any of it is checked first; what fails after that only the loader can know: a
//! needed library that is absent, a symbol nobody defines, an ABI that says another version of itself.
#![expect(unsafe_code, reason = "dlopen runs the library's initialisers")]

use std::error::Error;
use std::ffi::CStr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::*};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::{Action, c, program, rust};
use crate::environment::{self, RunVariables};
use crate::package::elf::{self, Binary, Dialect, Host};
use crate::package::{Code, search};
use crate::refusal::{self, LoadRefusal};

/// A library has been loaded in this process: its threads may read the environment at any time.
static HAS_LOADED: AtomicBool = AtomicBool::new(false);

pub fn has_loaded() -> bool {
    HAS_LOADED.load(Acquire)
}

/// Sets what the first action's initialisers are to see, and makes room for the variables of its runs. Whoever loads
/// calls it, before anything has been loaded, and beside no other that does.
pub fn prepare_environment(env: &[(&str, &str)]) -> Result<RunVariables, LoadRefusal> {
    if has_loaded() {
        return Err(LoadRefusal::InitFailed {
            why: refusal::LOADED_BEFORE.to_owned(),
        });
    }
    // SAFETY: no library has been loaded here, as was just seen, so that there are the runner's own threads only: of them
    // just the one that loads looks at the environment.
    unsafe { environment::set(env.iter().copied()) };
    // SAFETY: as above.
    Ok(unsafe { RunVariables::lay_out() })
}

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
    HAS_LOADED.store(true, Release);
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
