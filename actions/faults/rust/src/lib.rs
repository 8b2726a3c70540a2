//! Rust entry points that misbehave, one function for each way. They also print as Rust programs do: without flushing,
//! without a final newline. What they share with the C fixtures stands there; here is only what is peculiar to Rust.

use action_abi::{Context, Error, export};
use serde_json::{Value, json};

/// As `INIT_FAULT` in the init environment says.
fn setup(_context: &Context) -> Result<(), Error> {
    match std::env::var("INIT_FAULT").as_deref() {
        Ok("panic") => panic!("the initialiser fell over"),
        Ok("error") => Err(Error::new("no database")),
        _ => Ok(()),
    }
}

fn echo(params: Value) -> Result<Value, Error> {
    println!("hello stdout");
    eprintln!("hello stderr");
    Ok(params)
}

fn panic(_params: Value) -> Result<Value, Error> {
    panic!("it broke: \"quotes\",\nlines and ☃")
}

/// A payload that is no text.
fn panic_payload(_params: Value) -> Result<Value, Error> {
    std::panic::panic_any(42_u32)
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

fn panic_in_drop(_params: Value) -> Result<Value, Error> {
    let _guard = PanicsInDrop;
    Ok(json!({}))
}

/// A panic while another one unwinds: Rust aborts the process.
fn double_panic(_params: Value) -> Result<Value, Error> {
    let _guard = PanicsInDrop;
    panic!("first")
}

fn panic_hook(_params: Value) -> Result<Value, Error> {
    std::panic::set_hook(Box::new(|_| {}));
    panic!("behind a hook of its own")
}

/// An error whose text needs escaping.
fn err(_params: Value) -> Result<Value, Error> {
    Err(Error::new("say \"no\" \\ in\ntwo lines ☃"))
}

fn log(_params: Value) -> Result<Value, Error> {
    print!("out without newline");
    eprint!("err without newline");
    Ok(json!({}))
}

async fn asynchronous(params: Value) -> Result<Value, Error> {
    std::future::ready(()).await;
    Ok(params)
}

fn context(_params: Value, context: &Context) -> Result<Value, Error> {
    Ok(json!({
        "activation_id": context.activation_id(),
        "api_key": context.api_key(),
        "traceparent": context.traceparent(),
    }))
}

fn typed(params: std::collections::HashMap<String, u8>) -> Result<Value, Error> {
    Ok(json!({ "count": params.len() }))
}

export!(init = setup; echo, panic, panic_payload, panic_in_drop, double_panic, panic_hook, err, log, asynchronous, context, typed);
