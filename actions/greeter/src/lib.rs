//! Two entry points: `greet`, the default, and `farewell`.
//!
//! `{"name": "Ada"}` → `{"greeting": "Hello, Ada!", "activation": "…", "milliseconds_left": …}`. The words come
//! from the action's environment (`GREETING`, `FAREWELL`), which `init` reads once.

use std::env::{self, VarError};
use std::sync::Mutex;

use action_abi::{export, Context, Error};
use serde::{Deserialize, Serialize};

#[derive(Clone)]
struct Words {
    greeting: String,
    farewell: String,
}

static WORDS: Mutex<Option<Words>> = Mutex::new(None);

#[derive(Deserialize)]
struct Params {
    #[serde(default = "world")]
    name: String,
}

fn world() -> String {
    "world".to_owned()
}

#[derive(Serialize)]
struct Greeted {
    greeting: String,
    /// Who asked: shows where a context ends up.
    activation: Option<String>,
    milliseconds_left: Option<u64>,
}

#[derive(Serialize)]
struct Left {
    farewell: String,
    action: Option<String>,
}

/// Before the first run. An error here refuses the action.
fn read_environment(_context: &Context) -> Result<(), Error> {
    let words = Words {
        greeting: word("GREETING", "Hello")?,
        farewell: word("FAREWELL", "Goodbye")?,
    };
    *WORDS.lock()? = Some(words);
    Ok(())
}

fn word(variable: &str, otherwise: &str) -> Result<String, Error> {
    match env::var(variable) {
        Ok(word) if word.is_empty() => Err(Error::new(format!("{variable} is set, but empty"))),
        Ok(word) => Ok(word),
        Err(VarError::NotPresent) => Ok(otherwise.to_owned()),
        Err(error) => Err(Error::new(format!("{variable}: {error}"))),
    }
}

fn words() -> Result<Words, Error> {
    WORDS
        .lock()?
        .clone()
        .ok_or_else(|| Error::new("init has not run"))
}

fn greet(params: Params, context: &Context) -> Result<Greeted, Error> {
    let left = context
        .remaining()
        .map(|left| u64::try_from(left.as_millis()));
    Ok(Greeted {
        greeting: format!("{}, {}!", words()?.greeting, params.name),
        activation: context.activation_id().map(str::to_owned),
        milliseconds_left: left.transpose()?,
    })
}

/// The same as a future, which may borrow the context. A real one would wait for something here.
async fn farewell(params: Params, context: &Context) -> Result<Left, Error> {
    let words = async { words() }.await?;
    Ok(Left {
        farewell: format!("{}, {}!", words.farewell, params.name),
        action: context.action_name().map(str::to_owned),
    })
}

export!(init = read_environment; greet, farewell);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_name_is_the_world() {
        let context = Context::default();
        assert!(read_environment(&context).is_ok());
        let greeted = greet(Params { name: world() }, &context);
        assert_eq!(
            greeted.map(|it| it.greeting).ok().as_deref(),
            Some("Hello, world!")
        );
    }
}
