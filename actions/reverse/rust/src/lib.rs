//! `{"payload": "…"}` → `{"reversed": "…"}`, by Unicode scalar.

use action_abi::{export, Context, Error};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Params {
    payload: String,
}

#[derive(Serialize)]
struct Reversed {
    reversed: String,
}

fn reverse(params: Params, _context: &Context) -> Result<Reversed, Error> {
    Ok(Reversed {
        reversed: params.payload.chars().rev().collect(),
    })
}

export!(reverse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scalar_changes_its_place() {
        let params = Params {
            payload: "añ☃😀".to_owned(),
        };
        let answer = reverse(params, &Context::default());
        assert_eq!(answer.map(|it| it.reversed).ok().as_deref(), Some("😀☃ña"));
    }
}
