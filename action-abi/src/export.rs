//! From a function to an entry point: `export!`, and what it expands to. A run itself is the business of `run`, raw
//! pointers are `ffi`'s.

use crate::context::Context;
use crate::error::Error;
use crate::ffi::{self, Invoke};
use crate::run::{self, Answer, Run};

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
/// An entry point may be a path, whose last word names it, and may be given another name:
/// `export!(items::list, items::get as "item");`.
///
/// What is made once and used by every run is the library's state, handed to whoever asks for it:
///
/// ```
/// # use action_abi::{export, Context, Error};
/// # use serde_json::{json, Value};
/// struct App {
///     greeting: String,
/// }
///
/// async fn set_up(_context: &Context) -> Result<App, Error> {
///     Ok(App { greeting: "Hello".to_owned() }) // connects to a database, say
/// }
///
/// async fn greet(params: Value, app: &App, _context: &Context) -> Result<Value, Error> {
///     Ok(json!({ "greeting": format!("{}, {}!", app.greeting, params["name"]) }))
/// }
///
/// # #[cfg(not(feature = "schema"))]
/// export!(state = set_up; greet);
/// # fn main() {}
/// ```
///
/// - An **entry point** is `fn(P) -> Result<R, E>` or `fn(P, &Context) -> Result<R, E>`; with a state also
///   `fn(P, &S)` or `fn(P, &S, &Context)`.
/// - **`init`** is `fn() -> Result<(), E>` or `fn(&Context) -> Result<(), E>`. It runs once, before the first
///   run, with the action's environment set; if it fails, the action is refused.
/// - **`state`** is the same, and what it gives is handed to entry points as `&S`. It comes after `init`.
/// - **`ready`** is `fn() -> Result<(), E>`, or `fn(&S)`: may runs be sent here? It is asked often, so it should be
///   quick.
/// - **`map_err`** is `fn(E) -> Error`: what becomes of errors of a type of one's own. See [`Error::status`].
///
/// Each but `map_err` may be `async`.
///
/// Once in a crate whose type is `cdylib`.
#[macro_export]
macro_rules! export {
    ($($option:ident = $function:path),+ $(,)? ; $($handlers:tt)+) => {
        $crate::__library! { {} {} {} {} { $($handlers)+ } $($option = $function,)+ }
    };
    ($($handlers:tt)+) => {
        $crate::__library! { {} {} {} {} { $($handlers)+ } }
    };
}

// Puts each option into its place: init, state, ready, map_err. Then come the entry points.
#[doc(hidden)]
#[macro_export]
macro_rules! __library {
    ({} $state:tt $ready:tt $map:tt $handlers:tt init = $function:path, $($rest:tt)*) => {
        $crate::__library! { { $function } $state $ready $map $handlers $($rest)* }
    };
    ($init:tt {} $ready:tt $map:tt $handlers:tt state = $function:path, $($rest:tt)*) => {
        $crate::__library! { $init { $function } $ready $map $handlers $($rest)* }
    };
    ($init:tt $state:tt {} $map:tt $handlers:tt ready = $function:path, $($rest:tt)*) => {
        $crate::__library! { $init $state { $function } $map $handlers $($rest)* }
    };
    ($init:tt $state:tt $ready:tt {} $handlers:tt map_err = $function:path, $($rest:tt)*) => {
        $crate::__library! { $init $state $ready { $function } $handlers $($rest)* }
    };
    ($init:tt $state:tt $ready:tt $map:tt $handlers:tt $other:ident = $function:path, $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "export! knows `init = …`, `state = …`, `ready = …` and `map_err = …`, each once; this `",
            ::core::stringify!($other),
            "` is not one of them"
        ));
    };
    ({ $($init:path)? } $state:tt { $($ready:path)? } $map:tt
        { $($handler:path $(as $name:literal)?),+ $(,)? }) => {
        const _: () = {
            struct __Library;
            impl $crate::__private::Library for __Library {
                const ENTRY_POINTS: &'static [$crate::__private::EntryPoint] = &[$({
                    struct __Entry;
                    impl $crate::__private::Run for __Entry {
                        fn show<__V: $crate::__private::Visitor>(visitor: __V) -> __V::Output {
                            $crate::__private::show(
                                $crate::__state!($state), $handler, $crate::__map!($map), visitor
                            )
                        }
                    }
                    $crate::__private::EntryPoint::new::<__Entry>($crate::__name!($handler $(, $name)?))
                }),+];
                fn init(context: &$crate::Context) -> ::core::result::Result<(), $crate::Error> {
                    $($crate::__private::init($init, context)?;)?
                    $crate::__set_up!($state, context)
                }
                $(fn ready() -> ::core::result::Result<(), $crate::Error> {
                    $crate::__private::ready($ready, $crate::__state!($state))
                })?
            }
            // The name under which abi_stable looks for a library's header.
            #[no_mangle]
            #[allow(non_upper_case_globals)]
            static _1as_0lib_1header_0root_bmodule_bloader: $crate::__private::LibHeader =
                $crate::__private::header::<__Library>();
        };
    };
    ($init:tt $state:tt $ready:tt $map:tt { $($handlers:tt)* }) => {
        ::core::compile_error!(
            "export! takes functions, as `reverse`, `items::list` or `items::get as \"item\"`, with commas between them"
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __state {
    ({}) => {
        ::core::marker::PhantomData::<$crate::__private::NoState>
    };
    ({ $function:path }) => {
        $crate::__private::state_of($function)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __set_up {
    ({}, $context:ident) => {{
        let _ = $context;
        ::core::result::Result::Ok(())
    }};
    ({ $function:path }, $context:ident) => {
        $crate::__private::set_up($function, $context)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __map {
    ({}) => {
        $crate::__private::AsText
    };
    ({ $function:path }) => {
        $crate::__private::With($function)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __name {
    ($handler:path) => {
        ::core::stringify!($handler)
    };
    ($handler:path, $name:literal) => {
        $name
    };
}

/// One entry point as the library lists it.
#[derive(Debug)]
pub struct EntryPoint {
    path: &'static str,
    pub(crate) invoke: Invoke,
    describe: fn() -> Answer,
}

impl EntryPoint {
    /// The entry point `path`, served by `R`.
    pub const fn new<R: Run>(path: &'static str) -> Self {
        Self {
            path,
            invoke: ffi::invoke::<R>,
            describe: run::describe::<R>,
        }
    }

    /// The last word of the path, without what stands in `<…>`.
    pub(crate) fn name(&self) -> &'static str {
        let path = self.path.split('<').next().unwrap_or(self.path);
        let words = path.trim_end_matches(|end: char| end == ':' || end.is_whitespace());
        words.rsplit("::").next().unwrap_or(words).trim()
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
        .find(|entry| entry.name().as_bytes() == name);
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
