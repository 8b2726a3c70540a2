//! The functions that a library hands out: each turns raw arguments into safe ones and leaves the work to
//! `export`. And the one call into C, which empties its output buffers.

use std::ffi::c_void;
use std::ptr;

use abi_stable::library::{CheckTypeLayout, LibHeader, RootModuleResult};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{RSlice, RStr};

use super::{ContextPtr, Found, Given, Module, Module_Ref, RawResult, Str};
use crate::context::Context;
use crate::export::{self, Library};
use crate::panics::{self, answer};
use crate::run::{self, Run};
use crate::wait;

/// The header by which the runner finds `L`: the value of the one symbol that a library exports.
#[doc(hidden)]
pub const fn header<L: Library>() -> LibHeader {
    // SAFETY: `construct` answers with a Module_Ref, the type named here.
    unsafe { LibHeader::from_constructor::<Module_Ref>(construct::<L>, CheckTypeLayout::Yes) }
}

extern "C" fn construct<L: Library>() -> RootModuleResult {
    abi_stable::library::__call_root_module_loader(module::<L>)
}

fn module<L: Library>() -> Module_Ref {
    panics::remember_where_panics_happen();
    let names: Vec<RStr<'static>> = L::ENTRY_POINTS
        .iter()
        .map(|entry| RStr::from_str(entry.name()))
        .collect();
    Module {
        entry_points: RSlice::from_slice(Box::leak(names.into_boxed_slice())),
        find: find::<L>,
        init: init::<L>,
        ready: ready::<L>,
        describe: describe::<L>,
    }
    .leak_into_prefix()
}

/// # Safety
/// That of [`Invoke`].
pub(crate) unsafe extern "C" fn invoke<R: Run>(params: Str, context: ContextPtr) -> RawResult {
    // SAFETY: readable for the whole call (the caller's word), in which both are used up.
    let params = unsafe { params.bytes() };
    // SAFETY: the same.
    let given = unsafe { Given::copy(context) };
    answer(|| run::run::<R>(params, &Context::new(given)))
}

/// # Safety
/// `name` is readable for the whole call.
unsafe extern "C" fn find<L: Library>(name: Str) -> Found {
    // SAFETY: the caller's word.
    let name = unsafe { name.bytes() };
    Found {
        invoke: export::find::<L>(name).map(|entry| entry.invoke),
    }
}

/// # Safety
/// `context` is as [`Invoke`] wants it.
unsafe extern "C" fn init<L: Library>(context: ContextPtr) -> RawResult {
    // SAFETY: readable for the whole call (the caller's word), in which it is used up.
    let given = unsafe { Given::copy(context) };
    answer(|| wait::inside(|| L::init(&Context::new(given))).map(|()| Vec::new()))
}

extern "C" fn ready<L: Library>() -> RawResult {
    answer(|| wait::inside(L::ready).map(|()| Vec::new()))
}

/// # Safety
/// `entry_point` is readable for the whole call.
unsafe extern "C" fn describe<L: Library>(entry_point: Str) -> RawResult {
    // SAFETY: the caller's word.
    let name = unsafe { entry_point.bytes() };
    answer(|| export::describe::<L>(name))
}

extern "C" {
    fn fflush(stream: *mut c_void) -> i32;
}

/// Empties the output buffers of C's stdio, if there is anything in those of stdout and stderr. Looking first
/// matters: the flush takes the lock of every stream there is, and ten times as long as an empty call.
pub(crate) fn flush_c_streams() {
    if c_streams_hold_output() {
        // SAFETY: fflush(NULL) is defined, for any thread, and means all output streams.
        unsafe { fflush(ptr::null_mut()) };
    }
}

#[cfg(target_os = "linux")]
fn c_streams_hold_output() -> bool {
    extern "C" {
        static stdout: *mut c_void;
        static stderr: *mut c_void;
        fn __fpending(stream: *mut c_void) -> usize;
    }
    // SAFETY: C's own variables. A program may set them, but not while others use them.
    let streams = unsafe { [stdout, stderr] };
    // SAFETY: glibc's and musl's function takes any open stream; null is passed over.
    streams
        .iter()
        .any(|&stream| !stream.is_null() && unsafe { __fpending(stream) } > 0)
}

#[cfg(not(target_os = "linux"))]
fn c_streams_hold_output() -> bool {
    true
}
