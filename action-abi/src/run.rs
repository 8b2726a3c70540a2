//! One run of one entry point: reads the parameters, calls the handler, writes the result; and what it says of itself.

use std::any::type_name;

use crate::context::Context;
use crate::error::Error;
use crate::handler::{Entry, Mapped};
use crate::state;
use crate::wait;

/// JSON text, or why there is none.
pub(crate) type Answer = Result<Vec<u8>, Error>;

/// One entry point as `export!` writes it down: a function that shows its handler to whoever wants something of it.
/// So each handler is named once, and a mistake in it is told once.
pub trait Run: 'static {
    /// Shows the handler.
    fn show<V: Visitor>(visitor: V) -> V::Output;
}

/// What is wanted of a handler.
pub trait Visitor {
    /// What comes of it.
    type Output;
    /// Looks at the handler.
    fn visit<S: 'static, M, H: Entry<S, M>>(self, handler: &H) -> Self::Output;
}

/// Shows `handler`, an entry point of a library with state `S`, whose errors `map` turns into our own.
pub fn show<S, M, H, X, V>(
    _state: std::marker::PhantomData<S>,
    handler: H,
    map: X,
    visitor: V,
) -> V::Output
where
    S: 'static,
    Mapped<H, X>: Entry<S, M>,
    V: Visitor,
{
    visitor.visit(&Mapped(handler, map))
}

/// One run on JSON text.
pub(crate) fn run<R: Run>(params: &[u8], context: &Context) -> Answer {
    wait::inside(|| R::show(OneRun { params, context }))
}

struct OneRun<'a> {
    params: &'a [u8],
    context: &'a Context,
}

impl Visitor for OneRun<'_> {
    type Output = Answer;
    fn visit<S: 'static, M, H: Entry<S, M>>(self, handler: &H) -> Answer {
        call(handler, state::get()?, self.params, self.context)
    }
}

/// One run of `handler`: parameters in, result out, both JSON text.
pub(crate) fn call<S, M, H: Entry<S, M>>(
    handler: &H,
    state: &S,
    params: &[u8],
    context: &Context,
) -> Answer {
    let parameters = read(params)?;
    let output = handler.call(parameters, state, context)?;
    if is_unit::<H::Output>() {
        return Ok(b"{}".to_vec());
    }
    serde_json::to_vec(&output).map_err(|error| {
        Error::new(format_args!(
            "The result cannot be written as JSON: {}",
            error
        ))
    })
}

/// Nothing, as an object that has nothing in it. (A type id would want `'static`.)
fn is_unit<T>() -> bool {
    type_name::<T>() == type_name::<()>()
}

/// The parameters, or serde's message and the path to what did not fit.
fn read<P: serde::de::DeserializeOwned>(params: &[u8]) -> Result<P, Error> {
    // Whatever is sent to one who wants nothing.
    let params =
        match is_unit::<P>() && serde_json::from_slice::<serde::de::IgnoredAny>(params).is_ok() {
            true => b"null",
            false => params,
        };
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

/// The description of an entry point, as JSON text.
pub(crate) fn describe<R: Run>() -> Answer {
    R::show(Description)
}

struct Description;

/// The JSON Schema of what the handler takes and answers.
#[cfg(feature = "schema")]
impl Visitor for Description {
    type Output = Answer;
    fn visit<S: 'static, M, H: Entry<S, M>>(self, _handler: &H) -> Answer {
        let parameters = schema::<H::Parameters>();
        // The comment on the parameters' type is the nearest thing to one on the function.
        let description = parameters.get("description").cloned();
        let description = serde_json::json!({
            "description": description.unwrap_or_else(|| "".into()),
            "parameters": parameters,
            "result": schema::<H::Output>(),
        });
        Ok(description.to_string().into_bytes())
    }
}

#[cfg(feature = "schema")]
fn schema<T: schemars::JsonSchema>() -> schemars::Schema {
    match is_unit::<T>() {
        true => schemars::json_schema!({ "type": "object" }),
        false => schemars::schema_for!(T),
    }
}

/// Without the feature there is nothing to say.
#[cfg(not(feature = "schema"))]
impl Visitor for Description {
    type Output = Answer;
    fn visit<S: 'static, M, H: Entry<S, M>>(self, _handler: &H) -> Answer {
        Err(Error::new(
            "This library was built without action-abi's feature \"schema\".",
        ))
    }
}
