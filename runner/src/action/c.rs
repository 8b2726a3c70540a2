//! The C dialect: plain functions as `action.h` declares them.
#![expect(
    unsafe_code,
    reason = "functions of a foreign library, called as action.h promises they may be"
)]

use std::ffi::CString;

use action_abi::ffi::{ABI_VERSION, ContextPtr, Invoke, RawContext, RawResult, Str};
use libloading::os::unix::{Library, Symbol};

use super::{Action, Buffer, Context, Outcome, raw};
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
