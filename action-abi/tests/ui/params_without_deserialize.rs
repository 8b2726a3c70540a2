#![allow(unused_imports)]
use action_abi::{export, Context, Error};
use serde_json::Value;

struct Params;

fn handler(_: Params, _: &Context) -> Result<Value, Error> {
    Ok(Value::Null)
}

export!(handler);
