//! The Rust dialect: an abi_stable root module, checked field by field before it is used. Only this room touches
//! abi_stable.
//!
//! Its own loader is not used: it keeps one library for each type for the life of the process, and resolves symbols
//! lazily. So the header is fetched here, and abi_stable checks it.
#![expect(
    unsafe_code,
    reason = "abi_stable's header in a foreign library, and the functions it leads to"
)]

mod layout;

use abi_stable::StableAbi;
use abi_stable::library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL, RootModule};
use action_abi::ffi::{ContextPtr, Invoke, Module_Ref, Str};
use libloading::os::unix::{Library, Symbol};

use super::{Action, Buffer, Context, Outcome, raw};
use crate::refusal::LoadRefusal;

/// A library made with the `action-abi` crate.
struct RustAction {
    module: Module_Ref,
    invoke: Invoke,
}

/// Checks version and layout, and finds the entry point. `library` must never be closed.
pub(super) fn open(
    library: &'static Library,
    entry_point: &str,
) -> Result<Box<dyn Action>, LoadRefusal> {
    let module = root_module(library)?;
    // SAFETY: the name is readable for the length of the call.
    let found = unsafe { module.find()(Str::new(entry_point.as_bytes())) };
    let Some(invoke) = found.invoke else {
        return Err(LoadRefusal::EntryPointMissing {
            name: entry_point.to_owned(),
            available: names(module),
        });
    };
    Ok(Box::new(RustAction { module, invoke }))
}

fn root_module(library: &'static Library) -> Result<Module_Ref, LoadRefusal> {
    let needed = Module_Ref::VERSION_STRINGS.version.as_str().to_owned();
    let damaged = |why: &'static str| LoadRefusal::Damaged { why };
    // SAFETY: abi_stable reserves this name for a static of this type.
    let header: Symbol<AbiHeaderRef> =
        unsafe { library.get(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) }
            .map_err(|_| damaged("its root module cannot be found"))?;
    let header = header.upgrade().map_err(|_| LoadRefusal::RustLayout {
        why: "it was made with an incompatible version of abi_stable".to_owned(),
        needed: needed.clone(),
    })?;
    let found = header.version_strings().version;
    if major(found.as_str()) != major(&needed) {
        return Err(LoadRefusal::RustAbiVersion {
            found: found.as_str().to_owned(),
            needed,
        });
    }
    let (ours, Some(found)) = (Module_Ref::LAYOUT, header.layout()) else {
        let why = "its description of them was left out".to_owned();
        return Err(LoadRefusal::RustLayout { why, needed });
    };
    if !layout::fits(ours, found) {
        let why = layout::difference(ours, found);
        return Err(LoadRefusal::RustLayout { why, needed });
    }
    // SAFETY: its layout was just compared.
    unsafe { header.init_root_module_with_unchecked_layout::<Module_Ref>() }
        .map_err(|_| damaged("it could not make its root module"))
}

/// Libraries of one major version fit together, whichever is older.
fn major(version: &str) -> Option<&str> {
    version.split('.').next()
}

fn names(module: Module_Ref) -> Vec<String> {
    module
        .entry_points()
        .iter()
        .map(|name| name.as_str().to_owned())
        .collect()
}

impl Action for RustAction {
    fn init(&self, context: &Context<'_>) -> Result<(), LoadRefusal> {
        let raw = raw::context(context);
        // SAFETY: the context is readable for the length of the call.
        let result = unsafe { self.module.init()(ContextPtr(&raw const raw)) };
        // SAFETY: just returned by the library.
        let result = unsafe { Buffer::new(result) };
        raw::initialised(&result)
    }

    fn invoke(&self, params: &str, context: &Context<'_>) -> Outcome {
        let raw = raw::context(context);
        // SAFETY: an entry point of the checked module; both arguments are readable for the length of the call.
        let result =
            unsafe { (self.invoke)(Str::new(params.as_bytes()), ContextPtr(&raw const raw)) };
        // SAFETY: just returned by the entry point.
        let buffer = unsafe { Buffer::new(result) };
        // action-abi serialised it: it is JSON, though perhaps not an object or array.
        raw::outcome(buffer, Outcome::Json)
    }

    fn ready(&self) -> Result<(), String> {
        let result = self.module.ready()();
        // SAFETY: just returned by the library.
        let buffer = unsafe { Buffer::new(result) };
        raw::verdict(&buffer).map_err(|(_, why)| why)
    }

    fn entry_points(&self) -> Vec<String> {
        names(self.module)
    }

    fn describe(&self, entry_point: &str) -> Option<String> {
        // SAFETY: the name is readable for the length of the call.
        let result = unsafe { self.module.describe()(Str::new(entry_point.as_bytes())) };
        // SAFETY: just returned by the library.
        let buffer = unsafe { Buffer::new(result) };
        raw::description(&buffer)
    }
}
