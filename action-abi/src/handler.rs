//! Which functions can be entry points: one trait, implemented for every shape of function that the crate
//! documents. The marker parameters keep those implementations apart, and the compiler infers them.

use std::future::Future;

use serde::de::DeserializeOwned;
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Failure};
use crate::wait::block_on;

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

/// Marks `fn(P) -> Result<R, E>`.
#[derive(Debug)]
pub struct Plain<P>(P);

impl<F, P, R, E> Handler<Plain<P>> for F
where
    F: Fn(P) -> Result<R, E>,
    P: Parameters,
    R: Output,
    E: Failure,
{
    type Parameters = P;
    type Output = R;
    fn call(&self, parameters: P, _context: &Context) -> Result<R, Error> {
        self(parameters).map_err(Failure::into_error)
    }
}

/// Marks `fn(P, &Context) -> Result<R, E>`.
#[derive(Debug)]
pub struct WithContext<P>(P);

impl<F, P, R, E> Handler<WithContext<P>> for F
where
    F: Fn(P, &Context) -> Result<R, E>,
    P: Parameters,
    R: Output,
    E: Failure,
{
    type Parameters = P;
    type Output = R;
    fn call(&self, parameters: P, context: &Context) -> Result<R, Error> {
        self(parameters, context).map_err(Failure::into_error)
    }
}

/// Marks `async fn(P) -> Result<R, E>`.
#[derive(Debug)]
pub struct Async<P>(P);

impl<F, P, Fut, R, E> Handler<Async<P>> for F
where
    F: Fn(P) -> Fut,
    Fut: Future<Output = Result<R, E>>,
    P: Parameters,
    R: Output,
    E: Failure,
{
    type Parameters = P;
    type Output = R;
    fn call(&self, parameters: P, _context: &Context) -> Result<R, Error> {
        block_on(self(parameters)).map_err(Failure::into_error)
    }
}

/// A function whose future borrows from its second argument. `for<'a> Fn(P, &'a Context) -> Fut` would
/// want the same future for every `'a`; here each `'a` has its own.
pub trait BorrowingFn<'a, P> {
    /// What the future gives.
    type Output;
    /// The future.
    type Future: Future<Output = Self::Output> + 'a;
    /// Calls the function.
    fn start(&self, parameters: P, context: &'a Context) -> Self::Future;
}

impl<'a, F, P, Fut> BorrowingFn<'a, P> for F
where
    F: Fn(P, &'a Context) -> Fut,
    Fut: Future + 'a,
{
    type Output = Fut::Output;
    type Future = Fut;
    fn start(&self, parameters: P, context: &'a Context) -> Fut {
        self(parameters, context)
    }
}

/// Marks `async fn(P, &Context) -> Result<R, E>`.
#[derive(Debug)]
pub struct AsyncWithContext<P, R, E>(P, R, E);

impl<F, P, R, E> Handler<AsyncWithContext<P, R, E>> for F
where
    F: for<'a> BorrowingFn<'a, P, Output = Result<R, E>>,
    P: Parameters,
    R: Output,
    E: Failure,
{
    type Parameters = P;
    type Output = R;
    fn call(&self, parameters: P, context: &Context) -> Result<R, Error> {
        block_on(self.start(parameters, context)).map_err(Failure::into_error)
    }
}

/// A function that can be `init`: of nothing, or of `&Context`.
pub trait Init<Marker> {
    /// Called once, before the first run.
    fn call(&self, context: &Context) -> Result<(), Error>;
}

impl<F, E> Init<Plain<()>> for F
where
    F: Fn() -> Result<(), E>,
    E: Failure,
{
    fn call(&self, _context: &Context) -> Result<(), Error> {
        self().map_err(Failure::into_error)
    }
}

impl<F, E> Init<WithContext<()>> for F
where
    F: Fn(&Context) -> Result<(), E>,
    E: Failure,
{
    fn call(&self, context: &Context) -> Result<(), Error> {
        self(context).map_err(Failure::into_error)
    }
}
