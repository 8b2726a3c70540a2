//! What a handler answers when it fails: a text or a JSON value. How the runner sends it is the runner's.

use std::any::Any;
use std::fmt::{self, Display};

use serde::Serialize;

/// Why a run failed: the value of `error` in the answer, a text or any JSON value.
///
/// Every [`std::error::Error`] turns into one with `?`, its causes appended to its text. Like
/// `anyhow::Error`, this type is not itself a [`std::error::Error`].
///
/// ```
/// use action_abi::Error;
/// use serde_json::{json, Value};
///
/// fn find(params: Value) -> Result<Value, Error> {
///     let id: u32 = params["id"].as_str().unwrap_or_default().parse()?; // std::num::ParseIntError
///     match id {
///         0 => Err(Error::new("ids start at 1")),
///         1 => Ok(json!({ "name": "first" })),
///         // A web action answers with a status of its own this way.
///         _ => Err(Error::json(&json!({ "statusCode": 404, "body": "no such id" }))),
///     }
/// }
/// assert_eq!(find(json!({ "id": "x" })).unwrap_err().to_string(), "invalid digit found in string");
/// assert_eq!(find(json!({ "id": "2" })).unwrap_err().as_json(), r#"{"body":"no such id","statusCode":404}"#);
/// ```
#[derive(Clone)]
pub struct Error {
    json: String,
    text: Option<String>,
}

impl Error {
    /// An error that is a text.
    pub fn new(text: impl Display) -> Self {
        let text = text.to_string();
        Self {
            json: quoted(&text),
            text: Some(text),
        }
    }

    /// An error that is a JSON value. A value that cannot be serialised becomes a text that says so.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        match serde_json::to_string(value) {
            Ok(json) => Self { json, text: None },
            Err(error) => Self::new(format_args!(
                "The error cannot be written as JSON: {}",
                error
            )),
        }
    }

    /// The JSON value that the runner gets; a text is a JSON string.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    pub(crate) fn into_json(self) -> Vec<u8> {
        self.json.into_bytes()
    }
}

/// A string always serialises; should it ever not, an empty one is still an answer.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| String::from("\"\""))
}

/// The text as it is, or the JSON value.
impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.as_ref().unwrap_or(&self.json))
    }
}

/// The same as `Display`, for `main` and for `unwrap`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let more = error.to_string();
            // Some errors show their cause themselves.
            if !text.ends_with(&more) {
                text.push_str(": ");
                text.push_str(&more);
            }
            cause = error.source();
        }
        Self::new(text)
    }
}

/// What may stand as `E` in a handler's `Result<R, E>`: whatever can be shown as text. That is every
/// [`std::error::Error`], boxed ones, `String`, `&'static str`, `anyhow::Error`, and [`Error`].
pub trait Failure {
    /// The error that is sent.
    fn into_error(self) -> Error;
}

impl<E: Display + 'static> Failure for E {
    fn into_error(self) -> Error {
        // A trait cannot tell our own type from all the others that have a text; its type id can.
        match (&self as &dyn Any).downcast_ref::<Error>() {
            Some(error) => error.clone(),
            // `#` makes anyhow show the causes too.
            None => Error::new(format_args!("{:#}", self)),
        }
    }
}
