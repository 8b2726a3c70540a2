//! How a synchronous call waits for an async handler: on this thread, or with feature `tokio` on a runtime
//! that belongs to the library. Neither waits beyond the deadline: what is late by then is dropped.

use std::future::Future;

use crate::context::Context;
use crate::error::Error;

/// The deadline came first.
#[derive(Debug)]
pub struct Late;

impl From<Late> for Error {
    fn from(_: Late) -> Self {
        Self::breakdown(
            "The action was still waiting for something at its deadline, and was ended.",
        )
    }
}

/// Drives an async handler on this thread, which sleeps while there is nothing to do.
#[cfg(not(feature = "tokio"))]
pub(crate) fn block_on<F: Future>(future: F, context: &Context) -> Result<F::Output, Late> {
    use std::sync::Arc;
    use std::task::{self, Poll, Wake, Waker};
    use std::thread::{self, Thread};

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut polled = task::Context::from_waker(&waker);
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut polled) {
            return Ok(output);
        }
        // Returns at once if the waker was called meanwhile; without a reason now and then, which is no harm.
        match context.remaining() {
            None => thread::park(),
            Some(left) if left.is_zero() => return Err(Late),
            Some(left) => thread::park_timeout(left),
        }
    }
}

/// Without a runtime there is nothing to be inside of.
#[cfg(not(feature = "tokio"))]
pub(crate) fn inside<T>(call: impl FnOnce() -> T) -> T {
    call()
}

/// Polls an async handler on this thread, while the library's runtime sees to timers, sockets and tasks.
#[cfg(feature = "tokio")]
pub(crate) fn block_on<F: Future>(future: F, context: &Context) -> Result<F::Output, Late> {
    let left = context.remaining();
    runtime().block_on(async move {
        match left {
            None => Ok(future.await),
            Some(left) => tokio::time::timeout(left, future).await.map_err(|_| Late),
        }
    })
}

/// Calls a function that may spawn tasks on the library's runtime.
#[cfg(feature = "tokio")]
pub(crate) fn inside<T>(call: impl FnOnce() -> T) -> T {
    let _entered = runtime().enter();
    call()
}

/// The library's runtime, made when it is first needed. One for all threads, with one of its own that goes on between
/// runs: kept connections stay alive, spawned tasks go on, and no handler that computes holds up another's timer.
#[cfg(feature = "tokio")]
fn runtime() -> &'static tokio::runtime::Runtime {
    use std::sync::{PoisonError, RwLock};
    use tokio::runtime::{Builder, Runtime};

    static RUNTIME: RwLock<Option<&'static Runtime>> = RwLock::new(None);

    if let Some(runtime) = *RUNTIME.read().unwrap_or_else(PoisonError::into_inner) {
        return runtime;
    }
    let mut made = RUNTIME.write().unwrap_or_else(PoisonError::into_inner);
    made.get_or_insert_with(|| {
        let mut builder = Builder::new_multi_thread();
        match builder
            .worker_threads(1)
            .thread_name("action-tokio")
            .enable_all()
            .build()
        {
            Ok(runtime) => Box::leak(Box::new(runtime)),
            Err(error) => panic!("cannot start a tokio runtime: {}", error),
        }
    })
}
