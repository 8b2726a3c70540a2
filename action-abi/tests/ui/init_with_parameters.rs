#![allow(unused_imports)]
use action_abi::{export, Context, Error};
use serde_json::Value;

fn set_up(_: Value) -> Result<(), Error> {
    Ok(())
}

fn handler(params: Value) -> Result<Value, Error> {
    Ok(params)
}

export!(init = set_up; handler);
