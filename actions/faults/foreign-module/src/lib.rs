//! A library with an abi_stable root module that is not the one of an action: other fields, so another layout. With the
//! feature `no-layout` its author has also switched the layout check off, as abi_stable permits; with `version-2` it is of
//! another major version.

use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::{StableAbi, export_root_module, prefix_type::PrefixTypeTrait};

/// Looks a little like an action's root module, and is not.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ModuleRef)))]
pub struct Module {
    pub entry_points: u32,
    #[sabi(last_prefix_field)]
    pub find: extern "C" fn(u64) -> u64,
}

impl RootModule for ModuleRef {
    abi_stable::declare_root_module_statics! { ModuleRef }
    const BASE_NAME: &'static str = "action";
    const NAME: &'static str = "action";
    const VERSION_STRINGS: VersionStrings =
        VersionStrings::new(if cfg!(feature = "version-2") { "2.0.0" } else { "1.0.0" });
}

extern "C" fn find(name: u64) -> u64 {
    name
}

#[export_root_module]
#[cfg_attr(feature = "no-layout", unsafe_no_layout_constant)]
pub fn module() -> ModuleRef {
    Module { entry_points: 1, find }.leak_into_prefix()
}
