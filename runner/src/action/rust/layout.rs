//! Do the types of a library fit ours, and if not, where do they differ?

use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::type_layout::{TLField, TypeLayout};

/// May a root module of layout `found` be used as one of layout `ours`?
///
/// Either may have fields that the other does not know, at its end. abi_stable takes only a library that has more
/// than we ask for, so an older one is asked the other way round: is ours all that it is, and more? That is as safe:
/// what the shorter one has is compared field by field all the same, and the accessor of a field beyond it looks at
/// the library's own count of fields and answers `None`.
pub(super) fn fits(ours: &'static TypeLayout, found: &'static TypeLayout) -> bool {
    check_layout_compatibility(ours, found).is_ok()
        || check_layout_compatibility(found, ours).is_ok()
}

/// The first difference between two root modules, in words. abi_stable's own explanation prints both layouts whole,
/// over a hundred lines.
pub(super) fn difference(ours: &'static TypeLayout, found: &'static TypeLayout) -> String {
    let (expected, found) = (fields(ours), fields(found));
    for (position, expected) in expected.iter().enumerate() {
        let Some(found) = found.get(position) else {
            return format!("field {} is missing", expected.name());
        };
        if described(found) != described(expected) {
            return format!(
                "there is {} where {} is needed",
                described(found),
                described(expected)
            );
        }
    }
    "a type behind one of its functions differs".to_owned()
}

/// The fields of a root module, of which `reference` is the layout of a reference to it.
fn fields(reference: &'static TypeLayout) -> Vec<TLField> {
    let module = reference
        .phantom_fields()
        .get(0)
        .map(|field| field.layout());
    module
        .and_then(TypeLayout::get_fields)
        .map(|fields| fields.to_vec())
        .unwrap_or_default()
}

fn described(field: &TLField) -> String {
    let functions: Vec<String> = field
        .function_range()
        .iter()
        .map(|function| function.to_string())
        .collect();
    if functions.is_empty() {
        format!(
            "{}: {} ({} bytes)",
            field.name(),
            field.full_type(),
            field.layout().size()
        )
    } else {
        format!("{}: {}", field.name(), functions.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{check_layout_compatibility, difference, fits};
    use abi_stable::StableAbi;
    use abi_stable::type_layout::TypeLayout;

    /// A root module of the same name in each module, as in crates of different versions.
    macro_rules! versions {
        ($($version:ident { $($(#[$attribute:meta])? $field:ident: $type:ty),* })*) => {$(
            #[expect(dead_code, reason = "only the layouts are looked at")]
            mod $version {
                #[repr(C)]
                #[derive(abi_stable::StableAbi)]
                #[sabi(kind(Prefix(prefix_ref = ModuleRef)))]
                pub(super) struct Module { $($(#[$attribute])? pub(super) $field: $type),* }
            }
        )*};
    }

    versions! {
        first { names: usize, #[sabi(last_prefix_field)] describe: extern "C" fn(u64) -> u64 }
        second { names: usize, #[sabi(last_prefix_field)] describe: extern "C" fn(u64) -> u64, drain: extern "C" fn() -> u64 }
        third { names: usize, #[sabi(last_prefix_field)] describe: extern "C" fn(u64) -> u64, drain: extern "C" fn() -> u64, more: u16 }
        other_second { names: usize, #[sabi(last_prefix_field)] describe: extern "C" fn(u64) -> u64, drain: extern "C" fn() -> u32 }
        removed { #[sabi(last_prefix_field)] describe: extern "C" fn(u64) -> u64 }
        changed { names: usize, #[sabi(last_prefix_field)] describe: extern "C" fn(u32) -> u64 }
        narrowed { names: u32, #[sabi(last_prefix_field)] describe: extern "C" fn(u64) -> u64 }
        swapped { describe: extern "C" fn(u64) -> u64, #[sabi(last_prefix_field)] names: usize }
        inserted { names: usize, drain: extern "C" fn() -> u64, #[sabi(last_prefix_field)] describe: extern "C" fn(u64) -> u64 }
    }

    const FIRST: &TypeLayout = <first::ModuleRef as StableAbi>::LAYOUT;
    const SECOND: &TypeLayout = <second::ModuleRef as StableAbi>::LAYOUT;
    const THIRD: &TypeLayout = <third::ModuleRef as StableAbi>::LAYOUT;
    const OTHER_SECOND: &TypeLayout = <other_second::ModuleRef as StableAbi>::LAYOUT;

    #[test]
    fn a_library_that_is_older_or_newer() {
        assert!(check_layout_compatibility(SECOND, FIRST).is_err());
        for ours in [FIRST, SECOND, THIRD] {
            for found in [FIRST, SECOND, THIRD] {
                assert!(fits(ours, found));
            }
        }
    }

    #[test]
    fn appended_in_two_ways() {
        assert!(!fits(SECOND, OTHER_SECOND) && !fits(OTHER_SECOND, SECOND));
        assert!(!fits(THIRD, OTHER_SECOND) && !fits(OTHER_SECOND, THIRD));
        let text = difference(SECOND, OTHER_SECOND);
        assert!(text.starts_with("there is drain: "), "{text}");
    }

    #[test]
    fn whatever_else_has_changed() {
        let changes = [
            (
                <removed::ModuleRef as StableAbi>::LAYOUT,
                "there is describe: ",
            ),
            (
                <changed::ModuleRef as StableAbi>::LAYOUT,
                "there is describe: ",
            ),
            (
                <narrowed::ModuleRef as StableAbi>::LAYOUT,
                "there is names: u32 (4 bytes) where names: usize (8 bytes)",
            ),
            (
                <swapped::ModuleRef as StableAbi>::LAYOUT,
                "there is describe: ",
            ),
            (
                <inserted::ModuleRef as StableAbi>::LAYOUT,
                "there is drain: ",
            ),
        ];
        for (layout, words) in changes {
            for ours in [FIRST, SECOND] {
                assert!(!fits(ours, layout), "{}", difference(ours, layout));
                let text = difference(ours, layout);
                assert!(text.starts_with(words), "{text}");
            }
        }
    }
}
