//! Rust entry points that misbehave, one function for each way. They also print as Rust programs do: without flushing,
//! without a final newline. What they share with the C fixtures stands there; here is only what is peculiar to Rust.

use action_abi::{Context, Error, export};
use serde_json::{Value, json};

/// As `INIT_FAULT` in the init environment says.
fn setup(_context: &Context) -> Result<(), Error> {
    match std::env::var("INIT_FAULT").as_deref() {
        Ok("panic") => panic!("the initialiser fell over"),
        Ok("error") => Err(Error::new("no database")),
        Ok("drop") => {
            drop(PanicsInDrop);
            Ok(())
        }
        Ok("double") => {
            let _guard = PanicsInDrop;
            panic!("first in the initialiser")
        }
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

/// The same on a thread that outlives the run, once the gate at `port` opens.
fn double_panic_idle(params: Value) -> Result<Value, Error> {
    let port = params["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| Error::new("no port"))?;
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut visit = std::net::TcpStream::connect(("127.0.0.1", port)).expect("a gate");
        let pid = std::process::id().to_ne_bytes();
        visit.write_all(&pid).expect("a gate");
        let _ = visit.read(&mut [0]);
        let _guard = PanicsInDrop;
        panic!("first, on a thread")
    });
    Ok(json!({}))
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

export!(init = setup; echo, panic, panic_payload, panic_in_drop, double_panic, double_panic_idle, panic_hook, err, log, asynchronous, context, typed);
