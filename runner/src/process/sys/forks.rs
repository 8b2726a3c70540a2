//! What an action's `fork` means for the server around it.
#![expect(
    unsafe_code,
    reason = "memory that a fork wipes, and libc's word of a fork"
)]

use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::*};

static FORKED: OnceLock<&'static AtomicU32> = OnceLock::new();

/// From now on `forked` becomes 1 when this process forks.
pub fn watch_forks(forked: &'static AtomicU32) {
    extern "C" fn in_parent() {
        if let Some(forked) = FORKED.get() {
            forked.store(1, Relaxed);
        }
    }
    let _ = FORKED.set(forked);
    // SAFETY: a function of this program, which is never unloaded; it does nothing but one store.
    unsafe { libc::pthread_atfork(None, Some(in_parent), None) };
}

/// One word that reads 1 in the process that made the mark, and 0 in any process forked from it.
///
/// An action may `fork` and return from its entry point in both processes: the child must not go on as the server.
#[derive(Clone, Copy)]
pub struct ForkMark(&'static AtomicU32);

impl ForkMark {
    /// Makes the mark of this process.
    pub fn new() -> io::Result<Self> {
        // SAFETY: a new anonymous mapping of one page; the kernel chooses the address.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                4096,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the range is the mapping just made.
        if unsafe { libc::madvise(address, 4096, libc::MADV_WIPEONFORK) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: page-aligned, zero-filled, never unmapped.
        let word = unsafe { &*address.cast::<AtomicU32>() };
        word.store(1, Relaxed);
        Ok(Self(word))
    }

    /// Is this still the process that made the mark?
    pub fn is_original(self) -> bool {
        self.0.load(Relaxed) == 1
    }
}
