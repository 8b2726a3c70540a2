//! Every system call that the process tree makes and that no safe crate offers.
//!
//! Nothing here decides anything: each function wraps one call of the kernel or of libc, and says what the caller
//! must know. The rest of `process` is safe code.
#![expect(unsafe_code, reason = "the one door of the process tree to the kernel")]

mod forks;
mod mappings;
mod signals;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use super::slots::Traffic;
pub use forks::{ForkMark, watch_forks};
pub use libc::pid_t as Pid;
pub use mappings::mappings;
pub use signals::{Signals, default_signals, on_the_way_out};

/// Which side of a `fork` or `clone` this is.
pub enum Side {
    /// The caller, with the new process's id.
    Parent(Pid),
    /// The new process.
    Child,
}

/// Maps one `T` that parent and children share, filled with zero bytes.
///
/// The mapping lasts as long as the process.
pub fn shared<T: Zeroable>() -> io::Result<&'static T> {
    // SAFETY: a new anonymous mapping; the kernel chooses an address that nothing else uses.
    let address = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size_of::<T>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: page-aligned, large enough, never unmapped, and `Zeroable` says that zero bytes are a `T`. `T: Sync`
    // makes shared access sound, also from other processes, since it holds atomics only.
    Ok(unsafe { &*address.cast::<T>() })
}

/// A type of atomics for which all bytes zero is a valid value, and which may be shared between processes.
///
/// # Safety
/// The type must consist of atomics of integers, and arrays and `repr(C)` structs of such, only.
pub unsafe trait Zeroable: Sync {}

// SAFETY: `Pair` is `repr(C)` and made of atomic integers only (see `slots.rs`).
unsafe impl Zeroable for super::slots::Pair {}
// SAFETY: as `Pair`.
unsafe impl Zeroable for super::slots::Tree {}

/// Starts a process with memory and descriptors of its own. Call it while this process has one thread.
pub fn fork() -> io::Result<Side> {
    // SAFETY: the callers (master) have a single thread, so that the child's copy of every lock is unlocked.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(pid)),
    }
}

/// Starts a process that has its own memory but **shares this process's descriptor table**: what it opens or
/// accepts, this process can still write to after its death.
///
/// glibc is not told: in the child, the first thread's cached thread id is the parent's. So the child must do its
/// work on a thread that it starts.
pub fn clone_with_shared_descriptors() -> io::Result<Side> {
    let flags = libc::c_long::from(libc::CLONE_FILES | libc::SIGCHLD);
    // SAFETY: no CLONE_VM and no new stack: the child goes on in its copy of this stack, as after a fork. The
    // keeper has a single thread, so that the child's copy of every lock is unlocked. All other arguments are
    // zero, so that their order, which differs between architectures, does not matter.
    match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(Pid::try_from(pid).unwrap_or(Pid::MAX))),
    }
}

/// Ends this process at once: no destructors, no `atexit` handlers of an action.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(status) }
}

/// Takes a descriptor number that another process of the same table left in a shared slot.
///
/// The caller vouches, by the slot protocol, that the number is an open descriptor that nobody else owns; if it is
/// not (an action closed it), calls on it fail with `EBADF`.
pub fn adopt(descriptor: RawFd) -> OwnedFd {
    // SAFETY: by the slot protocol the slot that held the number was its only owner, and gave it up.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

/// A descriptor that stands in a shared slot, for one call. If it is closed by then, the call fails with `EBADF`.
pub fn lend(descriptor: RawFd) -> BorrowedFd<'static> {
    // SAFETY: not -1: slots hold what `accept` returned. The caller uses it for one call and does not keep it.
    unsafe { BorrowedFd::borrow_raw(descriptor) }
}

/// Closes every descriptor from `first` to `last`, both included, whoever opened them.
pub fn close_range(first: RawFd, last: RawFd) {
    let (Ok(first), Ok(last)) = (u32::try_from(first), u32::try_from(last)) else {
        return;
    };
    // SAFETY: only numbers are passed. The keeper calls it between workers, for numbers that it does not own.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
}

/// What has been read from a TCP connection and sent on it, as the kernel knows it: also for a process that died inside
/// the call.
pub fn traffic(socket: BorrowedFd<'_>) -> Option<Traffic> {
    // The caller may send or acknowledge something between two looks: then they do not belong together.
    for _ in 0..100 {
        let before = arrived(socket)?;
        let (unread, unacknowledged) = queued(socket)?;
        if arrived(socket)? == before {
            return Some(Traffic {
                received: before.received.wrapping_sub(unread),
                sent: before.sent.wrapping_add(unacknowledged),
            });
        }
    }
    None
}

/// What has arrived here, and at the other end. All counting is modulo 2^32.
fn arrived(socket: BorrowedFd<'_>) -> Option<Traffic> {
    // Where `tcpi_bytes_acked` and `tcpi_bytes_received` stand in the kernel's `struct tcp_info`, and where they end.
    const ACKED: usize = 120;
    const RECEIVED: usize = 128;
    const END: usize = 136;
    let mut info = [0_u8; END];
    let mut length = libc::socklen_t::try_from(END).ok()?;
    // SAFETY: the buffer is as long as `length` says; the kernel writes no more than that.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if outcome != 0 || length as usize != END {
        return None;
    }
    let low = if cfg!(target_endian = "big") { 4 } else { 0 };
    let word = |at: usize| {
        let bytes = info.get(at..at + 4)?;
        bytes.try_into().ok().map(u32::from_ne_bytes)
    };
    Some(Traffic {
        received: word(RECEIVED + low)?,
        sent: word(ACKED + low)?,
    })
}

/// Bytes that nobody here has read, and bytes that the other end has not acknowledged.
fn queued(socket: BorrowedFd<'_>) -> Option<(u32, u32)> {
    let number = socket.as_raw_fd();
    let (mut unread, mut unacknowledged): (libc::c_int, libc::c_int) = (0, 0);
    // SAFETY: FIONREAD writes one int.
    let read = unsafe { libc::ioctl(number, libc::FIONREAD, &raw mut unread) };
    // SAFETY: SIOCOUTQ, which has the number of TIOCOUTQ, writes one int.
    let written = unsafe { libc::ioctl(number, libc::TIOCOUTQ, &raw mut unacknowledged) };
    (read == 0 && written == 0).then(|| (unread.cast_unsigned(), unacknowledged.cast_unsigned()))
}

/// The kernel's id of this thread.
pub fn thread_id() -> u32 {
    // SAFETY: no preconditions.
    unsafe { libc::gettid() }.unsigned_abs()
}

/// Is there a thread of this id in this process? Where that cannot be known: yes.
pub fn has_thread(id: u32) -> bool {
    let process = std::process::id();
    // SAFETY: signal 0 is none: the kernel only looks whether the thread is there.
    let found = unsafe { libc::syscall(libc::SYS_tgkill, process, id, 0) };
    found == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Writes out what C's `printf` and its kin still hold in this process.
pub fn flush_stdio() {
    unsafe extern "C" {
        static stdout: *mut libc::FILE;
        static stderr: *mut libc::FILE;
        fn __fpending(stream: *mut libc::FILE) -> libc::size_t;
    }
    // Looking is ten times cheaper than flushing, and usually there is nothing.
    // SAFETY: libc sets it before `main` runs.
    let out = unsafe { stdout };
    // SAFETY: as above.
    let err = unsafe { stderr };
    // SAFETY: streams of libc are valid, unless an action has closed them, which C leaves undefined for its own use too.
    let pending = unsafe { __fpending(out) };
    // SAFETY: as above.
    let pending = pending + unsafe { __fpending(err) };
    if pending > 0 {
        // SAFETY: a null pointer means all streams; each is locked by libc while it is flushed.
        unsafe { libc::fflush(ptr::null_mut()) };
    }
}

/// Sleeps until `word` may have changed from `expected`, or `limit` has passed.
pub fn futex_wait(word: &std::sync::atomic::AtomicU32, expected: u32, limit: Duration) {
    let limit = libc::timespec {
        tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(limit.subsec_nanos()),
    };
    // SAFETY: `word` outlives the call and is four-byte aligned; not the private kind, since processes share it.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            &raw const limit,
        )
    };
}

/// Wakes those who sleep on `word`.
pub fn futex_wake(word: &std::sync::atomic::AtomicU32) {
    // SAFETY: as for `futex_wait`.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
}
