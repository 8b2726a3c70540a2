//! Sentences of the two HTTP modes that OpenWhisk's invoker knows nothing of: plain requests, and results that are HTTP
//! answers.

use thiserror::Error;

use super::{BadRequest, Quoted};

pub const NOT_FOUND_PLAIN: &str =
    "There is nothing at this path: send the parameters to POST / (or GET /?name=value).";
pub const METHOD_NOT_ALLOWED_PLAIN: &str =
    "This path takes GET and POST requests only: send the parameters with one of them.";
pub const NO_ACTION_PLAIN: &str = "The runner has no action: start it with the path of a library, or put one at /action/libaction.so.";
pub const DEDICATED: &str = "Cannot initialize a runtime with a dedicated function.";

/// A plain request has no parameters that an action could be given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotParameters {
    #[error(transparent)]
    BadRequest(#[from] BadRequest),
    #[error(
        "The request body is {}; send the parameters as JSON (application/json) or as a form (application/x-www-form-urlencoded).",
        Quoted(.found)
    )]
    MediaType { found: String },
    #[error(
        "The request body is an array, to which the parameters of the query cannot be added: send an object, or no query."
    )]
    QueryWithArray,
}

/// What an action returned looks like an HTTP answer and cannot be sent as one (502).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WebRefusal {
    #[error(
        "The action's statusCode is {}; it must be a whole number from 200 to 599, or a string with one.",
        Quoted(.found)
    )]
    StatusCode { found: String },
    #[error("The action's headers are {found}; they must be an object.")]
    Headers { found: &'static str },
    #[error(
        "The action's header {} cannot be sent: {why}.",
        Quoted(.name)
    )]
    Header { name: String, why: &'static str },
    #[error(
        "The action's body is no base64, which {} needs: encode it, or give a content type of text.",
        Quoted(.content_type)
    )]
    Body { content_type: String },
}
