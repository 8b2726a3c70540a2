//! Signals: waited for, set back, and noticed on the way out.
#![expect(unsafe_code, reason = "signals are libc's")]

use std::ptr;
use std::time::Duration;

/// A set of signals to wait for instead of being interrupted by.
#[derive(Clone, Copy)]
pub struct Signals(libc::sigset_t);

impl Signals {
    /// Blocks `signals` in this thread, so that they stay pending until waited for.
    pub fn block(signals: &[i32]) -> Self {
        // SAFETY: an all-zero sigset_t is a valid value to initialise over.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: `set` is a valid sigset_t.
        unsafe { libc::sigemptyset(&raw mut set) };
        for signal in signals {
            // SAFETY: `set` is initialised; unknown numbers are refused by the call.
            unsafe { libc::sigaddset(&raw mut set, *signal) };
        }
        // SAFETY: `set` is initialised, the old mask is not asked for.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
        Self(set)
    }

    /// The next of the signals, or `None` when `limit` has passed.
    pub fn wait(&self, limit: Option<Duration>) -> Option<i32> {
        let signal = match limit {
            // SAFETY: the set is initialised; no information is asked for.
            None => unsafe { libc::sigwaitinfo(&raw const self.0, ptr::null_mut()) },
            Some(limit) => {
                let limit = libc::timespec {
                    tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
                    tv_nsec: libc::c_long::from(limit.subsec_nanos()),
                };
                // SAFETY: as above; the time is a valid timespec for the length of the call.
                unsafe { libc::sigtimedwait(&raw const self.0, ptr::null_mut(), &raw const limit) }
            }
        };
        (signal > 0).then_some(signal)
    }
}

/// Gives every signal its default meaning and unblocks all of them: what an action may expect to find.
///
/// SIGPIPE stays ignored, as in every Rust program: a caller that went away must not end a worker.
pub fn default_signals() {
    for signal in 1..=64 {
        if signal != libc::SIGPIPE && signal != libc::SIGKILL && signal != libc::SIGSTOP {
            // SAFETY: SIG_DFL is a valid disposition; numbers that libc keeps for itself are refused by the call.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    // SAFETY: an all-zero sigset_t is a valid value to initialise over.
    let mut none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `none` is a valid sigset_t.
    unsafe { libc::sigemptyset(&raw mut none) };
    // SAFETY: `none` is initialised, the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut()) };
}

/// What a process does on its way out, once (see `on_the_way_out`).
static WITNESS: std::sync::OnceLock<fn()> = std::sync::OnceLock::new();

/// Calls `witness` on the thread that ends this process: by a fault, by `abort`, or by `exit`. The process then ends as
/// it would have without. `witness` runs inside a signal handler: it may load and store, and nothing else.
pub fn on_the_way_out(witness: fn()) {
    extern "C" fn at_exit() {
        if let Some(witness) = WITNESS.get() {
            witness();
        }
    }
    extern "C" fn on_signal(signal: i32, info: *const libc::siginfo_t, _: *const libc::c_void) {
        // SAFETY: the kernel passes a valid siginfo to a handler with SA_SIGINFO.
        let code = unsafe { (*info).si_code };
        // One that another process has sent is nobody's fault here.
        if code > 0 || code == libc::SI_TKILL {
            at_exit();
        }
        // A fault happens again, with the default action now; what was sent has to be sent again.
        if code <= 0 {
            // SAFETY: only numbers are passed; the signal stays pending until this handler has returned.
            unsafe { libc::raise(signal) };
        }
    }
    let _ = WITNESS.set(witness);
    // SAFETY: all zero is a valid sigaction to fill in.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_signal as *const () as usize;
    // Once, then the default; on the stack that std gives each thread for the case that its own has overflowed.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESETHAND | libc::SA_ONSTACK;
    for signal in [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGABRT,
        libc::SIGTRAP,
        libc::SIGSYS,
    ] {
        // SAFETY: the action is valid, and its handler calls nothing that a signal handler must not.
        unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    }
    // SAFETY: a function of this program, which is never unloaded.
    unsafe { libc::atexit(at_exit) };
}
