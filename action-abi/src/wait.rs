//! How a synchronous call waits for an async handler: on this thread, or with feature `tokio` on a runtime
//! that belongs to the library.

use std::future::Future;

/// Drives an async handler on this thread, which sleeps while there is nothing to do.
#[cfg(not(feature = "tokio"))]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};
    use std::thread::{self, Thread};

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // Returns at once if the waker was called meanwhile; without a reason now and then, which is no harm.
        thread::park();
    }
}

/// Drives an async handler on the library's runtime, made when it is first needed. One runtime for all
/// threads, so that what a handler leaves behind (a pool's connections) goes on in the next run, whoever runs it.
#[cfg(feature = "tokio")]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    use std::sync::{Mutex, PoisonError};
    use tokio::runtime::{Builder, Runtime};

    static RUNTIME: Mutex<Option<&'static Runtime>> = Mutex::new(None);

    let runtime: &'static Runtime = {
        let mut made = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
        match *made {
            Some(runtime) => runtime,
            None => match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => made.insert(Box::leak(Box::new(runtime))),
                Err(error) => panic!("cannot start a tokio runtime: {}", error),
            },
        }
    };
    runtime.block_on(future)
}
