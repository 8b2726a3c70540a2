//! A library of version 1.0 of the action ABI, with a copy of that version's types. The copy is not to follow
//! action-abi: whatever becomes of that crate, this library must load, as must all those that were built long ago.
//!
//! Features make of it a library of some later version. It answers what it was told: `{"size":160,"id":"…"}`.
// Module_Ref is a name that abi_stable compares.
#![allow(non_camel_case_types)]

use abi_stable::library::{
    __call_root_module_loader, CheckTypeLayout, LibHeader, RootModule, RootModuleResult,
};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RSlice, RStr};
use abi_stable::StableAbi;
use std::ffi::c_void;

static ENTRY_POINTS: [RStr<'static>; 1] = [RStr::from_str("tell")];

#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Str {
    pub ptr: *const u8,
    pub len: usize,
}

#[repr(C)]
pub struct RawContext {
    pub size: usize,
    pub deadline_ms: i64,
    pub activation_id: Str,
    pub transaction_id: Str,
    pub ns: Str,
    pub action_name: Str,
    pub action_version: Str,
    pub api_key: Str,
    pub api_host: Str,
    pub traceparent: Str,
    pub tracestate: Str,
    #[cfg(feature = "appended")]
    pub locale: Str,
}

#[repr(transparent)]
#[derive(Clone, Copy, StableAbi)]
pub struct ContextPtr(#[sabi(unsafe_opaque_field)] pub *const RawContext);

#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct RawResult {
    pub status: i32,
    pub ptr: *const u8,
    pub len: usize,
    pub release: Option<unsafe extern "C" fn(owner: *mut c_void)>,
    pub owner: *mut c_void,
}

#[repr(transparent)]
#[derive(Clone, Copy, StableAbi)]
pub struct Found {
    pub invoke: Option<unsafe extern "C" fn(params: Str, context: ContextPtr) -> RawResult>,
}

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = Module_Ref, prefix_fields = Module_Prefix)))]
pub struct Module {
    pub entry_points: RSlice<'static, RStr<'static>>,
    pub find: unsafe extern "C" fn(name: Str) -> Found,
    pub init: unsafe extern "C" fn(context: ContextPtr) -> RawResult,
    #[cfg(not(any(feature = "removed", feature = "changed")))]
    pub ready: extern "C" fn() -> RawResult,
    #[cfg(feature = "changed")]
    pub ready: extern "C" fn(patience_ms: u64) -> RawResult,
    #[sabi(last_prefix_field)]
    pub describe: unsafe extern "C" fn(entry_point: Str) -> RawResult,
    #[cfg(feature = "appended")]
    pub drain: extern "C" fn() -> RawResult,
}

impl RootModule for Module_Ref {
    abi_stable::declare_root_module_statics! {Module_Ref}
    const BASE_NAME: &'static str = "action";
    const NAME: &'static str = "action";
    const VERSION_STRINGS: VersionStrings = VersionStrings::new(match cfg!(feature = "appended") {
        true => "1.1.0",
        false => "1.0.0",
    });
}

#[no_mangle]
#[allow(non_upper_case_globals)]
static _1as_0lib_1header_0root_bmodule_bloader: LibHeader =
    // SAFETY: `construct` answers with a Module_Ref, the type named here.
    unsafe { LibHeader::from_constructor::<Module_Ref>(construct, CheckTypeLayout::Yes) };

extern "C" fn construct() -> RootModuleResult {
    __call_root_module_loader(|| {
        Module {
            entry_points: RSlice::from_slice(&ENTRY_POINTS),
            find,
            init,
            #[cfg(not(feature = "removed"))]
            ready,
            describe,
            #[cfg(feature = "appended")]
            drain: done,
        }
        .leak_into_prefix()
    })
}

unsafe extern "C" fn find(_name: Str) -> Found {
    Found { invoke: Some(tell) }
}

unsafe extern "C" fn tell(_params: Str, context: ContextPtr) -> RawResult {
    // SAFETY: every runner fills in at least what this version has, and its strings are UTF-8.
    let text = unsafe {
        let id = (*context.0).activation_id;
        let id = std::str::from_utf8_unchecked(std::slice::from_raw_parts(id.ptr, id.len));
        format!("{{\"size\":{},\"id\":\"{id}\"}}", (*context.0).size)
    };
    let (ptr, len) = (text.as_ptr(), text.len());
    let owner = Box::into_raw(Box::new(text)).cast();
    RawResult {
        status: 0,
        ptr,
        len,
        release: Some(release),
        owner,
    }
}

unsafe extern "C" fn release(owner: *mut c_void) {
    // SAFETY: made by `tell`, from this type.
    drop(unsafe { Box::from_raw(owner.cast::<String>()) });
}

unsafe extern "C" fn init(_context: ContextPtr) -> RawResult {
    done()
}

#[cfg(not(any(feature = "removed", feature = "changed")))]
extern "C" fn ready() -> RawResult {
    done()
}

#[cfg(feature = "changed")]
extern "C" fn ready(_patience_ms: u64) -> RawResult {
    done()
}

unsafe extern "C" fn describe(_entry_point: Str) -> RawResult {
    RawResult {
        status: 1,
        ..done()
    }
}

extern "C" fn done() -> RawResult {
    RawResult {
        status: 0,
        ptr: std::ptr::null(),
        len: 0,
        release: None,
        owner: std::ptr::null_mut(),
    }
}
