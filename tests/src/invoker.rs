//! What OpenWhisk's invoker makes of an answer: the oracle for clients that behave like it.
//!
//! Pure functions on the bytes that came before the connection closed; transcribed from the behaviour of the invoker that
//! the protocol notes describe. Group I of the conformance cases tests this oracle, and other cases use it to say
//! "an invoker would call this a success".

use serde_json::{Value, json};

/// The largest answer that an invoker keeps.
pub const LIMIT: usize = 1_048_576;

/// How an activation ends for the user.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Success(Value),
    ApplicationError(Value),
    DeveloperError(Value),
    /// Sent to another container; the user notices nothing.
    Rescheduled,
    /// The container is initialised.
    Initialised,
}

enum Wire {
    Whole(u16, usize, Vec<u8>),
    Broken,
}

/// The outcome of a `/run` from the raw bytes of its answer.
pub fn after_run(answer: &[u8]) -> Outcome {
    let (status, length, body) = match wire(answer) {
        Wire::Broken => {
            return exited("The action did not produce a valid response and exited unexpectedly.");
        }
        Wire::Whole(503, ..) => return Outcome::Rescheduled,
        Wire::Whole(status, length, body) => (status, length, body),
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    if length > LIMIT {
        let start: String = text.chars().take(LIMIT).collect();
        let sentence = "The action produced a response that exceeded the allowed length";
        return Outcome::ApplicationError(json!(format!(
            "{sentence}: {length} > {LIMIT} bytes. The truncated response was: {start}"
        )));
    }
    let invalid = || {
        json!(format!(
            "The action did not produce a valid JSON or JSON Array response: {text}"
        ))
    };
    match (status, serde_json::from_slice(&body)) {
        (200, Ok(Value::Object(object))) => match object.get("error") {
            Some(error) => Outcome::ApplicationError(error.clone()),
            None => Outcome::Success(Value::Object(object)),
        },
        (200, Ok(Value::Array(array))) => Outcome::Success(Value::Array(array)),
        (200, _) => Outcome::DeveloperError(invalid()),
        (_, Ok(Value::Object(object))) if object.contains_key("error") => {
            Outcome::DeveloperError(object["error"].clone())
        }
        _ => Outcome::DeveloperError(invalid()),
    }
}

/// The outcome of an `/init` from the raw bytes of its answer.
pub fn after_init(answer: &[u8]) -> Outcome {
    let (status, body) = match wire(answer) {
        Wire::Broken => return exited("The action did not initialize and exited unexpectedly."),
        Wire::Whole(503, ..) => return Outcome::Rescheduled,
        Wire::Whole(200, ..) => return Outcome::Initialised,
        Wire::Whole(status, _, body) => (status, body),
    };
    debug_assert_ne!(status, 200);
    match serde_json::from_slice(&body) {
        Ok(Value::Object(object)) if object.contains_key("error") => {
            Outcome::DeveloperError(object["error"].clone())
        }
        _ if body.is_empty() => exited("The action failed during initialization."),
        _ => exited(&format!(
            "The action failed during initialization: {}",
            String::from_utf8_lossy(&body)
        )),
    }
}

fn exited(sentence: &str) -> Outcome {
    Outcome::DeveloperError(json!(sentence))
}

fn wire(answer: &[u8]) -> Wire {
    let parts = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| (&answer[..at], &answer[at + 4..]));
    let Some((head, body)) = parts else {
        return Wire::Broken;
    };
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let header = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    };
    let length = header("content-length").and_then(|length| length.parse::<usize>().ok());
    // The invoker looks at the length that its HTTP library reports, and that reports none for these.
    let hidden = header("transfer-encoding").is_some() || header("content-encoding").is_some();
    match (status, length) {
        (Some(status), Some(length)) if status != 204 && !hidden && body.len() >= length => {
            Wire::Whole(status, length, body[..length].to_vec())
        }
        _ => Wire::Broken,
    }
}
