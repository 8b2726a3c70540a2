//! What a run knows about itself, as the author of an action sees it. Where the fields come from is the
//! runner's to say; how they cross the border, `ffi`'s.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::ffi::Given;

/// What a run knows about itself. Each handler may take a reference to one.
///
/// A field is `None` when the caller did not give it. The strings live as long as the run; what must stay
/// longer is copied.
///
/// `Context::default()` is one in which nothing is given, for tests of a handler.
pub struct Context {
    given: Given,
}

impl Context {
    pub(crate) fn new(given: Given) -> Self {
        Self { given }
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
