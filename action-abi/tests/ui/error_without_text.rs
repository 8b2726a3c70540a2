#![allow(unused_imports)]
use action_abi::{export, Context, Error};
use serde_json::Value;

struct Trouble;

fn handler(_: Value) -> Result<Value, Trouble> {
    Err(Trouble)
}

export!(handler);
