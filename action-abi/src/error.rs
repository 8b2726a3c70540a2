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
///         _ => Err(Error::status(404, "no such id")),
///     }
/// }
/// assert_eq!(find(json!({ "id": "x" })).unwrap_err().to_string(), "invalid digit found in string");
/// assert_eq!(find(json!({ "id": "2" })).unwrap_err().as_json(), r#"{"statusCode":404,"body":"no such id"}"#);
/// ```
#[derive(Clone)]
pub struct Error {
    json: String,
    text: Option<String>,
    breakdown: bool,
}

impl Error {
    /// An error that is a text.
    pub fn new(text: impl Display) -> Self {
        let text = text.to_string();
        Self {
            json: quoted(&text),
            text: Some(text),
            breakdown: false,
        }
    }

    /// Not the action's word, but that it broke down.
    pub(crate) fn breakdown(text: &str) -> Self {
        Self {
            breakdown: true,
            ..Self::new(text)
        }
    }

    pub(crate) fn is_breakdown(&self) -> bool {
        self.breakdown
    }

    /// What a web action answers with a status of its own: `{"statusCode": status, "body": body}`.
    ///
    /// An error type of one's own, from `thiserror` say, is given its statuses by a function that `export!` is told
    /// of:
    ///
    /// ```
    /// # use action_abi::{export, Error};
    /// # use serde_json::{json, Value};
    /// enum Trouble {
    ///     NoSuchItem(u32),
    ///     Storage(std::io::Error),
    /// }
    /// # impl From<std::io::Error> for Trouble {
    /// #     fn from(error: std::io::Error) -> Self { Trouble::Storage(error) }
    /// # }
    ///
    /// fn answer(trouble: Trouble) -> Error {
    ///     match trouble {
    ///         Trouble::NoSuchItem(id) => Error::status(404, format!("there is no item {id}")),
    ///         Trouble::Storage(error) => error.into(),
    ///     }
    /// }
    ///
    /// fn item(_params: Value) -> Result<Value, Trouble> {
    ///     let text = std::fs::read("/dev/null")?; // an io::Error turns into a Trouble
    ///     Err(Trouble::NoSuchItem(text.len() as u32))
    /// }
    ///
    /// # #[cfg(not(feature = "schema"))]
    /// export!(map_err = answer; item);
    /// # fn main() {}
    /// ```
    pub fn status<T: Serialize>(status: u16, body: T) -> Self {
        struct Web<T>(u16, T);
        impl<T: Serialize> Serialize for Web<T> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;
                let mut web = serializer.serialize_struct("Web", 2)?;
                web.serialize_field("statusCode", &self.0)?;
                web.serialize_field("body", &self.1)?;
                web.end()
            }
        }
        Self::json(&Web(status, body))
    }

    /// An error that is a JSON value. A value that cannot be serialised becomes a text that says so.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        match serde_json::to_string(value) {
            Ok(json) => Self {
                json,
                text: None,
                breakdown: false,
            },
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
#[cfg_attr(
    diagnostics,
    diagnostic::on_unimplemented(
        message = "`{Self}` cannot be the error of an entry point: it has no text",
        label = "has no text",
        note = "implement `Display`, or name a function that makes an `Error` of it: `export!(map_err = f; …)`"
    )
)]
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

/// Makes an [`Error`] of a handler's error.
#[cfg_attr(
    diagnostics,
    diagnostic::on_unimplemented(
        message = "`{E}` cannot be the error of an entry point",
        label = "has an error without a text",
        note = "an error has a text (`Display`), as every `std::error::Error` does",
        note = "or a function makes an `Error` of it: `export!(map_err = f; …)` with `fn f(error: …) -> Error`"
    )
)]
pub trait MapError<E, Way> {
    /// Makes it.
    fn map_error(&self, error: E) -> Error;
}

/// What stands for `map_err` when it is not given.
#[derive(Debug)]
pub struct AsText;
/// Marks the way of `AsText`.
#[derive(Debug)]
pub struct ByText;
/// Marks the way of the author's function.
#[derive(Debug)]
pub struct ByFunction;
/// Marks an `Error`, which needs no function.
#[derive(Debug)]
pub struct AsItIs;

impl<E: Failure> MapError<E, ByText> for AsText {
    fn map_error(&self, error: E) -> Error {
        error.into_error()
    }
}

/// Wraps the author's function, beside whose own error type handlers may also answer an [`Error`].
#[derive(Debug)]
pub struct With<F>(pub F);

impl<E, F: Fn(E) -> Error> MapError<E, ByFunction> for With<F> {
    fn map_error(&self, error: E) -> Error {
        (self.0)(error)
    }
}

impl<F> MapError<Error, AsItIs> for With<F> {
    fn map_error(&self, error: Error) -> Error {
        error
    }
}
