#![allow(unused_imports)]
use action_abi::{export, Context, Error};
use serde_json::Value;

struct Answer;

fn handler(_: Value) -> Result<Answer, Error> {
    Ok(Answer)
}

export!(handler);
