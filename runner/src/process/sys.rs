//! Every system call that the process tree makes and that no safe crate offers.
//!
//! Nothing here decides anything: each function wraps one call of the kernel or of libc, and says what its caller must
//! know.
#![expect(unsafe_code, reason = "the one door of the process tree to the kernel")]

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use libc::pid_t as Pid;

/// Which side of a `fork` or `clone` this is.
pub enum Side {
    /// The caller, with the new process's id.
    Parent(Pid),
    /// The new process.
    Child(Fresh),
}

/// A process that has just been started: what it has inherited is nobody's yet.
pub struct Fresh(());

impl Fresh {
    /// Closes what this process has inherited and will not use. Whoever has the number of it must not use it.
    pub fn close(&self, inherited: BorrowedFd<'_>) {
        // SAFETY: a copy; the process that owns the original goes on having it, and nothing here uses this one.
        unsafe { libc::close(inherited.as_raw_fd()) };
    }
}

/// A type of atomics for which all bytes zero is a valid value, and which may be shared between processes.
///
/// # Safety
/// The type must consist of atomics of integers, and arrays and `repr(C)` structs of such, only.
pub unsafe trait Zeroable: Sync {}

// SAFETY: `repr(C)` structs and arrays of atomic integers only (see `page.rs`, `connection.rs`, `replay.rs`).
unsafe impl Zeroable for super::page::Page {}
// SAFETY: the same (see `shared.rs`).
unsafe impl Zeroable for super::shared::Shared {}

/// Maps one `T` that this process and its children share, filled with zero bytes. The mapping lasts as long as the
/// last of these processes.
pub fn shared<T: Zeroable>() -> io::Result<&'static T> {
    let (length, access) = (size_of::<T>(), libc::PROT_READ | libc::PROT_WRITE);
    let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a new anonymous mapping; the kernel chooses an address that nothing else uses.
    let address = unsafe { libc::mmap(ptr::null_mut(), length, access, kind, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: page-aligned, as long as a `T`, never unmapped, and `Zeroable` says that zero bytes are a `T`. It holds
    // atomics only, so that other processes may change it at any time.
    Ok(unsafe { &*address.cast::<T>() })
}

/// Says that this process has one thread, so that it may be copied: a copy of many threads has one of them, and the locks
/// that the others held stay taken in it. Whoever has it starts no thread.
pub struct SingleThread(PhantomData<*const ()>);

impl SingleThread {
    /// An error: there are more.
    pub fn here() -> io::Result<Self> {
        // Where there is no /proc it cannot be looked up; then it is so because `main` starts none.
        let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
        match threads {
            1 => Ok(Self(PhantomData)),
            _ => Err(io::Error::other("this process has more than one thread")),
        }
    }

    /// Starts a process with memory and descriptors of its own.
    pub fn fork(&self) -> io::Result<Side> {
        // SAFETY: there is one thread, as `self` says, so that the child's copy of every lock is free.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(Side::Child(Fresh(()))),
            pid => Ok(Side::Parent(pid)),
        }
    }

    /// Starts a sibling of this process, a child of its parent's, that has memory of its own but **shares this process's
    /// descriptor table**. The kernel stores its id in `place` before either goes on, whatever happens to them then.
    ///
    /// glibc is not told: in the child, its record of the thread id is this process's. So the child starts no thread.
    pub fn clone_sibling(&self, place: &AtomicU32) -> io::Result<Side> {
        let flags = libc::CLONE_FILES | libc::CLONE_PARENT | libc::CLONE_PARENT_SETTID;
        let flags = libc::c_long::from(flags | libc::SIGCHLD);
        // SAFETY: there is one thread, as `self` says. No CLONE_VM and no new stack: the child goes on in its copy of
        // this stack, as after a fork. `place` is a word that outlives the call; it is the third argument on all
        // architectures. The others are zero, so that their order, which differs, does not matter.
        match unsafe { libc::syscall(libc::SYS_clone, flags, 0, place.as_ptr(), 0, 0) } {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(Side::Child(Fresh(()))),
            pid => Ok(Side::Parent(Pid::try_from(pid).unwrap_or(Pid::MAX))),
        }
    }
}

/// Ends this process at once: no destructors, no `atexit` handlers of an action.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(status) }
}

/// The descriptor table of a dead worker: whoever shared it has it alone now.
pub struct DeadTable {
    /// What is this process's own, in order.
    own: Vec<RawFd>,
}

impl DeadTable {
    /// Takes the table over from the process behind `worker`, a pidfd. `own`: what this process goes on using of it.
    /// `None`: it is not dead.
    pub fn of(worker: BorrowedFd<'_>, own: impl Iterator<Item = RawFd>) -> Option<Self> {
        let mut exit = [PollFd::from_borrowed_fd(worker, PollFlags::IN)];
        let is_dead = matches!(poll(&mut exit, Some(&Timespec::default())), Ok(1));
        let mut own: Vec<RawFd> = own.chain(0..3).collect();
        own.sort_unstable();
        is_dead.then_some(Self { own })
    }

    /// Takes a descriptor of the dead worker's out of the table. `None`: it is this process's, or closed.
    pub fn take(&mut self, number: RawFd) -> Option<OwnedFd> {
        let place = self.own.binary_search(&number).err()?;
        self.own.insert(place, number);
        // SAFETY: the worker that had it is dead, this process has not owned it, and from now on does once.
        let taken = unsafe { OwnedFd::from_raw_fd(number) };
        match rustix::io::fcntl_getfd(&taken) {
            Ok(_) => Some(taken),
            Err(_) => {
                std::mem::forget(taken);
                None
            }
        }
    }

    /// Takes those of the dead worker's with a number below `end` of which this holds.
    pub fn take_if(&mut self, end: RawFd, holds: impl Fn(BorrowedFd<'_>) -> bool) -> Vec<OwnedFd> {
        let numbers: Vec<RawFd> = (3..end)
            .filter(|number| self.own.binary_search(number).is_err())
            // SAFETY: the worker's, who is dead, so that nobody closes it meanwhile; or nobody's, and calls on it fail.
            .filter(|number| holds(unsafe { BorrowedFd::borrow_raw(*number) }))
            .collect();
        numbers
            .into_iter()
            .filter_map(|number| self.take(number))
            .collect()
    }

    /// Closes all that the worker had and nobody has taken.
    pub fn close_the_rest(&self) {
        let mut next = 3;
        let above = self.own.iter().copied().filter(|number| *number > 2);
        for number in above.chain([RawFd::MAX]) {
            if number > next {
                let (first, last) = (next.cast_unsigned(), (number - 1).cast_unsigned());
                // SAFETY: these were the worker's, who is dead; nobody has taken them.
                let _ = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
            }
            next = number.saturating_add(1);
        }
    }
}

/// Closes the copies that a child of an action's has inherited from the server: those of which this holds. Does nothing
/// in any other process.
pub fn close_inherited(
    numbers: impl Iterator<Item = RawFd>,
    holds: impl Fn(BorrowedFd<'_>) -> bool,
) {
    if !is_forked_child() {
        return;
    }
    for number in numbers {
        // SAFETY: a number that is not negative; this child has one thread, so that nobody closes it meanwhile.
        if holds(unsafe { BorrowedFd::borrow_raw(number) }) {
            // SAFETY: a copy that this child has only inherited; the code that owned it does not run in it.
            unsafe { libc::close(number) };
        }
    }
}

/// Bytes read from a connection and sent on it, modulo 2^32, as the kernel knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub received: u32,
    pub sent: u32,
}

/// What has been read from a TCP connection and sent on it, as the kernel knows it: also for a process that died inside
/// the call.
pub fn traffic(socket: BorrowedFd<'_>) -> Option<Traffic> {
    // The caller may send or acknowledge something between two looks: then they do not belong together.
    for _ in 0..100 {
        let before = arrived(socket)?;
        let unread = u32::try_from(rustix::io::ioctl_fionread(socket).ok()?).ok()?;
        let unacknowledged = unacknowledged(socket)?;
        if arrived(socket)? == before {
            return Some(Traffic {
                received: before.received.wrapping_sub(unread),
                sent: before.sent.wrapping_add(unacknowledged),
            });
        }
    }
    None
}

/// What has arrived here, and at the other end: the caller's progress in sending and in reading.
pub fn arrived(socket: BorrowedFd<'_>) -> Option<Traffic> {
    // Where `tcpi_bytes_acked` and `tcpi_bytes_received` stand in the kernel's `struct tcp_info`, and where they end.
    const ACKED: usize = 120;
    const RECEIVED: usize = 128;
    const END: usize = 136;
    let mut info = [0_u8; END];
    let mut length = libc::socklen_t::try_from(END).ok()?;
    let (level, option) = (libc::IPPROTO_TCP, libc::TCP_INFO);
    let (number, bytes) = (socket.as_raw_fd(), info.as_mut_ptr().cast());
    // SAFETY: the buffer is as long as `length` says; the kernel writes no more than that.
    let outcome = unsafe { libc::getsockopt(number, level, option, bytes, &raw mut length) };
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

/// Bytes that have been sent and that the other end has not acknowledged.
fn unacknowledged(socket: BorrowedFd<'_>) -> Option<u32> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: SIOCOUTQ, which has the number of TIOCOUTQ, writes one int.
    let outcome = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    (outcome == 0).then_some(bytes.cast_unsigned())
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

/// Lets go of the code that was used so far, the program's and its libraries'. What is used again comes from its file
/// again: a process that has started, and then only waits, needs little of it.
pub fn drop_code() {
    extern "C" fn drop_of(
        object: *mut libc::dl_phdr_info,
        _: libc::size_t,
        _: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: libc passes a valid description of a loaded object.
        let object = unsafe { &*object };
        let count = usize::from(object.dlpi_phnum);
        // SAFETY: so many program headers, which stay as long as the object is loaded.
        let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, count) };
        for header in headers {
            let is_loaded = header.p_type == libc::PT_LOAD;
            if !is_loaded || header.p_flags & (libc::PF_X | libc::PF_W) != libc::PF_X {
                continue;
            }
            let start = object.dlpi_addr + header.p_vaddr;
            let start = usize::try_from(start).unwrap_or(0);
            let whole = start & !(rustix::param::page_size() - 1);
            let length = usize::try_from(header.p_memsz).unwrap_or(0) + start - whole;
            // SAFETY: pages of a file that nobody writes to: whoever reads or executes them afterwards finds the same.
            let _ = unsafe {
                libc::madvise(
                    ptr::without_provenance_mut(whole),
                    length,
                    libc::MADV_DONTNEED,
                )
            };
        }
        0
    }
    // SAFETY: the function keeps to what libc asks of it, and unwinds never.
    unsafe { libc::dl_iterate_phdr(Some(drop_of), ptr::null_mut()) };
}

/// From now on this process is aborted when this thread ends by itself (`pthread_exit`), and not by `exit`.
pub fn end_with_this_thread() {
    extern "C" fn at_its_end(_: *mut libc::c_void) {
        std::process::abort();
    }
    let mut key = 0;
    // SAFETY: the key is written by the call; the function is never unloaded.
    if unsafe { libc::pthread_key_create(&raw mut key, Some(at_its_end)) } == 0 {
        // SAFETY: the key was just made; the value is only compared with null.
        unsafe { libc::pthread_setspecific(key, ptr::dangling::<u8>().cast()) };
    }
}

static CHILD: AtomicBool = AtomicBool::new(false);
static HAS_FORKED: AtomicBool = AtomicBool::new(false);
static IN_CHILD: OnceLock<fn()> = OnceLock::new();

/// From now on it is noticed when this process forks; `in_child` is then called in the child, before it goes on.
///
/// `in_child` may do no more than loads, stores and system calls: the child of a process with threads may hold locks
/// that nobody will release.
pub fn watch_forks(in_child: fn()) {
    extern "C" fn parent() {
        HAS_FORKED.store(true, Relaxed);
    }
    extern "C" fn child() {
        CHILD.store(true, Relaxed);
        if let Some(in_child) = IN_CHILD.get() {
            in_child();
        }
    }
    let _ = IN_CHILD.set(in_child);
    // SAFETY: functions of this program, which is never unloaded; they do what may be done there.
    unsafe { libc::pthread_atfork(None, Some(parent), Some(child)) };
}

/// Is this a child that an action forked, and that came back into the server?
pub fn is_forked_child() -> bool {
    CHILD.load(Relaxed)
}

/// Has this process forked? Children may hold copies of its connections.
pub fn has_forked() -> bool {
    HAS_FORKED.load(Relaxed)
}

/// A set of signals to wait for instead of being interrupted by.
#[derive(Clone, Copy)]
pub struct Signals(libc::sigset_t);

impl Signals {
    fn of(signals: &[i32]) -> Self {
        // SAFETY: an all-zero sigset_t is a valid value to initialise over.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: `set` is a valid sigset_t.
        unsafe { libc::sigemptyset(&raw mut set) };
        for signal in signals {
            // SAFETY: `set` is initialised; unknown numbers are refused by the call.
            unsafe { libc::sigaddset(&raw mut set, *signal) };
        }
        Self(set)
    }

    /// Blocks these signals in this thread, and no others, so that they stay pending until waited for.
    pub fn block(signals: &[i32]) -> Self {
        let set = Self::of(signals);
        // SAFETY: the set is initialised, the old mask is not asked for.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set.0, ptr::null_mut()) };
        set
    }

    /// The next of the signals, or `None` when `limit` has passed.
    pub fn wait(&self, limit: Option<Duration>) -> Option<i32> {
        let limit = limit.map(|limit| libc::timespec {
            tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(limit.subsec_nanos()),
        });
        let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the set is initialised; no information is asked for; no limit, or one that outlives the call.
        let signal = unsafe { libc::sigtimedwait(&raw const self.0, ptr::null_mut(), limit) };
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
    Signals::block(&[]);
}
