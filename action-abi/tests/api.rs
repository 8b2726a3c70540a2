//! What authors and runners have written against version 1.0 of this crate, use by use: each public name, with its
//! type. It must compile for as long as the crate is 1.x. A change here that is no addition is a change that breaks
//! somebody.

#![allow(unsafe_code, clippy::unwrap_used)]
// With that feature the types below would have to be described: tests/schema.rs has some that are.
#![cfg(not(feature = "schema"))]

use std::ffi::c_void;
use std::fmt::{Debug, Display};
use std::time::{Duration, SystemTime};

use action_abi::ffi::{
    self, ContextPtr, Found, Invoke, Module_Ref, RawContext, RawResult, Release, Str,
};
use action_abi::{Context, Error, Failure, Handler, Init, Output, Parameters};
use serde::Serialize;
use serde_json::{json, Value};

fn is<T: ?Sized>(_: &T) {}
fn sent_and_shared<T: Send + Sync>() {}

// Every shape of handler, error and option that the documentation names.
mod author {
    use super::*;
    use action_abi::export;

    fn plain(params: Value) -> Result<Value, Error> {
        Ok(params)
    }
    fn with_context(_params: Value, _context: &Context) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }
    async fn asynchronous(_params: Vec<u8>) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        Ok(Vec::new())
    }
    async fn asynchronous_with_context(
        _params: Value,
        _context: &Context,
    ) -> Result<Value, &'static str> {
        Err("no")
    }
    fn set_up(_context: &Context) -> Result<(), std::io::Error> {
        Ok(())
    }
    fn check() -> Result<(), String> {
        Ok(())
    }

    export!(init = set_up, ready = check; plain, with_context, asynchronous, asynchronous_with_context);
}

#[test]
fn a_context() {
    let context = Context::default();
    let texts: [Option<&str>; 9] = [
        context.activation_id(),
        context.transaction_id(),
        context.namespace(),
        context.action_name(),
        context.action_version(),
        context.api_key(),
        context.api_host(),
        context.traceparent(),
        context.tracestate(),
    ];
    assert_eq!(texts, [None; 9]);
    is::<Option<SystemTime>>(&context.deadline());
    is::<Option<Duration>>(&context.remaining());
    is::<dyn Debug>(&context);
    sent_and_shared::<Context>();
}

#[test]
fn an_error() {
    let error = Error::new(format_args!("{}", 1));
    is::<dyn Debug>(&error);
    is::<dyn Display>(&error);
    assert_eq!(error.clone().as_json(), "\"1\"");
    let value: Error = Error::json(&json!({ "a": 1 }));
    let unsized_value: Error = Error::json("text");
    assert_eq!(
        (value.as_json(), unsized_value.as_json()),
        ("{\"a\":1}", "\"text\"")
    );
    let from: Error = std::fmt::Error.into();
    let failures: [Error; 4] = [
        "text".into_error(),
        String::new().into_error(),
        from.into_error(),
        Box::<dyn std::error::Error>::from("boxed").into_error(),
    ];
    assert_eq!(failures[3].to_string(), "boxed");
    sent_and_shared::<Error>();
}

#[test]
fn traits_in_bounds_of_others() {
    fn parameters<T: Parameters>() {}
    fn output<T: Output>() {}
    fn called<M, H: Handler<M>>(handler: H, params: H::Parameters) -> Result<H::Output, Error> {
        handler.call(params, &Context::default())
    }
    fn started<M, F: Init<M>>(init: F) -> Result<(), Error> {
        init.call(&Context::default())
    }
    parameters::<Value>();
    output::<Value>();
    is::<dyn Fn() -> Result<(), Error>>(&|| started(|| Ok::<(), String>(())));
    let answer = called(|params: Value| Ok::<_, Error>(params), json!([1])).unwrap();
    assert_eq!(answer, json!([1]));
}

#[test]
fn the_border() {
    const CONSTANTS: (u32, i32, i32, i32) = (ffi::ABI_VERSION, ffi::OK, ffi::ERROR, ffi::PANIC);
    assert_eq!(CONSTANTS, (1, 0, 1, 2));
    const TEXT: Str = Str::new(b"text");
    const EMPTY: Str = Str::EMPTY;
    // SAFETY: a literal.
    assert_eq!(unsafe { TEXT.bytes() }, b"text");
    let Str { ptr, len } = EMPTY;
    is::<(*const u8, usize)>(&(ptr, len));

    let mut context = RawContext::EMPTY;
    context.size = std::mem::size_of::<RawContext>();
    context.deadline_ms = 1_i64;
    for text in [
        &mut context.activation_id,
        &mut context.transaction_id,
        &mut context.ns,
        &mut context.action_name,
        &mut context.action_version,
        &mut context.api_key,
        &mut context.api_host,
        &mut context.traceparent,
        &mut context.tracestate,
    ] {
        *text = TEXT;
    }
    is::<*const RawContext>(&ContextPtr(&context).0);

    const NOTHING: RawResult = RawResult::done();
    const LITERAL: RawResult = RawResult::from_static(ffi::OK, "{}");
    let RawResult {
        status,
        ptr,
        len,
        release,
        owner,
    } = RawResult::from_vec(ffi::ERROR, b"[]".to_vec());
    is::<(i32, *const u8, usize, *mut c_void)>(&(status, ptr, len, owner));
    let release: Release = release.unwrap();
    // SAFETY: once, with its own owner.
    unsafe { release(owner) };
    assert!(NOTHING.ptr.is_null() && LITERAL.len == 2);
}

/// However much room there is behind the text.
#[test]
fn results_keep_their_bytes() {
    for spare in [0, 1, 15, 16, 17, 100] {
        let mut json = Vec::with_capacity(5 + spare);
        json.extend_from_slice(b"[1,2]");
        let result = RawResult::from_vec(ffi::OK, json);
        let text = Str {
            ptr: result.ptr,
            len: result.len,
        };
        // SAFETY: the result's bytes, until it is released.
        assert_eq!(unsafe { text.bytes() }, b"[1,2]");
        // SAFETY: once, with its own owner.
        unsafe { result.release.unwrap()(result.owner) };
    }
}

/// What a runner does with a library.
#[test]
fn the_root_module() {
    fn used(module: Module_Ref) {
        for name in module.entry_points().iter() {
            is::<str>(name.as_str());
        }
        let find: unsafe extern "C" fn(Str) -> Found = module.find();
        let init: unsafe extern "C" fn(ContextPtr) -> RawResult = module.init();
        let ready: extern "C" fn() -> RawResult = module.ready();
        let describe: unsafe extern "C" fn(Str) -> RawResult = module.describe();
        // SAFETY: empty.
        let invoke: Option<Invoke> = unsafe { find(Str::EMPTY) }.invoke;
        is(&(init, ready, describe, invoke));
    }
    is::<fn(Module_Ref)>(&(used as fn(Module_Ref)));
}

/// Types that somebody may have in a signature of theirs.
#[allow(dead_code)]
fn generic<R: Serialize>(
    handler: impl Fn(Value, &Context) -> Result<R, Error>,
) -> impl Fn(Value) -> Option<R> {
    move |params| handler(params, &Context::default()).ok()
}
