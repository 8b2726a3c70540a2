//! What comes back from a call: results, errors, panics, and what is printed.

use std::ffi::{c_char, c_int};
use std::process::Command;
use std::sync::atomic::Ordering;

use action_abi::ffi::{self, ContextPtr, RawContext, Str};
use serde_json::json;

use super::{call, error, handlers, module, ok, taken};

extern "C" {
    pub(crate) fn printf(format: *const c_char, ...) -> c_int;
}

#[test]
fn every_shape_of_handler_is_called() {
    assert_eq!(ok("plain", r#"{"a":1}"#), json!({ "plain": { "a": 1 } }));
    assert_eq!(ok("with_context", "{}"), json!([{}, null]));
    assert_eq!(ok("asynchronous", "[1]"), json!([1]));
    assert_eq!(ok("asynchronous_with_context", "[1]"), json!([[1], null]));
}

#[test]
fn a_raw_value_passes_byte_for_byte() {
    let text = r#"{ "b" : 1.50, "a":"é" }"#;
    assert_eq!(call("raw", text), (ffi::OK, text.to_owned()));
}

#[test]
fn the_first_entry_point_is_the_default() {
    let names: Vec<String> = module()
        .entry_points()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        (names[0].as_str(), names[1].as_str(), names.len()),
        ("plain", "with_context", 16)
    );
    assert_eq!(ok("", "1"), json!({ "plain": 1 }));
    assert_eq!(ok("main", "1"), json!({ "plain": 1 }));
    // SAFETY: a literal.
    assert!(unsafe { module().find()(Str::new(b"nobody")) }
        .invoke
        .is_none());
}

#[test]
fn parameters_that_do_not_fit_are_named() {
    assert_eq!(
        error("typed", "{}"),
        "Invalid parameters: missing field `items` at line 1 column 2"
    );
    assert_eq!(
        error("typed", r#"{"items":[{"price":1},{"price":"x"}]}"#),
        "Invalid parameters at items[1].price: invalid type: string \"x\", expected u32 at line 1 column 34"
    );
    assert_eq!(
        error("plain", "{\"a\":"),
        "Invalid parameters at a: EOF while parsing a value at line 1 column 5"
    );
    assert_eq!(
        error("plain", "1 2"),
        "Invalid parameters: trailing characters at line 1 column 3"
    );
}

#[test]
fn errors_are_json() {
    assert_eq!(error("boxed_error", "{}"), "in a box");
    assert_eq!(call("text_error", "{}"), (ffi::ERROR, "\"42\"".to_owned()));
    assert_eq!(
        error("std_error", "{}"),
        "cannot parse integer from empty string"
    );
    assert_eq!(
        call("json_error", "{}"),
        (ffi::ERROR, "{\"statusCode\":404}".to_owned())
    );
    assert_eq!(
        error("cannot_be_written", "{}"),
        "The result cannot be written as JSON: not today"
    );
}

#[test]
fn a_panic_names_its_place_and_the_next_run_is_answered() {
    let (status, json) = call("panics", r#"{"index":1}"#);
    assert_eq!(status, ffi::PANIC);
    let text: String = serde_json::from_str(&json).unwrap();
    let message = "index out of bounds: the len is 1 but the index is 1, ";
    let (place, line) = text
        .strip_prefix(message)
        .unwrap()
        .rsplit_once(':')
        .unwrap();
    assert!(
        place.ends_with("handlers.rs") && line.parse::<u32>().is_ok(),
        "{text}"
    );

    let (_, json) = call("panics_with_text", "{}");
    assert!(json.starts_with(r#""plain \"text\", "#), "{json}");
    let (status, json) = call("panics_with_a_number", "{}");
    assert_eq!(status, ffi::PANIC);
    assert!(json.starts_with("\"a value that is not text, "), "{json}");
    assert_eq!(ok("panics", "{}"), json!([1]));
}

#[test]
fn init_and_ready_answer_without_bytes() {
    // SAFETY: null means that nothing is given.
    let result = unsafe { module().init()(ContextPtr(std::ptr::null())) };
    assert!(result.ptr.is_null() && result.release.is_none());
    assert_eq!(taken(result), (ffi::OK, String::new()));
    assert!(handlers::SET_UP.load(Ordering::SeqCst));

    let mut wrong = RawContext::EMPTY;
    wrong.action_name = Str::new(b"wrong");
    // SAFETY: `wrong` lives until the call returns.
    let result = unsafe { module().init()(ContextPtr(&wrong)) };
    assert_eq!(
        taken(result),
        (ffi::ERROR, "\"no such database\"".to_owned())
    );

    assert_eq!(
        taken(module().ready()()),
        (ffi::ERROR, "\"not yet\"".to_owned())
    );
    handlers::READY.store(true, Ordering::SeqCst);
    assert_eq!(taken(module().ready()()), (ffi::OK, String::new()));
}

#[test]
fn a_library_without_schema_says_so() {
    // SAFETY: a literal.
    let (status, json) = taken(unsafe { module().describe()(Str::new(b"")) });
    assert_eq!(
        (status, json.contains("schema")),
        (ffi::ERROR, true),
        "{json}"
    );
    // SAFETY: a literal.
    let unknown = taken(unsafe { module().describe()(Str::new(b"nobody")) });
    assert_eq!(
        unknown,
        (
            ffi::ERROR,
            r#""There is no entry point \"nobody\".""#.to_owned()
        )
    );
}

/// In a process of its own, which ends without flushing anything.
#[test]
fn what_is_printed_is_out_before_the_call_returns() {
    if std::env::var_os("PRINT_AND_EXIT").is_some() {
        ok("prints", "{}");
        // SAFETY: ends the process, at once.
        unsafe { _exit(0) };
    }
    extern "C" {
        fn _exit(status: c_int) -> !;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "calls::what_is_printed_is_out_before_the_call_returns",
            "--nocapture",
        ])
        .env("PRINT_AND_EXIT", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("from Rust, from C"), "{text}");
}
