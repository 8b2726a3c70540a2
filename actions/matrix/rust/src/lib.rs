//! What group A of the conformance cases asks for, one entry point each. Compiles with rustc 1.63 and every later one,
//! in editions 2021 and 2024. The same entry points exist in C++, Go and Zig beside this folder.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use action_abi::{export, Context, Error};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

const VARIABLES: [&str; 7] = [
    "__OW_API_KEY",
    "__OW_NAMESPACE",
    "__OW_ACTION_NAME",
    "__OW_ACTION_VERSION",
    "__OW_ACTIVATION_ID",
    "__OW_DEADLINE",
    "__OW_API_HOST",
];

/// What `init` found in the environment.
static SEEN: Mutex<Option<(String, String)>> = Mutex::new(None);

fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|error| Error::new(format!("{}: {}", name, error)))
}

fn remember() -> Result<(), Error> {
    // Absent but in the case of /init's environment.
    if let (Ok(some), Ok(another)) = (variable("SOME_VAR"), variable("ANOTHER_VAR")) {
        *SEEN.lock().map_err(|_| Error::new("poisoned"))? = Some((some, another));
    }
    Ok(())
}

fn echo(params: Value) -> Result<Value, Error> {
    println!("hello stdout");
    eprintln!("hello stderr");
    Ok(params)
}

fn niam(params: Value) -> Result<Value, Error> {
    Ok(params)
}

#[derive(Deserialize)]
struct Delimited {
    delimiter: String,
}

#[derive(Serialize)]
struct Winter {
    winter: String,
}

async fn unicode(params: Delimited) -> Result<Winter, Error> {
    let winter = format!("{0} ☃ {0}", params.delimiter);
    println!("{}", winter);
    Ok(Winter { winter })
}

fn variables(_params: Value) -> Result<BTreeMap<&'static str, String>, Error> {
    VARIABLES
        .iter()
        .map(|name| Ok((*name, variable(name)?)))
        .collect()
}

fn initialised(_params: Value) -> Result<Value, Error> {
    match SEEN.lock().map_err(|_| Error::new("poisoned"))?.as_ref() {
        Some((some, another)) => Ok(json!({ "SOME_VAR": some, "ANOTHER_VAR": another })),
        None => Err(Error::new("init has not seen the variables")),
    }
}

fn scalar(_params: Value) -> Result<&'static str, Error> {
    Ok("text")
}

fn refuses(_params: Value, context: &Context) -> Result<Value, Error> {
    Err(Error::new(format!(
        "refused {}",
        context.activation_id().unwrap_or_default()
    )))
}

fn breaks(_params: Value) -> Result<Value, Error> {
    panic!("broken as asked");
}

fn waits(params: Value) -> Result<Value, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.map_err(|error| Error::new(error.to_string()))?;
    runtime.block_on(tokio::time::sleep(Duration::from_millis(1)));
    Ok(params)
}

export!(init = remember; echo, niam, unicode, variables, initialised, scalar, refuses, breaks, waits);
