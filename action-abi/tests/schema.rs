//! With feature `schema` a library describes its entry points.

#![cfg(feature = "schema")]
#![allow(unsafe_code, clippy::unwrap_used)]

use action_abi::ffi::{self, Module_Ref, Str};
use action_abi::Error;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

/// Turns a string around.
#[derive(Deserialize, JsonSchema)]
struct Params {
    /// What is turned around.
    payload: String,
}

#[derive(Serialize, JsonSchema)]
struct Reversed {
    reversed: String,
}

fn reverse(params: Params) -> Result<Reversed, Error> {
    Ok(Reversed {
        reversed: params.payload.chars().rev().collect(),
    })
}

fn anything(params: Value) -> Result<Value, Error> {
    Ok(params)
}

action_abi::export!(reverse, anything);

// A type of abi_stable's, which has a field of no size without repr(C).
#[allow(improper_ctypes)]
extern "C" {
    #[link_name = "_1as_0lib_1header_0root_bmodule_bloader"]
    static HEADER: action_abi::__private::LibHeader;
}

fn described(name: &str) -> Value {
    // SAFETY: `export!` above defines it, with this type.
    let module = unsafe { &HEADER }.init_root_module::<Module_Ref>().unwrap();
    // SAFETY: `name` lives until the call returns.
    let result = unsafe { module.describe()(Str::new(name.as_bytes())) };
    assert_eq!(result.status, ffi::OK);
    let text = Str {
        ptr: result.ptr,
        len: result.len,
    };
    // SAFETY: release is never called, so the text stays.
    serde_json::from_slice(unsafe { text.bytes() }).unwrap()
}

#[test]
fn an_entry_point_describes_what_it_takes_and_gives() {
    let description = described("");
    assert_eq!(description["description"], "Turns a string around.");
    assert_eq!(description["parameters"]["required"], json!(["payload"]));
    assert_eq!(
        description["parameters"]["properties"]["payload"]["type"],
        "string"
    );
    assert_eq!(
        description["result"]["properties"]["reversed"]["type"],
        "string"
    );
}

#[test]
fn one_that_takes_anything_says_so() {
    let description = described("anything");
    assert_eq!(description["description"], "");
    assert!(
        description["parameters"].get("properties").is_none(),
        "{description}"
    );
}
