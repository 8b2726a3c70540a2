//! A library that says of itself what it takes and answers.

use action_abi::{export, Error};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Repeats a word.
#[derive(Deserialize, JsonSchema)]
struct Params {
    word: String,
    times: Option<u8>,
}

#[derive(Serialize, JsonSchema)]
struct Repeated {
    words: Vec<String>,
}

fn repeat(params: Params) -> Result<Repeated, Error> {
    Ok(Repeated {
        words: vec![params.word; params.times.unwrap_or(2).into()],
    })
}

export!(repeat);
