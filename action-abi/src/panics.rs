//! The outcome of a call, panics included, as the runner gets it; and the flush that comes last.

use std::cell::RefCell;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::error::Error;
use crate::ffi::{self, RawResult};
use crate::run::Answer;

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A caught panic has a message but no place; only a hook sees that. The one in force still runs, so the
/// text still goes to stderr. A library has its own standard library, hence its own hook.
pub(crate) fn remember_where_panics_happen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info
                .location()
                .map(|place| format!("{}:{}", place.file(), place.line()));
            let _ = LAST_PANIC.try_with(|last| *last.borrow_mut() = place);
            previous(info);
        }));
    });
}

/// Runs `call` and makes its outcome, panics included, one for the runner.
pub(crate) fn answer(call: impl FnOnce() -> Answer) -> RawResult {
    let _ = last_panic(); // One that an earlier run caught itself.

    // Unwind safe: nothing that `call` can touch is looked at again, but for the author's own statics.
    let outcome = panic::catch_unwind(AssertUnwindSafe(call));
    let result = match outcome {
        Ok(Ok(json)) if json.is_empty() => RawResult::done(),
        Ok(Ok(json)) => RawResult::from_vec(ffi::OK, json),
        Ok(Err(error)) if error.is_breakdown() => {
            RawResult::from_vec(ffi::PANIC, error.into_json())
        }
        Ok(Err(error)) => RawResult::from_vec(ffi::ERROR, error.into_json()),
        Err(payload) => RawResult::from_vec(ffi::PANIC, panic_text(payload).into_json()),
    };
    // Errors are of no interest: there may be nobody left to print to.
    let _ = std::io::stdout().flush();
    ffi::flush_c_streams();
    result
}

fn last_panic() -> Option<String> {
    LAST_PANIC
        .try_with(|last| last.borrow_mut().take())
        .ok()
        .flatten()
}

fn panic_text(payload: Box<dyn std::any::Any + Send>) -> Error {
    let message = match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "a value that is not text",
    };
    let text = match last_panic() {
        // The place is in tokio, on the machine that built the library. stderr has it.
        _ if wants_tokio(message) => WANTS_TOKIO.to_owned(),
        Some(place) => format!("{}, {}", message, place),
        None => message.to_owned(),
    };
    // Dropping a payload of a foreign type could panic again, and here nothing would catch that.
    std::mem::forget(payload);
    Error::new(text)
}

/// What tokio says when it misses its runtime, said to somebody who has not turned on the feature.
const WANTS_TOKIO: &str = "The action uses tokio outside of a tokio runtime. Build it with action-abi's feature \"tokio\", \
    and use it on threads of that runtime.";

fn wants_tokio(message: &str) -> bool {
    message.starts_with("there is no reactor running")
}
