//! The context: every field arrives, and a field that the runner did not fill in is never read.

use std::mem::size_of;

use action_abi::ffi::{RawContext, Str};
use serde_json::{json, Value};

use super::call_with;

fn filled() -> RawContext {
    let mut context = RawContext::EMPTY;
    context.deadline_ms = 1_700_000_000_999;
    context.activation_id = Str::new(b"activation");
    context.transaction_id = Str::new(b"transaction");
    context.ns = Str::new(b"guest");
    context.action_name = Str::new("/guest/ä".as_bytes());
    context.action_version = Str::new(b"0.0.1");
    context.api_key = Str::new(b"secret");
    context.api_host = Str::new(b"https://host");
    context.traceparent = Str::new(b"00-1-2-01");
    context.tracestate = Str::new(b"a=b");
    context
}

fn seen(context: *const RawContext) -> Value {
    serde_json::from_str(&call_with("all_fields", "{}", context).1).unwrap()
}

#[test]
fn every_field_arrives() {
    let mut seen = seen(&filled());
    let debug = seen.as_object_mut().unwrap().remove("debug").unwrap();
    assert!(!debug.as_str().unwrap().contains("secret"), "{debug}");
    assert_eq!(
        seen,
        json!({
            "activation_id": "activation", "transaction_id": "transaction", "namespace": "guest",
            "action_name": "/guest/ä", "action_version": "0.0.1", "api_key": "secret",
            "api_host": "https://host", "traceparent": "00-1-2-01", "tracestate": "a=b",
            "deadline": 1_700_000_000, "late": true,
        })
    );
}

#[test]
fn nothing_beyond_its_size_is_read() {
    // An exact allocation for each length, so that a tool that watches memory would see a read beyond it.
    for fields in 0..=(size_of::<RawContext>() - 16) / 16 {
        let size = 16 + 16 * fields;
        let mut whole = filled();
        whole.size = size;
        // SAFETY: `size` is no more than the struct has, and it has no padding.
        let bytes =
            unsafe { std::slice::from_raw_parts((&raw const whole).cast::<u64>(), size / 8) };
        let short: Box<[u64]> = bytes.into();
        let seen = seen(short.as_ptr().cast());
        assert_eq!(seen["deadline"], 1_700_000_000);
        assert_eq!(!seen["activation_id"].is_null(), fields > 0);
        assert_eq!(!seen["tracestate"].is_null(), fields >= 9);
    }
}

#[test]
fn a_longer_context_of_a_newer_runner_is_read_as_far_as_it_is_known() {
    #[repr(C)]
    struct Newer(RawContext, [u64; 4]);
    let mut newer = Newer(filled(), [u64::MAX; 4]);
    newer.0.size = size_of::<Newer>();
    assert_eq!(seen((&raw const newer).cast())["tracestate"], "a=b");
}

#[test]
fn no_context_and_text_that_is_not_utf8_mean_not_given() {
    assert_eq!(seen(std::ptr::null())["activation_id"], Value::Null);
    let mut odd = filled();
    odd.ns = Str::new(b"\xff");
    odd.deadline_ms = -1;
    let seen = seen(&odd);
    assert_eq!(
        (&seen["namespace"], &seen["deadline"], &seen["late"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
}
