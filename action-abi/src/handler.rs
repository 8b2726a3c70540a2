//! Which functions can be entry points. `Call` says what a function may take, `Return` what it may answer; both are
//! implemented for every shape that the crate documents. The marker parameters keep those implementations apart, and
//! the compiler infers them. The two are looked at one after the other, and what stands between parentheses last, so
//! that the compiler complains about the one thing that is wrong.

use std::future::Future;

use serde::de::DeserializeOwned;
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Failure, MapError};
use crate::state::NoState;
use crate::wait::{block_on, Late};

/// What a handler can take: anything that serde reads, and that owns what it holds.
#[cfg(not(feature = "schema"))]
pub trait Parameters: DeserializeOwned {}
#[cfg(not(feature = "schema"))]
impl<T: DeserializeOwned> Parameters for T {}

/// What a handler can answer: anything that serde writes.
#[cfg(not(feature = "schema"))]
pub trait Output: Serialize {}
#[cfg(not(feature = "schema"))]
impl<T: Serialize> Output for T {}

/// What a handler can take: anything that serde reads, that owns what it holds, and that has a schema.
#[cfg(feature = "schema")]
pub trait Parameters: DeserializeOwned + schemars::JsonSchema {}
#[cfg(feature = "schema")]
impl<T: DeserializeOwned + schemars::JsonSchema> Parameters for T {}

/// What a handler can answer: anything that serde writes, and that has a schema.
#[cfg(feature = "schema")]
pub trait Output: Serialize + schemars::JsonSchema {}
#[cfg(feature = "schema")]
impl<T: Serialize + schemars::JsonSchema> Output for T {}

/// A function that can be an entry point: of parameters, or of parameters and `&Context`, `async` or not,
/// answering a `Result`. `Marker` says which of these it is, and is never written down.
pub trait Handler<Marker> {
    /// The type of its parameters.
    type Parameters: Parameters;
    /// The type of its result.
    type Output: Output;
    /// One run.
    fn call(&self, parameters: Self::Parameters, context: &Context) -> Result<Self::Output, Error>;
}

/// Marks a function of what it must take and nothing else.
#[derive(Debug)]
pub struct Plain;
/// Marks one that also takes `&Context`.
#[derive(Debug)]
pub struct WithContext;
/// Marks one that also takes the library's state.
#[derive(Debug)]
pub struct WithState;
/// Marks one that takes the state, then `&Context`.
#[derive(Debug)]
pub struct WithBoth;

/// A function as an entry point calls it, whatever it answers. Each `'a` has a return type of its own: the future of
/// an `async fn` borrows what it was given.
#[cfg_attr(
    diagnostics,
    diagnostic::on_unimplemented(
        message = "`{Self}` does not take what an entry point is given",
        label = "takes something else",
        note = "an entry point is `fn(P)` or `fn(P, &Context)`, `async` or not, answering a `Result<R, E>`",
        note = "with `state = set_up` also `fn(P, &S)` or `fn(P, &S, &Context)`, where `S` is what `set_up` gives",
        note = "`P` cannot be left out, nor borrow: take `()` if there are no parameters; take the context by reference"
    )
)]
pub trait Call<'a, S, P, Kind> {
    /// What it answers.
    type Return;
    /// Calls it.
    fn start(&self, parameters: P, state: &'a S, context: &'a Context) -> Self::Return;
}

impl<'a, S, P, F, R> Call<'a, S, P, Plain> for F
where
    F: Fn(P) -> R,
{
    type Return = R;
    fn start(&self, parameters: P, _state: &'a S, _context: &'a Context) -> R {
        self(parameters)
    }
}

impl<'a, S, P, F, R> Call<'a, S, P, WithContext> for F
where
    F: Fn(P, &'a Context) -> R,
{
    type Return = R;
    fn start(&self, parameters: P, _state: &'a S, context: &'a Context) -> R {
        self(parameters, context)
    }
}

impl<'a, S: 'a, P, F, R> Call<'a, S, P, WithState> for F
where
    F: Fn(P, &'a S) -> R,
{
    type Return = R;
    fn start(&self, parameters: P, state: &'a S, _context: &'a Context) -> R {
        self(parameters, state)
    }
}

impl<'a, S: 'a, P, F, R> Call<'a, S, P, WithBoth> for F
where
    F: Fn(P, &'a S, &'a Context) -> R,
{
    type Return = R;
    fn start(&self, parameters: P, state: &'a S, context: &'a Context) -> R {
        self(parameters, state, context)
    }
}

/// Marks a `Result`.
#[derive(Debug)]
pub struct Now;
/// Marks the future of one.
#[derive(Debug)]
pub struct Later;
/// Marks nothing.
#[derive(Debug)]
pub struct Never;

/// What a function may answer: a `Result`, or the future of one.
#[cfg_attr(
    diagnostics,
    diagnostic::on_unimplemented(
        message = "`{Self}` is not what a function of an action may answer",
        label = "answers something else",
        note = "it answers a `Result<R, E>`, or is `async` and gives one: wrap it in `Ok(…)`"
    )
)]
pub trait Return<Kind> {
    /// What it gives when all is well.
    type Output;
    /// What it gives otherwise.
    type Error;
    /// Waits for it, until the deadline at most.
    fn finish(self, context: &Context) -> Result<Result<Self::Output, Self::Error>, Late>;
}

impl<R, E> Return<Now> for Result<R, E> {
    type Output = R;
    type Error = E;
    fn finish(self, _context: &Context) -> Result<Self, Late> {
        Ok(self)
    }
}

impl<F, R, E> Return<Later> for F
where
    F: Future<Output = Result<R, E>>,
{
    type Output = R;
    type Error = E;
    fn finish(self, context: &Context) -> Result<Result<R, E>, Late> {
        block_on(self, context)
    }
}

/// Implemented by nothing.
pub trait Nothing {}

/// Never chosen. Without a third way the compiler would say that an `i32` is no future, and not what stands above.
impl<T: Nothing> Return<Never> for T {
    type Output = ();
    type Error = ();
    fn finish(self, _context: &Context) -> Result<Result<(), ()>, Late> {
        Err(Late)
    }
}

/// Calls and waits.
pub trait Finish<'a, S, P, Kind, Answers> {
    /// As in [`Return`].
    type Output;
    /// As in [`Return`].
    type Error;
    /// Does both.
    fn run(
        &self,
        parameters: P,
        state: &'a S,
        context: &'a Context,
    ) -> Run<Self::Output, Self::Error>;
}

/// What a call came to.
pub(crate) type Run<R, E> = Result<Result<R, E>, Late>;

impl<'a, S, P, K, A, H, T> Finish<'a, S, P, K, A> for H
where
    H: Call<'a, S, P, K, Return = T>,
    T: Return<A>,
{
    type Output = T::Output;
    type Error = T::Error;
    fn run(&self, parameters: P, state: &'a S, context: &'a Context) -> Run<T::Output, T::Error> {
        self.start(parameters, state, context).finish(context)
    }
}

/// A handler as `export!` names it, and what makes an [`Error`] of its errors.
#[derive(Debug)]
pub struct Mapped<H, X>(pub H, pub X);

/// A handler in a library with state `S`.
pub trait Entry<S, Marker> {
    /// As in [`Handler`].
    type Parameters: Parameters;
    /// As in [`Handler`].
    type Output: Output;
    /// As in [`Handler`].
    fn call(
        &self,
        parameters: Self::Parameters,
        state: &S,
        context: &Context,
    ) -> Result<Self::Output, Error>;
}

/// The bounds at `'static` are there to infer from: rustc 1.63 does not look behind `for<'a>`.
impl<S, P, K, A, R, E, W, H, X> Entry<S, (P, K, A, R, E, W)> for Mapped<H, X>
where
    S: 'static,
    H: Call<'static, S, P, K>,
    H::Return: Return<A, Output = R, Error = E>,
    H: for<'a> Finish<'a, S, P, K, A, Output = R, Error = E>,
    P: Parameters,
    R: Output,
    X: MapError<E, W>,
{
    type Parameters = P;
    type Output = R;
    fn call(&self, parameters: P, state: &S, context: &Context) -> Result<R, Error> {
        match self.0.run(parameters, state, context) {
            Ok(outcome) => outcome.map_err(|error| self.1.map_error(error)),
            Err(late) => Err(late.into()),
        }
    }
}

impl<P, K, A, R, E, H> Handler<(P, K, A, R, E)> for H
where
    H: Call<'static, NoState, P, K>,
    H::Return: Return<A, Output = R, Error = E>,
    H: for<'a> Finish<'a, NoState, P, K, A, Output = R, Error = E>,
    P: Parameters,
    R: Output,
    E: Failure,
{
    type Parameters = P;
    type Output = R;
    fn call(&self, parameters: P, context: &Context) -> Result<R, Error> {
        match self.run(parameters, &NoState, context) {
            Ok(outcome) => outcome.map_err(Failure::into_error),
            Err(late) => Err(late.into()),
        }
    }
}
