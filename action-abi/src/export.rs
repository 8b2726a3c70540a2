//! From a function to an entry point: `export!`, and what it expands to. Reads the parameters, calls the
//! handler, writes the result, catches panics, flushes. Raw pointers are `ffi`'s business.

use std::cell::RefCell;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::context::Context;
use crate::error::{Error, Failure};
use crate::ffi::{self, Invoke, RawResult};
use crate::handler::{Handler, Init};

/// Makes a library of the named functions: the first is the default entry point, each is reachable by its
/// own name.
///
/// ```
/// # use action_abi::{export, Context, Error};
/// # use serde_json::{json, Value};
/// fn reverse(params: Value) -> Result<Value, Error> {
///     Ok(json!({ "reversed": params["payload"].as_str().map(|it| it.chars().rev().collect::<String>()) }))
/// }
///
/// async fn shout(params: Value, context: &Context) -> Result<Value, Error> {
///     Ok(json!({ "shouted": params["payload"], "by": context.action_name() }))
/// }
///
/// fn set_up() -> Result<(), std::io::Error> {
///     Ok(()) // reads a file, say
/// }
///
/// fn check() -> Result<(), &'static str> {
///     Ok(()) // or Err("the database is away")
/// }
///
/// // In short: export!(reverse); or export!(reverse, shout);
/// export!(init = set_up, ready = check; reverse, shout);
/// # fn main() {}
/// ```
///
/// - An **entry point** is `fn(P) -> Result<R, E>` or `fn(P, &Context) -> Result<R, E>`, `async` or not.
/// - **`init`** is `fn() -> Result<(), E>` or `fn(&Context) -> Result<(), E>`. It runs once, before the first
///   run, with the action's environment set; if it fails, the action is refused.
/// - **`ready`** is `fn() -> Result<(), E>`: may runs be sent here? It is asked often, so it should be quick.
///
/// Once in a crate whose type is `cdylib`.
#[macro_export]
macro_rules! export {
    ($($option:ident = $function:path),+ $(,)? ; $($name:ident),+ $(,)?) => {
        $crate::__library! { [$($option = $function)+] $($name)+ }
    };
    ($($name:ident),+ $(,)?) => {
        $crate::__library! { [] $($name)+ }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __library {
    ([$($option:ident = $function:path)*] $($name:ident)+) => {
        const _: () = {
            struct __Library;
            impl $crate::__private::Library for __Library {
                const ENTRY_POINTS: &'static [$crate::__private::EntryPoint] = &[$({
                    struct __Entry;
                    impl $crate::__private::Run for __Entry {
                        fn run(params: &[u8], context: &$crate::Context) -> $crate::__private::Answer {
                            $crate::__private::run($name, params, context)
                        }
                        fn describe() -> $crate::__private::Answer {
                            $crate::__private::describe_handler($name)
                        }
                    }
                    $crate::__private::EntryPoint::new::<__Entry>(::core::stringify!($name))
                }),+];
                $($crate::__option! { $option $function })*
            }
            // The name under which abi_stable looks for a library's header.
            #[no_mangle]
            #[allow(non_upper_case_globals)]
            static _1as_0lib_1header_0root_bmodule_bloader: $crate::__private::LibHeader =
                $crate::__private::header::<__Library>();
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __option {
    (init $function:path) => {
        fn init(context: &$crate::Context) -> ::core::result::Result<(), $crate::Error> {
            $crate::__private::init($function, context)
        }
    };
    (ready $function:path) => {
        fn ready() -> ::core::result::Result<(), $crate::Error> {
            $crate::__private::ready($function)
        }
    };
    ($other:ident $function:path) => {
        ::core::compile_error!(::core::concat!(
            "export! knows `init = …` and `ready = …`, not `",
            ::core::stringify!($other),
            "`"
        ));
    };
}

/// JSON text, or why there is none.
pub type Answer = Result<Vec<u8>, Error>;

/// One entry point as `export!` writes it down.
pub trait Run: 'static {
    /// One run on JSON text.
    fn run(params: &[u8], context: &Context) -> Answer;
    /// Its description, as JSON text.
    fn describe() -> Answer;
}

/// One entry point as the library lists it.
#[derive(Debug)]
pub struct EntryPoint {
    pub(crate) name: &'static str,
    pub(crate) invoke: Invoke,
    describe: fn() -> Answer,
}

impl EntryPoint {
    /// The entry point `name`, served by `R`.
    pub const fn new<R: Run>(name: &'static str) -> Self {
        Self {
            name,
            invoke: ffi::invoke::<R>,
            describe: R::describe,
        }
    }
}

/// A library as `export!` writes it down.
pub trait Library: 'static {
    /// The first is the default.
    const ENTRY_POINTS: &'static [EntryPoint];
    /// Before the first run.
    fn init(_context: &Context) -> Result<(), Error> {
        Ok(())
    }
    /// Ready for traffic?
    fn ready() -> Result<(), Error> {
        Ok(())
    }
}

/// The entry point of that name. None, or `main`, is the default, unless one is called `main`.
pub(crate) fn find<L: Library>(name: &[u8]) -> Option<&'static EntryPoint> {
    let named = L::ENTRY_POINTS
        .iter()
        .find(|entry| entry.name.as_bytes() == name);
    let default = || {
        L::ENTRY_POINTS
            .first()
            .filter(|_| name.is_empty() || name == b"main")
    };
    named.or_else(default)
}

pub(crate) fn describe<L: Library>(name: &[u8]) -> Answer {
    match find::<L>(name) {
        Some(entry) => (entry.describe)(),
        None => Err(Error::new(format_args!(
            "There is no entry point {:?}.",
            String::from_utf8_lossy(name)
        ))),
    }
}

/// One run of `handler`: parameters in, result out, both JSON text.
pub fn run<M, H: Handler<M>>(handler: H, params: &[u8], context: &Context) -> Answer {
    let parameters = read(params)?;
    let output = handler.call(parameters, context)?;
    serde_json::to_vec(&output).map_err(|error| {
        Error::new(format_args!(
            "The result cannot be written as JSON: {}",
            error
        ))
    })
}

/// The parameters, or serde's message and the path to what did not fit.
fn read<P: serde::de::DeserializeOwned>(params: &[u8]) -> Result<P, Error> {
    // The path is looked for only when there is something to say: following it costs time.
    serde_json::from_slice(params).map_err(|error| {
        let mut again = serde_json::Deserializer::from_slice(params);
        match serde_path_to_error::deserialize::<_, P>(&mut again) {
            Err(located) if located.path().iter().next().is_some() => Error::new(format_args!(
                "Invalid parameters at {}: {}",
                located.path(),
                located.inner()
            )),
            _ => Error::new(format_args!("Invalid parameters: {}", error)),
        }
    })
}

/// The `init` of a library.
pub fn init<M, F: Init<M>>(function: F, context: &Context) -> Result<(), Error> {
    function.call(context)
}

/// The `ready` of a library.
pub fn ready<F: Fn() -> Result<(), E>, E: Failure>(function: F) -> Result<(), Error> {
    function().map_err(Failure::into_error)
}

/// The JSON Schema of what `handler` takes and answers.
#[cfg(feature = "schema")]
pub fn describe_handler<M, H: Handler<M>>(_handler: H) -> Answer {
    let parameters = schemars::schema_for!(H::Parameters);
    // The comment on the parameters' type is the nearest thing to one on the function.
    let description = parameters.get("description").cloned();
    let description = serde_json::json!({
        "description": description.unwrap_or_else(|| "".into()),
        "parameters": parameters,
        "result": schemars::schema_for!(H::Output),
    });
    Ok(description.to_string().into_bytes())
}

/// Without the feature there is nothing to say.
#[cfg(not(feature = "schema"))]
pub fn describe_handler<M, H: Handler<M>>(_handler: H) -> Answer {
    Err(Error::new(
        "This library was built without action-abi's feature \"schema\".",
    ))
}

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
        Some(place) => format!("{}, {}", message, place),
        None => message.to_owned(),
    };
    // Dropping a payload of a foreign type could panic again, and here nothing would catch that.
    std::mem::forget(payload);
    Error::new(text)
}
