//! The context as both dialects pass it.

use action_abi::ffi::{ERROR, OK, PANIC, RawContext, Str};

use super::{Buffer, Context, Outcome};
use crate::refusal::LoadRefusal;

/// The same strings as pointers. The caller keeps `context` alive for as long as the value is used.
pub(super) fn context(context: &Context<'_>) -> RawContext {
    let text = |text: &str| Str::new(text.as_bytes());
    let mut raw = RawContext::EMPTY;
    raw.deadline_ms = context.deadline_ms;
    raw.activation_id = text(context.activation_id);
    raw.transaction_id = text(context.transaction_id);
    raw.ns = text(context.namespace);
    raw.action_name = text(context.action_name);
    raw.action_version = text(context.action_version);
    raw.api_key = text(context.api_key);
    raw.api_host = text(context.api_host);
    raw.traceparent = text(context.traceparent);
    raw.tracestate = text(context.tracestate);
    raw
}

/// Sorts a result by its status. `ok` says what an [`OK`] is worth in its dialect.
pub(super) fn outcome(buffer: Buffer, ok: fn(Buffer) -> Outcome) -> Outcome {
    match buffer.status() {
        OK => ok(buffer),
        ERROR => Outcome::Error(buffer),
        PANIC => Outcome::Panicked(buffer),
        // Written by a library of a later minor version, or by a mistake: not a result in any case.
        _ => Outcome::Panicked("The action returned a status that action.h does not have: return ACTION_OK, ACTION_ERROR or ACTION_PANIC.".into()),
    }
}

/// The status of `init` or `ready`: nothing, or what went wrong.
pub(super) fn verdict(buffer: &Buffer) -> Result<(), (bool, String)> {
    let text = || {
        if buffer.as_ref().is_empty() {
            "no reason given".to_owned()
        } else {
            plain(&buffer.text())
        }
    };
    match buffer.status() {
        OK => Ok(()),
        PANIC => Err((true, text())),
        ERROR => Err((false, text())),
        other => Err((
            false,
            format!("it returned status {other}, which action.h does not have"),
        )),
    }
}

/// What an entry point says of itself.
pub(super) fn description(buffer: &Buffer) -> Option<String> {
    (buffer.status() == OK).then(|| buffer.text())
}

/// What came of an action's initialisation.
pub(super) fn initialised(buffer: &Buffer) -> Result<(), LoadRefusal> {
    verdict(buffer).map_err(|(panicked, why)| match panicked {
        true => LoadRefusal::InitPanicked { why },
        false => LoadRefusal::InitFailed { why },
    })
}

/// A JSON string as the text it stands for; anything else as it is.
fn plain(text: &str) -> String {
    serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned())
}
