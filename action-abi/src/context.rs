//! What a run knows about itself, as the author of an action sees it. Where the fields come from is the
//! runner's to say; how they cross the border, `ffi`'s.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::ffi::{Given, RawContext, Str};

/// What a run knows about itself. Each handler may take a reference to one.
///
/// A field is `None` when the caller did not give it. The strings live as long as the run; what must stay
/// longer is copied.
///
/// For tests of a handler: `Context::default()` is one in which nothing is given, and [`Context::builder`] makes others.
pub struct Context {
    given: Given,
}

impl Context {
    pub(crate) fn new(given: Given) -> Self {
        Self { given }
    }

    /// Makes a context by hand, for tests.
    ///
    /// ```
    /// # use action_abi::Context;
    /// # use std::time::Duration;
    /// let context = Context::builder().activation_id("a1").time_left(Duration::from_secs(5)).build();
    /// assert_eq!(context.activation_id(), Some("a1"));
    /// assert!(context.remaining() > Some(Duration::from_secs(4)));
    /// ```
    pub fn builder() -> ContextBuilder {
        ContextBuilder {
            given: Given::NOTHING,
        }
    }

    /// The id of this activation.
    pub fn activation_id(&self) -> Option<&str> {
        self.given.activation_id()
    }

    /// The id of the transaction that this activation belongs to.
    pub fn transaction_id(&self) -> Option<&str> {
        self.given.transaction_id()
    }

    /// The namespace of the action.
    pub fn namespace(&self) -> Option<&str> {
        self.given.ns()
    }

    /// The full name of the action.
    pub fn action_name(&self) -> Option<&str> {
        self.given.action_name()
    }

    /// The version of the action.
    pub fn action_version(&self) -> Option<&str> {
        self.given.action_version()
    }

    /// The key for calls to the platform's API. A secret: `Debug` does not show it.
    pub fn api_key(&self) -> Option<&str> {
        self.given.api_key()
    }

    /// The address of the platform's API.
    pub fn api_host(&self) -> Option<&str> {
        self.given.api_host()
    }

    /// The W3C trace context of the request, header `traceparent`.
    pub fn traceparent(&self) -> Option<&str> {
        self.given.traceparent()
    }

    /// The W3C trace context of the request, header `tracestate`.
    pub fn tracestate(&self) -> Option<&str> {
        self.given.tracestate()
    }

    /// When the run's time is over; `None` if it has no limit.
    pub fn deadline(&self) -> Option<SystemTime> {
        let since_epoch = u64::try_from(self.given.deadline_ms())
            .ok()
            .filter(|&ms| ms > 0)?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since_epoch))
    }

    /// How much of the run's time is left, zero when it is over; `None` if it has no limit.
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.deadline()?.duration_since(SystemTime::now());
        Some(left.unwrap_or(Duration::ZERO))
    }
}

/// Makes a [`Context`]: what is not set is not given.
pub struct ContextBuilder {
    given: Given,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident = $field:ident),+ $(,)?) => {
        impl ContextBuilder {$(
            $(#[$doc])*
            pub fn $name(self, text: impl Into<String>) -> Self {
                self.keep(|context| &mut context.$field, text.into())
            }
        )+}
    };
}
setters! {
    /// The id of this activation.
    activation_id = activation_id,
    /// The id of the transaction.
    transaction_id = transaction_id,
    /// The namespace of the action.
    namespace = ns,
    /// The full name of the action.
    action_name = action_name,
    /// The version of the action.
    action_version = action_version,
    /// The key for calls to the platform's API.
    api_key = api_key,
    /// The address of the platform's API.
    api_host = api_host,
    /// The header `traceparent`.
    traceparent = traceparent,
    /// The header `tracestate`.
    tracestate = tracestate,
}

impl ContextBuilder {
    /// The run's time is over at this point.
    pub fn deadline(mut self, deadline: SystemTime) -> Self {
        let since_epoch = deadline.duration_since(SystemTime::UNIX_EPOCH);
        let ms = since_epoch.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
        // 0 would mean that there is none.
        self.given.set_deadline_ms(ms.max(1));
        self
    }

    /// The run has so much time left.
    pub fn time_left(self, left: Duration) -> Self {
        self.deadline(SystemTime::now() + left)
    }

    /// The context.
    pub fn build(self) -> Context {
        Context::new(self.given)
    }

    fn keep(mut self, field: fn(&mut RawContext) -> &mut Str, text: String) -> Self {
        self.given.keep(field, text);
        self
    }
}

impl fmt::Debug for ContextBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContextBuilder")
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new(Given::NOTHING)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("activation_id", &self.activation_id())
            .field("transaction_id", &self.transaction_id())
            .field("namespace", &self.namespace())
            .field("action_name", &self.action_name())
            .field("action_version", &self.action_version())
            .field("api_key", &self.api_key().map(|_| "…"))
            .field("api_host", &self.api_host())
            .field("traceparent", &self.traceparent())
            .field("tracestate", &self.tracestate())
            .field("deadline", &self.deadline())
            .finish()
    }
}
