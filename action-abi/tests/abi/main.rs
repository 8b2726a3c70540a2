//! The crate as a runner meets it: through the header that `export!` makes and the frozen types, nothing else.

// The border is crossed here, so these files are on the unsafe side of it; and they need not be as old as the crate.
#![allow(unsafe_code, clippy::unwrap_used, clippy::incompatible_msrv)]
// With this feature every type below would need a schema: tests/schema.rs has some that do.
#![cfg(not(feature = "schema"))]

mod calls;
mod context;
mod handlers;
mod layout;

use action_abi::__private::LibHeader;
use action_abi::ffi::{self, ContextPtr, Module_Ref, RawContext, RawResult, Str};
use serde_json::Value;

action_abi::export!(
    init = handlers::set_up, ready = handlers::check;
    plain, with_context, asynchronous, asynchronous_with_context, raw, boxed_error, text_error, std_error,
    json_error, panics, panics_with_text, panics_with_a_number, cannot_be_written, typed, all_fields, prints
);

use handlers::{
    all_fields, asynchronous, asynchronous_with_context, boxed_error, cannot_be_written,
    json_error, panics, panics_with_a_number, panics_with_text, plain, prints, raw, std_error,
    text_error, typed, with_context,
};

// A type of abi_stable's, which has a field of no size without repr(C).
#[allow(improper_ctypes)]
extern "C" {
    #[link_name = "_1as_0lib_1header_0root_bmodule_bloader"]
    static HEADER: LibHeader;
}

/// The library under test, looked at as the runner does, layout check included.
fn module() -> Module_Ref {
    // SAFETY: `export!` above defines it, with this type.
    let header = unsafe { &HEADER };
    assert!(header.layout().is_some(), "the layout check is on");
    header.init_root_module::<Module_Ref>().unwrap()
}

/// Status and text of a result, which is then given back.
fn taken(result: RawResult) -> (i32, String) {
    let bytes = Str {
        ptr: result.ptr,
        len: result.len,
    };
    // SAFETY: the library's, until release is called.
    let text = String::from_utf8(unsafe { bytes.bytes() }.to_vec()).unwrap();
    if let Some(release) = result.release {
        // SAFETY: once, with its own owner.
        unsafe { release(result.owner) };
    }
    (result.status, text)
}

fn call_with(name: &str, params: &str, context: *const RawContext) -> (i32, String) {
    // SAFETY: `name` lives until the call returns.
    let found = unsafe { module().find()(Str::new(name.as_bytes())) };
    let invoke = found.invoke.unwrap();
    // SAFETY: so do `params`, and what the caller's pointer points to.
    taken(unsafe { invoke(Str::new(params.as_bytes()), ContextPtr(context)) })
}

fn call(name: &str, params: &str) -> (i32, String) {
    call_with(name, params, &RawContext::EMPTY)
}

/// The text of an ERROR, which is a JSON string.
fn error(name: &str, params: &str) -> String {
    let (status, json) = call(name, params);
    assert_eq!(status, ffi::ERROR, "{json}");
    serde_json::from_str(&json).unwrap()
}

/// The value of an OK.
fn ok(name: &str, params: &str) -> Value {
    let (status, json) = call(name, params);
    assert_eq!(status, ffi::OK, "{json}");
    serde_json::from_str(&json).unwrap()
}
