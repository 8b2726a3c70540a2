//! The only place that pairs a situation with an HTTP status and a body. Every body is JSON text.
//!
//! Whose fault it is decides: the caller's is 4xx, the action's answer is 200 even when it is an error (any other
//! status makes the platform throw the container away), a process that cannot be trusted any more is 502.

use super::container;
use super::run::NotRun;
use crate::refusal::{
    self, BadRequest, CannotAdmit, Death, LoadRefusal, NotParameters, PackageRefusal, Phase,
    Refused, WebRefusal,
};
use bytes::Bytes;
use std::fmt::Display;

/// An HTTP status and a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Bytes,
}

/// Answers that are ready.
impl Answer {
    pub fn init_ok() -> Self {
        Self::fixed(200, b"{\"ok\":true}")
    }

    /// The action's result, as the bytes it gave.
    pub fn ok(result: Bytes) -> Self {
        Self {
            status: 200,
            body: result,
        }
    }

    /// The action said no: an answer like any other. Text that is not JSON goes out as a JSON string.
    pub fn action_error(json: &[u8]) -> Self {
        Self::wrapped(200, json)
    }

    /// The action panicked and the panic was caught: `json` is its message, quoted or not.
    pub fn panicked(json: &[u8]) -> Self {
        Self::wrapped(502, json)
    }

    /// The action returned something else than an object or array.
    pub fn not_a_container() -> Self {
        Self::error(502, refusal::NOT_A_CONTAINER_OUT)
    }

    /// The action's process ended. Unless the run was `alone` in it, another may have brought it about.
    pub fn died(death: Death, during: Phase, alone: bool) -> Self {
        let sentence = death.during(during);
        match alone {
            true => Self::refused(&sentence, 502),
            false => Self::error(502, &format!("{sentence} {}", refusal::MAY_BE_ANOTHERS)),
        }
    }

    /// The run shared its process with one that took too long.
    pub fn neighbour_overran() -> Self {
        Self::error(502, refusal::NEIGHBOUR_OVERRAN)
    }

    /// The process ended before anything of the request was acted on. An `/init` must not be answered 503 (see
    /// docs/protocol.md).
    pub fn send_again(is_init: bool) -> Self {
        match is_init {
            true => Self::error(502, refusal::SEND_INIT_AGAIN),
            false => Self::error(503, refusal::SEND_AGAIN),
        }
    }

    /// An `/init` that was read by a process in which another one has failed.
    pub fn init_failed_before() -> Self {
        Self::error(502, refusal::INIT_FAILED_BEFORE)
    }

    pub fn no_action_yet() -> Self {
        Self::error(500, refusal::NO_ACTION_YET)
    }

    pub fn no_code() -> Self {
        Self::error(403, refusal::NO_CODE)
    }

    pub fn init_twice() -> Self {
        Self::error(403, refusal::INIT_TWICE)
    }

    /// A Knative process that has its code from the environment takes no other.
    pub fn dedicated() -> Self {
        Self::error(403, refusal::DEDICATED)
    }

    pub fn not_found() -> Self {
        Self::error(404, refusal::NOT_FOUND)
    }

    pub fn method_not_allowed() -> Self {
        Self::error(405, refusal::METHOD_NOT_ALLOWED)
    }

    pub fn shutting_down() -> Self {
        Self::error(503, refusal::SHUTTING_DOWN)
    }

    pub fn too_slow() -> Self {
        Self::error(408, refusal::TOO_SLOW)
    }

    pub fn body_cut_off() -> Self {
        Self::error(400, refusal::BODY_CUT_OFF)
    }

    pub fn encoded_body() -> Self {
        Self::error(415, refusal::ENCODED_BODY)
    }

    /// `{"error":"…"}` with the sentence of a refusal.
    pub fn refused(sentence: &(impl Display + ?Sized), status: u16) -> Self {
        Self::error(status, &sentence.to_string())
    }

    /// `{"error":"…"}`.
    pub fn error(status: u16, sentence: &str) -> Self {
        Self {
            status,
            body: error_object(quoted(sentence).as_bytes()).into(),
        }
    }

    fn fixed(status: u16, body: &'static [u8]) -> Self {
        Self {
            status,
            body: Bytes::from_static(body),
        }
    }

    fn wrapped(status: u16, json: &[u8]) -> Self {
        let body = if container::is_json(json) {
            error_object(json)
        } else {
            error_object(quoted(&String::from_utf8_lossy(json)).as_bytes())
        };
        Self {
            status,
            body: body.into(),
        }
    }

    /// The whole HTTP response, for a process without an HTTP library. The connection ends with it.
    pub fn raw(&self) -> Vec<u8> {
        raw(self.status, &self.body)
    }
}

impl From<&CannotAdmit> for Answer {
    fn from(refusal: &CannotAdmit) -> Self {
        let status = match refusal {
            CannotAdmit::TokenFile { .. } | CannotAdmit::NoToken { .. } => 500,
            CannotAdmit::Off => 403,
            CannotAdmit::Token => 401,
            CannotAdmit::Delivered => 409,
            CannotAdmit::Late => 504,
        };
        Self::refused(refusal, status)
    }
}

impl From<&BadRequest> for Answer {
    fn from(refusal: &BadRequest) -> Self {
        let status = match refusal {
            BadRequest::Oversized { .. } => 413,
            _ => 400,
        };
        Self::refused(refusal, status)
    }
}

impl From<&NotRun> for Answer {
    fn from(refusal: &NotRun) -> Self {
        match refusal {
            NotRun::BadRequest(refusal) => refusal.into(),
            NotRun::ValueNotContainer => Self::refused(refusal, 404),
        }
    }
}

impl From<&NotParameters> for Answer {
    fn from(refusal: &NotParameters) -> Self {
        match refusal {
            NotParameters::BadRequest(refusal) => refusal.into(),
            NotParameters::MediaType { .. } => Self::refused(refusal, 415),
            NotParameters::QueryWithArray => Self::refused(refusal, 400),
        }
    }
}

impl From<&WebRefusal> for Answer {
    fn from(refusal: &WebRefusal) -> Self {
        Self::refused(refusal, 502)
    }
}

impl From<&PackageRefusal> for Answer {
    fn from(refusal: &PackageRefusal) -> Self {
        Self::refused(refusal, 502)
    }
}

impl From<&Refused> for Answer {
    fn from(refused: &Refused) -> Self {
        match refused {
            Refused::Request(refusal) => refusal.into(),
            Refused::Package(refusal) => refusal.into(),
            Refused::Library(refusal) => refusal.into(),
        }
    }
}

impl From<&LoadRefusal> for Answer {
    fn from(refusal: &LoadRefusal) -> Self {
        Self::refused(refusal, 502)
    }
}

/// A whole HTTP/1.1 response with a JSON body.
pub fn raw(status: u16, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        reason(status),
        body.len()
    );
    let mut response = Vec::with_capacity(head.len() + body.len());
    response.extend_from_slice(head.as_bytes());
    response.extend_from_slice(body);
    response
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "",
    }
}

fn error_object(json: &[u8]) -> Vec<u8> {
    [b"{\"error\":", json, b"}"].concat()
}

/// A JSON string. Strings always serialise; the fallback is there so that nothing can panic.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}

#[cfg(test)]
mod tests;
