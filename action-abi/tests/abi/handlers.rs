//! Handlers of every shape that the crate documents, and some that fail. That they compile is half the test.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll};

use action_abi::{Context, Error};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{json, Value};

pub(crate) static SET_UP: AtomicBool = AtomicBool::new(false);
pub(crate) static READY: AtomicBool = AtomicBool::new(false);

pub(crate) fn set_up(context: &Context) -> Result<(), Error> {
    SET_UP.store(true, Ordering::SeqCst);
    match context.action_name() {
        Some("wrong") => Err(Error::new("no such database")),
        _ => Ok(()),
    }
}

pub(crate) fn check() -> Result<(), String> {
    match READY.load(Ordering::SeqCst) {
        true => Ok(()),
        false => Err("not yet".to_owned()),
    }
}

pub(crate) fn plain(params: Value) -> Result<Value, Error> {
    Ok(json!({ "plain": params }))
}

pub(crate) fn with_context(params: Value, context: &Context) -> Result<Value, Error> {
    Ok(json!([params, context.activation_id()]))
}

pub(crate) async fn asynchronous(params: Value) -> Result<Value, std::fmt::Error> {
    Later::default().await;
    Ok(params)
}

pub(crate) async fn asynchronous_with_context(
    params: Value,
    context: &Context,
) -> Result<Value, String> {
    let id = context.activation_id();
    Later::default().await;
    Ok(json!([params, id]))
}

/// Ready at the second look; the waker is called by another thread.
#[derive(Default)]
struct Later {
    asked: bool,
}

impl Future for Later {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        if self.asked {
            return Poll::Ready(());
        }
        self.asked = true;
        let waker = context.waker().clone();
        std::thread::spawn(move || waker.wake());
        Poll::Pending
    }
}

pub(crate) fn raw(params: Box<RawValue>) -> Result<Box<RawValue>, Error> {
    Ok(params)
}

pub(crate) fn boxed_error(_: Value) -> Result<Value, Box<dyn std::error::Error>> {
    Err("in a box".into())
}

pub(crate) fn text_error(_: Value) -> Result<Value, &'static str> {
    Err("42")
}

pub(crate) fn std_error(params: Value) -> Result<Value, Error> {
    let id: u8 = params["id"].as_str().unwrap_or_default().parse()?;
    Ok(json!({ "id": id }))
}

pub(crate) fn json_error(_: Value) -> Result<Value, Error> {
    Err(Error::json(&json!({ "statusCode": 404 })))
}

pub(crate) fn panics(params: Value) -> Result<Value, Error> {
    let list = [1];
    let index = params["index"].as_u64().unwrap_or_default();
    Ok(json!([list[usize::try_from(index)?]]))
}

pub(crate) fn panics_with_text(_: Value) -> Result<Value, Error> {
    panic!("plain \"text\"")
}

pub(crate) fn panics_with_a_number(_: Value) -> Result<Value, Error> {
    std::panic::panic_any(7)
}

pub(crate) struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

pub(crate) fn cannot_be_written(_: Value) -> Result<Unwritable, Error> {
    Ok(Unwritable)
}

#[derive(Deserialize)]
pub(crate) struct Order {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    price: u32,
}

pub(crate) fn typed(order: Order) -> Result<Value, Error> {
    Ok(json!({ "sum": order.items.iter().map(|item| item.price).sum::<u32>() }))
}

pub(crate) fn all_fields(_: Value, context: &Context) -> Result<Value, Error> {
    Ok(json!({
        "activation_id": context.activation_id(),
        "transaction_id": context.transaction_id(),
        "namespace": context.namespace(),
        "action_name": context.action_name(),
        "action_version": context.action_version(),
        "api_key": context.api_key(),
        "api_host": context.api_host(),
        "traceparent": context.traceparent(),
        "tracestate": context.tracestate(),
        "deadline": context.deadline().map(|it| it.duration_since(std::time::UNIX_EPOCH)).transpose()?.map(|it| it.as_secs()),
        "late": context.remaining().map(|left| left.is_zero()),
        "debug": format!("{context:?}"),
    }))
}

/// Prints without a newline, so that it stays in a buffer unless the call flushes it.
#[allow(clippy::print_stdout)] // This is about stdout.
pub(crate) fn prints(_: Value) -> Result<Value, Error> {
    print!("from Rust, ");
    // SAFETY: a literal with a NUL, and no directives in it.
    unsafe { super::calls::printf(c"from C".as_ptr()) };
    Ok(json!({}))
}
