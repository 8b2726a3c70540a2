#![allow(unused_imports)]
use action_abi::{export, Context, Error};
use serde_json::Value;

struct App;

fn handler(params: Value, _: &App) -> Result<Value, Error> {
    Ok(params)
}

export!(handler);
