//! `{"name": "world"}` → `{"greeting": "Hello, world!"}`

use action_abi::{export, Context, Error};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Params {
    name: Option<String>,
}

#[derive(Serialize)]
struct Greeting {
    greeting: String,
}

fn greet(params: Params, _context: &Context) -> Result<Greeting, Error> {
    let name = params.name.unwrap_or_else(|| "stranger".to_owned());
    Ok(Greeting {
        greeting: format!("Hello, {name}!"),
    })
}

export!(greet);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets_by_name() {
        let params = Params {
            name: Some("world".to_owned()),
        };
        let answer = greet(params, &Context::default());
        assert_eq!(
            answer.map(|it| it.greeting).ok().as_deref(),
            Some("Hello, world!")
        );
    }
}
