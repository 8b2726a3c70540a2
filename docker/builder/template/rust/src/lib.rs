//! `{"name": "…"}` → `{"greeting": "Hello, …!"}`

use action_abi::{export, Context, Error};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Params {
    name: String,
}

#[derive(Serialize)]
struct Greeting {
    greeting: String,
}

fn hello(params: Params, _context: &Context) -> Result<Greeting, Error> {
    Ok(Greeting { greeting: format!("Hello, {}!", params.name) })
}

export!(hello);
