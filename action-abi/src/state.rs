//! What a library does around its runs: `init`, `state` and `ready`, each `async` or not; and the state itself.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::{PoisonError, RwLock};

use crate::context::Context;
use crate::error::{Error, Failure};
use crate::handler::{Plain, Return, Run, WithContext, WithState};

/// The state of a library that has none.
#[derive(Debug)]
pub struct NoState;

/// One for each library: it is linked into each.
static STATE: RwLock<Option<&'static (dyn Any + Send + Sync)>> = RwLock::new(None);

/// The state that `set_up` made, which lives as long as the library: for ever.
pub(crate) fn get<S: Any>() -> Result<&'static S, Error> {
    static NONE: NoState = NoState;
    if let Some(none) = (&NONE as &dyn Any).downcast_ref() {
        return Ok(none);
    }
    let kept = *STATE.read().unwrap_or_else(PoisonError::into_inner);
    kept.and_then(|state| state.downcast_ref()).ok_or_else(|| {
        Error::new("The action has no state yet: its init was not called, or has failed.")
    })
}

/// A function that can be `init` or `state`, whatever it answers: of nothing, or of `&Context`.
#[cfg_attr(
    diagnostics,
    diagnostic::on_unimplemented(
        message = "`{Self}` does not take what `init` and `state` are given",
        label = "takes something else",
        note = "it is `fn()` or `fn(&Context)`, `async` or not, answering a `Result`"
    )
)]
pub trait Start<'a, Kind> {
    /// What it answers.
    type Return;
    /// Calls it.
    fn start(&self, context: &'a Context) -> Self::Return;
}

impl<'a, F, R> Start<'a, Plain> for F
where
    F: Fn() -> R,
{
    type Return = R;
    fn start(&self, _context: &'a Context) -> R {
        self()
    }
}

impl<'a, F, R> Start<'a, WithContext> for F
where
    F: Fn(&'a Context) -> R,
{
    type Return = R;
    fn start(&self, context: &'a Context) -> R {
        self(context)
    }
}

/// Calls and waits.
pub trait Started<'a, Kind, Answers> {
    /// As in [`Return`].
    type Output;
    /// As in [`Return`].
    type Error;
    /// Does both.
    fn run(&self, context: &'a Context) -> Run<Self::Output, Self::Error>;
}

impl<'a, K, A, F, T> Started<'a, K, A> for F
where
    F: Start<'a, K, Return = T>,
    T: Return<A>,
{
    type Output = T::Output;
    type Error = T::Error;
    fn run(&self, context: &'a Context) -> Run<T::Output, T::Error> {
        self.start(context).finish(context)
    }
}

/// A function that can be `state`; and if it gives nothing, `init`.
#[cfg_attr(
    diagnostics,
    diagnostic::on_unimplemented(
        message = "`{Self}` cannot be `state`",
        label = "takes or answers something else",
        note = "it is `fn() -> Result<S, E>` or `fn(&Context) -> Result<S, E>`, `async` or not"
    )
)]
pub trait SetUp<Marker> {
    /// What it gives.
    type State;
    /// Called once, before the first run.
    fn set_up(&self, context: &Context) -> Result<Self::State, Error>;
}

impl<K, A, S, E, F> SetUp<(K, A, S, E)> for F
where
    F: Start<'static, K>,
    F::Return: Return<A, Output = S, Error = E>,
    F: for<'a> Started<'a, K, A, Output = S, Error = E>,
    E: Failure,
{
    type State = S;
    fn set_up(&self, context: &Context) -> Result<S, Error> {
        match self.run(context) {
            Ok(outcome) => outcome.map_err(Failure::into_error),
            Err(late) => Err(late.into()),
        }
    }
}

/// A function that can be `init`: of nothing, or of `&Context`, `async` or not.
#[cfg_attr(
    diagnostics,
    diagnostic::on_unimplemented(
        message = "`{Self}` cannot be `init`",
        label = "takes or answers something else",
        note = "it is `fn() -> Result<(), E>` or `fn(&Context) -> Result<(), E>`, `async` or not"
    )
)]
pub trait Init<Marker> {
    /// Called once, before the first run.
    fn call(&self, context: &Context) -> Result<(), Error>;
}

impl<M, F> Init<M> for F
where
    F: SetUp<M, State = ()>,
{
    fn call(&self, context: &Context) -> Result<(), Error> {
        self.set_up(context)
    }
}

/// A function that can be `ready`, whatever it answers: of nothing, or of the state.
#[cfg_attr(
    diagnostics,
    diagnostic::on_unimplemented(
        message = "`{Self}` does not take what `ready` is given",
        label = "takes something else",
        note = "it is `fn()`, or with `state = set_up` `fn(&S)`, `async` or not, answering a `Result`"
    )
)]
pub trait Check<'a, S, Kind> {
    /// What it answers.
    type Return;
    /// Calls it.
    fn start(&self, state: &'a S) -> Self::Return;
}

impl<'a, S, F, R> Check<'a, S, Plain> for F
where
    F: Fn() -> R,
{
    type Return = R;
    fn start(&self, _state: &'a S) -> R {
        self()
    }
}

impl<'a, S: 'a, F, R> Check<'a, S, WithState> for F
where
    F: Fn(&'a S) -> R,
{
    type Return = R;
    fn start(&self, state: &'a S) -> R {
        self(state)
    }
}

/// The `init` of a library.
pub fn init<M, F: Init<M>>(function: F, context: &Context) -> Result<(), Error> {
    function.call(context)
}

/// The `state` of a library.
pub fn set_up<M, F>(function: F, context: &Context) -> Result<(), Error>
where
    F: SetUp<M>,
    F::State: Send + Sync + 'static,
{
    let state = Box::leak(Box::new(function.set_up(context)?));
    *STATE.write().unwrap_or_else(PoisonError::into_inner) = Some(state);
    Ok(())
}

/// The type of what a `state` gives.
pub fn state_of<M, F: SetUp<M>>(_function: F) -> PhantomData<F::State> {
    PhantomData
}

/// The `ready` of a library with state `S`.
pub fn ready<S, K, A, E, F, T>(function: F, _state: PhantomData<S>) -> Result<(), Error>
where
    S: Any,
    F: Check<'static, S, K, Return = T>,
    T: Return<A, Output = (), Error = E>,
    E: Failure,
{
    match function.start(get()?).finish(&Context::default()) {
        Ok(outcome) => outcome.map_err(Failure::into_error),
        Err(late) => Err(late.into()),
    }
}
