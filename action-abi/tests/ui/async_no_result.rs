#![allow(unused_imports)]
use action_abi::{export, Context, Error};
use serde_json::Value;

async fn handler(params: Value, _: &Context) -> Value {
    params
}

export!(handler);
