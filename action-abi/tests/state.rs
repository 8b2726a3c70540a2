//! A library with everything that `export!` takes: a state, entry points in modules and under other names, errors of
//! the author's own type; and handlers called as a test of theirs would.

// The border is crossed here.
#![allow(unsafe_code, clippy::unwrap_used)]
#![cfg(not(feature = "schema"))]

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use action_abi::ffi::{self, ContextPtr, Module_Ref, RawContext, RawResult, Str};
use action_abi::{test, Context, Error};
use serde_json::{json, Value};

struct App {
    items: Vec<&'static str>,
}

async fn set_up(context: &Context) -> Result<App, Error> {
    match context.action_name() {
        Some("wrong") => Err(Error::new("no such database")),
        _ => Ok(App {
            items: vec!["apple", "pear"],
        }),
    }
}

static STARTED: AtomicBool = AtomicBool::new(false);

async fn start() -> Result<(), String> {
    STARTED.store(true, Ordering::SeqCst);
    Ok(())
}

async fn check(app: &App) -> Result<(), String> {
    Err(format!("{} items are too few", app.items.len()))
}

/// As `thiserror` makes them, but for the derive.
#[derive(Debug)]
enum Trouble {
    NoSuchItem(usize),
    Number(std::num::ParseIntError),
}

impl From<std::num::ParseIntError> for Trouble {
    fn from(error: std::num::ParseIntError) -> Self {
        Trouble::Number(error)
    }
}

fn answer(trouble: Trouble) -> Error {
    match trouble {
        Trouble::NoSuchItem(id) => Error::status(404, format!("no item {}", id)),
        Trouble::Number(error) => error.into(),
    }
}

mod items {
    use super::*;

    pub(crate) fn list(_: (), app: &App) -> Result<Vec<&'static str>, Error> {
        Ok(app.items.clone())
    }

    pub(crate) async fn get(params: Value, app: &App, context: &Context) -> Result<Value, Trouble> {
        let id: usize = params["id"].as_str().unwrap_or_default().parse()?;
        let item = app.items.get(id).ok_or(Trouble::NoSuchItem(id))?;
        Ok(json!([item, context.activation_id()]))
    }

    pub(crate) fn nothing(_: Value) -> Result<(), Error> {
        Ok(())
    }
}

struct Dropped;

static DROPPED: AtomicBool = AtomicBool::new(false);

impl Drop for Dropped {
    fn drop(&mut self) {
        DROPPED.store(true, Ordering::SeqCst);
    }
}

async fn waits(_: Value) -> Result<Value, Error> {
    let _dropped = Dropped;
    pending().await
}

/// As tokio does without a runtime.
fn reactorless(_: Value) -> Result<Value, Error> {
    panic!("there is no reactor running, must be called from the context of a Tokio 1.x runtime")
}

action_abi::export!(
    init = start, state = set_up, ready = check, map_err = answer;
    items::list, items::get as "item", items::nothing, waits, reactorless
);

// A type of abi_stable's, which has a field of no size without repr(C).
#[allow(improper_ctypes)]
extern "C" {
    #[link_name = "_1as_0lib_1header_0root_bmodule_bloader"]
    static HEADER: action_abi::__private::LibHeader;
}

fn module() -> Module_Ref {
    // SAFETY: `export!` above defines it, with this type.
    unsafe { &HEADER }.init_root_module().unwrap()
}

fn taken(result: RawResult) -> (i32, String) {
    let text = Str {
        ptr: result.ptr,
        len: result.len,
    };
    // SAFETY: release is never called, so the text stays.
    let text = unsafe { text.bytes() };
    (result.status, String::from_utf8(text.to_vec()).unwrap())
}

fn call(name: &str, params: &str, context: &RawContext) -> (i32, String) {
    // SAFETY: `name` lives until the call returns.
    let found = unsafe { module().find()(Str::new(name.as_bytes())) };
    // SAFETY: so do `params` and `context`.
    taken(unsafe { found.invoke.unwrap()(Str::new(params.as_bytes()), ContextPtr(context)) })
}

fn init(context: &RawContext) -> (i32, String) {
    // SAFETY: `context` lives until the call returns.
    taken(unsafe { module().init()(ContextPtr(context)) })
}

/// One test, since a library has one state.
#[test]
fn a_library_with_a_state() {
    let names: Vec<_> = module()
        .entry_points()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["list", "item", "nothing", "waits", "reactorless"]);

    let (status, text) = call("list", "{}", &RawContext::EMPTY);
    assert_eq!((status, text.contains("no state yet")), (ffi::ERROR, true));
    let mut wrong = RawContext::EMPTY;
    wrong.action_name = Str::new(b"wrong");
    assert_eq!(
        init(&wrong),
        (ffi::ERROR, "\"no such database\"".to_owned())
    );
    assert_eq!(init(&RawContext::EMPTY), (ffi::OK, String::new()));
    assert!(STARTED.load(Ordering::SeqCst));

    let ok = |text: &str| (ffi::OK, text.to_owned());
    let error = |text: &str| (ffi::ERROR, text.to_owned());
    let mut context = RawContext::EMPTY;
    context.activation_id = Str::new(b"a1");
    let called = |name, params| call(name, params, &context);
    assert_eq!(called("", r#"{"whatever":1}"#), ok(r#"["apple","pear"]"#));
    assert_eq!(called("item", r#"{"id":"1"}"#), ok(r#"["pear","a1"]"#));
    let missing = error(r#"{"statusCode":404,"body":"no item 2"}"#);
    assert_eq!(called("item", r#"{"id":"2"}"#), missing);
    let (status, text) = called("item", r#"{"id":"x"}"#);
    assert_eq!(
        (status, text.as_str()),
        (ffi::ERROR, "\"invalid digit found in string\"")
    );
    assert_eq!(called("nothing", "{}"), ok("{}"));
    assert_eq!(taken(module().ready()()), error("\"2 items are too few\""));
    breakdowns();
}

/// What is answered with 502: a wait beyond the deadline, and a runtime that is missing.
fn breakdowns() {
    let mut past = RawContext::EMPTY;
    past.deadline_ms = 1;
    assert_eq!(call("waits", "{}", &past).0, ffi::PANIC);
    let (status, text) = call("reactorless", "{}", &RawContext::EMPTY);
    assert_eq!(status, ffi::PANIC);
    assert!(
        text.contains("feature \\\"tokio\\\"") && !text.contains(".rs"),
        "{}",
        text
    );
}

/// Ended by dropping it.
#[test]
fn an_async_handler_ends_at_its_deadline() {
    let begin = Instant::now();
    let late = Context::builder().time_left(Duration::from_millis(50));
    let error = test::call(waits, "{}", &late.build()).unwrap_err();
    assert!(error.to_string().contains("at its deadline"), "{}", error);
    assert!(DROPPED.load(Ordering::SeqCst) && begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn handlers_are_called_from_their_tests() {
    let app = App {
        items: vec!["plum"],
    };
    let context = Context::default();
    assert_eq!(
        test::call_with(items::list, &app, "{}", &context).unwrap(),
        json!(["plum"])
    );
    assert_eq!(
        test::call(items::nothing, json!({ "a": 1 }), &context).unwrap(),
        json!({})
    );
    let refused = test::call(|params: Vec<u8>| Ok::<_, Error>(params), "{}", &context);
    assert!(refused
        .unwrap_err()
        .to_string()
        .starts_with("Invalid parameters: "));
}

#[test]
fn a_context_made_by_hand() {
    let context = Context::builder()
        .activation_id("1")
        .transaction_id("2")
        .namespace("3")
        .action_name(String::from("4"))
        .action_version("5")
        .api_key("6")
        .api_host("7")
        .traceparent("8")
        .tracestate("9")
        .deadline(std::time::UNIX_EPOCH)
        .build();
    let texts = [
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
    assert_eq!(
        texts,
        ["1", "2", "3", "4", "5", "6", "7", "8", "9"].map(Some)
    );
    assert_eq!(context.remaining(), Some(Duration::from_secs(0)));
}
