#![allow(unused_imports)]
use action_abi::{export, Context, Error};
use serde_json::Value;

fn handler(params: Value) -> Result<Value, Error> {
    Ok(params)
}

export!(setup = handler; handler);
