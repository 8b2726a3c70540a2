//! The C dialect: plain functions as `action.h` declares them, and the bytes that they return.
#![expect(
    unsafe_code,
    reason = "functions of a foreign library, called as action.h promises they may be"
)]

use std::ffi::CString;

use action_abi::ffi::{ABI_VERSION, ContextPtr, Invoke, RawContext, RawResult, Str};
use libloading::os::unix::{Library, Symbol};

use super::{Action, Context, Outcome, raw};
use crate::package::elf::Binary;
use crate::refusal::LoadRefusal;

type AbiVersion = unsafe extern "C" fn() -> u32;
type Init = unsafe extern "C" fn(*const RawContext) -> RawResult;
type Ready = unsafe extern "C" fn() -> RawResult;
type Describe = unsafe extern "C" fn(Str) -> RawResult;

/// A library on `action.h`.
struct CAction {
    invoke: Invoke,
    init: Option<Init>,
    ready: Option<Ready>,
    describe: Option<Describe>,
    entry_points: Vec<String>,
}

/// Checks the version and finds the entry point.
///
/// `library` must never be closed: the functions are kept as plain pointers. `look` has been checked for `entry_point`.
pub(super) fn open(
    library: &'static Library,
    look: &Binary,
    entry_point: &str,
) -> Result<Box<dyn Action>, LoadRefusal> {
    let Some(abi_version) = find::<AbiVersion>(library, "action_abi_version") else {
        return Err(LoadRefusal::NoAbi {
            exports: look.exports.clone(),
        });
    };
    // SAFETY: exported under the name that action.h reserves for this signature.
    let found = unsafe { abi_version() };
    if found != ABI_VERSION {
        return Err(LoadRefusal::CAbiVersion {
            found,
            needed: ABI_VERSION,
        });
    }
    let symbol = look.symbol_of(entry_point)?;
    let Some(invoke) = find::<Invoke>(library, symbol) else {
        return Err(LoadRefusal::EntryPointMissing {
            name: symbol.to_owned(),
            available: look.entry_points(),
        });
    };
    let init = find::<Init>(library, "action_init");
    let ready = find::<Ready>(library, "action_ready");
    Ok(Box::new(CAction {
        invoke,
        init,
        ready,
        describe: find::<Describe>(library, "action_describe"),
        entry_points: look.entry_points(),
    }))
}

/// The function of that name, which must be of type `F`.
fn find<F: Copy>(library: &Library, name: &str) -> Option<F> {
    let name = CString::new(name).ok()?;
    // SAFETY: the callers ask for names whose signature action.h fixes, or that its rules say have that of `invoke`.
    let symbol: Symbol<F> = unsafe { library.get(name.as_bytes_with_nul()) }.ok()?;
    Some(*symbol)
}

impl Action for CAction {
    fn init(&self, context: &Context<'_>) -> Result<(), LoadRefusal> {
        let Some(init) = self.init else { return Ok(()) };
        let raw = raw::context(context);
        // SAFETY: the reserved name has this signature; the context is readable for the length of the call.
        let result = unsafe { init(&raw const raw) };
        // SAFETY: just returned by the library.
        let result = unsafe { Buffer::new(result) };
        raw::initialised(&result)
    }

    fn invoke(&self, params: &str, context: &Context<'_>) -> Outcome {
        let raw = raw::context(context);
        // SAFETY: an entry point by the rules of action.h; both arguments are readable for the length of the call.
        let result =
            unsafe { (self.invoke)(Str::new(params.as_bytes()), ContextPtr(&raw const raw)) };
        // SAFETY: just returned by the entry point.
        let buffer = unsafe { Buffer::new(result) };
        raw::outcome(buffer, Outcome::Unchecked)
    }

    fn ready(&self) -> Result<(), String> {
        let Some(ready) = self.ready else {
            return Ok(());
        };
        // SAFETY: the reserved name has this signature.
        let result = unsafe { ready() };
        // SAFETY: just returned by the library.
        let buffer = unsafe { Buffer::new(result) };
        raw::verdict(&buffer).map_err(|(_, why)| why)
    }

    fn entry_points(&self) -> Vec<String> {
        self.entry_points.clone()
    }

    fn describe(&self, entry_point: &str) -> Option<String> {
        let describe = self.describe?;
        // SAFETY: the reserved name has this signature; the entry point's is readable for the length of the call.
        let result = unsafe { describe(Str::new(entry_point.as_bytes())) };
        // SAFETY: just returned by the library.
        let buffer = unsafe { Buffer::new(result) };
        raw::description(&buffer)
    }
}

/// The bytes of a result. Freed by the action's own function when dropped, on whatever thread that happens.
#[derive(Debug)]
pub struct Buffer(RawResult);

// SAFETY: `action.h` promises that `release` may be called from any thread and that nobody writes to the bytes.
unsafe impl Send for Buffer {}
// SAFETY: shared access only reads the bytes.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Takes over a result that an entry point has returned.
    ///
    /// # Safety
    /// `raw` was returned by an entry point of a library that keeps to `action.h`: `len` bytes at `ptr` stay readable
    /// and unchanged until `release` is called with `owner`, and no other `Buffer` was made from it.
    pub(super) unsafe fn new(raw: RawResult) -> Self {
        Self(raw)
    }

    /// The status that came with the bytes.
    pub(super) fn status(&self) -> i32 {
        self.0.status
    }

    /// The bytes as text for people.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.as_ref()).into_owned()
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        if self.0.ptr.is_null() || self.0.len == 0 || isize::try_from(self.0.len).is_err() {
            return &[];
        }
        // SAFETY: not null, no longer than any object can be, and readable until dropped (the promise of `new`).
        unsafe { std::slice::from_raw_parts(self.0.ptr, self.0.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: the action's own function with its own argument, once (the promise of `new`).
            unsafe { release(self.0.owner) };
        }
    }
}

impl From<&'static str> for Buffer {
    fn from(text: &'static str) -> Self {
        Self(RawResult::from_static(0, text))
    }
}

impl From<String> for Buffer {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(RawResult::from_vec(0, bytes))
    }
}
