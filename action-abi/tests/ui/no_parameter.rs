#![allow(unused_imports)]
use action_abi::{export, Context, Error};
use serde_json::Value;

fn handler() -> Result<Value, Error> {
    Ok(Value::Null)
}

export!(handler);
