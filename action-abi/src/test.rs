//! For the tests of an action: a handler is called as the runner would, from JSON to JSON.

use std::fmt::Display;

use serde_json::Value;

use crate::context::Context;
use crate::error::{AsText, Error};
use crate::handler::{Entry, Mapped};
use crate::run;
use crate::state::NoState;
use crate::wait;

/// Calls a handler with parameters that are JSON text, or a `serde_json::Value`.
///
/// ```
/// use action_abi::{test, Context, Error};
/// use serde_json::{json, Value};
///
/// async fn greet(params: Value, context: &Context) -> Result<Value, Error> {
///     Ok(json!({ "greeting": params["name"], "by": context.action_name() }))
/// }
///
/// # #[cfg(not(feature = "schema"))] {
/// let context = Context::builder().action_name("/guest/greet").build();
/// let answer = test::call(greet, r#"{"name":"world"}"#, &context).unwrap();
/// assert_eq!(answer, json!({ "greeting": "world", "by": "/guest/greet" }));
/// # }
/// ```
pub fn call<M, H>(handler: H, params: impl Display, context: &Context) -> Result<Value, Error>
where
    Mapped<H, AsText>: Entry<NoState, M>,
{
    call_with(handler, &NoState, params, context)
}

/// The same for a handler that takes the library's state, or may.
pub fn call_with<S: 'static, M, H>(
    handler: H,
    state: &S,
    params: impl Display,
    context: &Context,
) -> Result<Value, Error>
where
    Mapped<H, AsText>: Entry<S, M>,
{
    let params = params.to_string();
    let handler = Mapped(handler, AsText);
    let json = wait::inside(|| run::call(&handler, state, params.as_bytes(), context))?;
    Ok(serde_json::from_slice(&json)?)
}
