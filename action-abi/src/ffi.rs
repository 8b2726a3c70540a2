//! The frozen types: what crosses the border between a runner and an action, field by field as in
//! `include/action.h`, and the root module by which a Rust library is found.
//!
//! Nothing here may change its size, order or meaning within version 1. [`RawContext`] and [`Module`]
//! grow at their end. Authors of actions need none of this: it is for runners, and for `export!`.
//! All unsafe code of the crate stands here, in `calls`, the functions that a library hands out, and in `given`, the
//! context that they are called with.

// Module_Ref is abi_stable's way to name the reference to a Module.
#![allow(unsafe_code, non_camel_case_types)]

use std::ffi::c_void;
use std::{mem, ptr};

use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RSlice, RStr};
use abi_stable::StableAbi;

mod calls;
mod given;

#[doc(hidden)]
pub use calls::header;
pub(crate) use calls::{flush_c_streams, invoke};
pub(crate) use given::Given;

/// Version of both dialects; `ACTION_ABI_VERSION` in `action.h`.
pub const ABI_VERSION: u32 = 1;

/// Status of a [`RawResult`]: `ptr` holds the result, a JSON object or array.
pub const OK: i32 = 0;
/// Status of a [`RawResult`]: `ptr` holds the error value. Text that is not JSON counts as a JSON string.
pub const ERROR: i32 = 1;
/// Status of a [`RawResult`]: the action panicked; `ptr` as for [`ERROR`].
pub const PANIC: i32 = 2;

/// Borrowed UTF-8, not NUL-terminated, valid during the call: `action_str`.
#[repr(C)]
#[derive(Debug, Clone, Copy, StableAbi)]
pub struct Str {
    /// First byte; may be null when `len` is 0.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
}

impl Str {
    /// The empty string, which in a context means "not given".
    pub const EMPTY: Self = Self {
        ptr: ptr::null(),
        len: 0,
    };

    /// Points to `bytes`, without keeping them alive.
    pub const fn new(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// The bytes that this points to.
    ///
    /// # Safety
    /// Unless it is empty, `len` bytes at `ptr` are readable and unchanged for the whole of `'a`.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() || self.len == 0 {
            return &[];
        }
        // SAFETY: not null, and the caller vouches for the bytes and for 'a.
        unsafe { std::slice::from_raw_parts(self.ptr, self.len) }
    }
}

/// What a run knows about itself: `action_context`. Append-only: a field may be read only if it lies
/// inside `size`. An empty string means "not given".
#[repr(C)]
#[non_exhaustive] // Made from EMPTY, so that a field more breaks nobody.
#[derive(Debug, Clone, Copy)]
pub struct RawContext {
    /// Bytes of this struct that the runner filled in.
    pub size: usize,
    /// End of the run's time, Unix time in milliseconds; 0 = none.
    pub deadline_ms: i64,
    /// Id of this activation.
    pub activation_id: Str,
    /// Id of the transaction that the activation belongs to.
    pub transaction_id: Str,
    /// Namespace of the action.
    pub ns: Str,
    /// Full name of the action.
    pub action_name: Str,
    /// Version of the action.
    pub action_version: Str,
    /// Key for calls to the platform's API.
    pub api_key: Str,
    /// Address of the platform's API.
    pub api_host: Str,
    /// W3C trace context, header `traceparent` of the request.
    pub traceparent: Str,
    /// W3C trace context, header `tracestate` of the request.
    pub tracestate: Str,
}

impl RawContext {
    /// A context in which nothing is given; `size` covers every field of this version.
    pub const EMPTY: Self = Self {
        size: mem::size_of::<Self>(),
        deadline_ms: 0,
        activation_id: Str::EMPTY,
        transaction_id: Str::EMPTY,
        ns: Str::EMPTY,
        action_name: Str::EMPTY,
        action_version: Str::EMPTY,
        api_key: Str::EMPTY,
        api_host: Str::EMPTY,
        traceparent: Str::EMPTY,
        tracestate: Str::EMPTY,
    };
}

/// Address of a [`RawContext`], valid during the call; null = nothing is given. The layout check does not
/// look behind it, so that the context can grow.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, StableAbi)]
pub struct ContextPtr(#[sabi(unsafe_opaque_field)] pub *const RawContext);

/// Called by the runner, once and from any thread, when it is done with a result's bytes.
pub type Release = unsafe extern "C" fn(owner: *mut c_void);

/// What a call gives back: `action_result`. The bytes are the runner's to read until it calls `release`.
#[repr(C)]
#[derive(Debug, Clone, Copy, StableAbi)]
pub struct RawResult {
    /// [`OK`], [`ERROR`] or [`PANIC`].
    pub status: i32,
    /// First byte of the JSON text; null when `len` is 0.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
    /// How to give the bytes back; none = static.
    pub release: Option<unsafe extern "C" fn(owner: *mut c_void)>,
    /// The argument of `release`, and of no use to anyone else.
    pub owner: *mut c_void,
}

impl RawResult {
    /// Text that lives as long as the library.
    pub const fn from_static(status: i32, text: &'static str) -> Self {
        Self {
            status,
            ptr: text.as_ptr(),
            len: text.len(),
            release: None,
            owner: ptr::null_mut(),
        }
    }

    /// [`OK`] without any bytes: the answer of `init` and `ready` when all is well.
    pub const fn done() -> Self {
        Self {
            status: OK,
            ptr: ptr::null(),
            len: 0,
            release: None,
            owner: ptr::null_mut(),
        }
    }

    /// Hands `json` over without a copy: it is freed by `release`.
    pub fn from_vec(status: i32, json: Vec<u8>) -> Self {
        let (ptr, len) = (json.as_ptr(), json.len());
        let (release, owner): (Release, _) = match keep_in_spare_room(json) {
            Ok(owner) => (release_spare, owner),
            Err(json) => (release_boxed, Box::into_raw(Box::new(json)).cast()),
        };
        Self {
            status,
            ptr,
            len,
            release: Some(release),
            owner,
        }
    }
}

/// What the release of a vector needs to know; its length does not matter.
struct Allocation {
    start: *mut u8,
    capacity: usize,
}

/// Writes behind the text what its release needs, if there is room: usually there is, and it saves an allocation.
fn keep_in_spare_room(mut json: Vec<u8>) -> Result<*mut c_void, Vec<u8>> {
    let spare = json.spare_capacity_mut();
    if spare.len() < mem::size_of::<Allocation>() {
        return Err(json);
    }
    let owner = spare.as_mut_ptr().cast::<Allocation>();
    let mut json = mem::ManuallyDrop::new(json);
    let (start, capacity) = (json.as_mut_ptr(), json.capacity());
    // SAFETY: so many bytes lie there, allocated and unused; unaligned, as any number of bytes may lie before them.
    unsafe { owner.write_unaligned(Allocation { start, capacity }) };
    Ok(owner.cast())
}

/// # Safety
/// `owner` is that of a [`RawResult::from_vec`] with this release, and this is the only call with it.
unsafe extern "C" fn release_spare(owner: *mut c_void) {
    // SAFETY: `keep_in_spare_room` wrote it there.
    let kept = unsafe { owner.cast::<Allocation>().read_unaligned() };
    // SAFETY: the parts of a vector that was not dropped; once only (the caller's word).
    drop(unsafe { Vec::from_raw_parts(kept.start, 0, kept.capacity) });
}

/// # Safety
/// `owner` is that of a [`RawResult::from_vec`] with this release, and this is the only call with it.
unsafe extern "C" fn release_boxed(owner: *mut c_void) {
    // SAFETY: `from_vec` made it with Box::into_raw from this very type; once only (the caller's word).
    drop(unsafe { Box::from_raw(owner.cast::<Vec<u8>>()) });
}

/// An entry point: parameters are one JSON value. May be called from any thread, and from several at once.
///
/// # Safety
/// `params` and `context` are readable for the whole call (see [`Str::bytes`], [`ContextPtr`]).
pub type Invoke = unsafe extern "C" fn(params: Str, context: ContextPtr) -> RawResult;

/// What [`Module::find`] answers: one pointer, null when there is no such entry point.
#[repr(transparent)]
#[derive(Clone, Copy, StableAbi)]
pub struct Found {
    /// The entry point, of type [`Invoke`].
    pub invoke: Option<unsafe extern "C" fn(params: Str, context: ContextPtr) -> RawResult>,
}

/// Everything a Rust library offers. New fields are appended, below `last_prefix_field`.
#[repr(C)]
#[non_exhaustive]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = Module_Ref, prefix_fields = Module_Prefix)))]
pub struct Module {
    /// Names of all entry points; the first is the default.
    pub entry_points: RSlice<'static, RStr<'static>>,
    /// The entry point of this name. The empty name and `main` mean the default, unless one is called `main`.
    pub find: unsafe extern "C" fn(name: Str) -> Found,
    /// Once, before the first run, with the environment of `/init` set. Not [`OK`]: the library is not used.
    pub init: unsafe extern "C" fn(context: ContextPtr) -> RawResult,
    /// Is the action ready for traffic?
    pub ready: extern "C" fn() -> RawResult,
    /// JSON Schema of one entry point, or [`ERROR`].
    #[sabi(last_prefix_field)]
    pub describe: unsafe extern "C" fn(entry_point: Str) -> RawResult,
}

impl RootModule for Module_Ref {
    abi_stable::declare_root_module_statics! {Module_Ref}
    const BASE_NAME: &'static str = "action";
    const NAME: &'static str = "action";
    // The ABI's own version, not the crate's: abi_stable compares it.
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("1.0.0");
}
