//! Nobody changes the ABI without meaning to: sizes, offsets and order of both dialects against a snapshot, and
//! `action.h` compiled and compared with it.

use std::fmt::Write;
use std::mem::{align_of, offset_of, size_of};
use std::path::Path;
use std::process::Command;

use abi_stable::std_types::{RSlice, RStr};
use action_abi::ffi::{self, ContextPtr, Found, Module, Module_Ref, RawContext, RawResult, Str};

/// One line for each type (size, alignment) and each field (offset, size), in order.
const SNAPSHOT: &str = include_str!("layout.txt");

macro_rules! lines {
    ($into:ident, $name:literal, $type:ty { $($field:ident as $c:literal: $kind:ty),* $(,)? }) => {
        writeln!($into, "{} {} {}", $name, size_of::<$type>(), align_of::<$type>()).unwrap();
        $(
            let _: fn(&$type) -> &$kind = |it| &it.$field;
            writeln!($into, "{}.{} {} {}", $name, $c, offset_of!($type, $field), size_of::<$kind>()).unwrap();
        )*
    };
}

fn shared_types() -> String {
    let mut lines = String::new();
    lines!(lines, "action_str", Str { ptr as "ptr": *const u8, len as "len": usize });
    lines!(lines, "action_context", RawContext {
        size as "size": usize,
        deadline_ms as "deadline_ms": i64,
        activation_id as "activation_id": Str,
        transaction_id as "transaction_id": Str,
        ns as "ns": Str,
        action_name as "action_name": Str,
        action_version as "action_version": Str,
        api_key as "api_key": Str,
        api_host as "api_host": Str,
        traceparent as "traceparent": Str,
        tracestate as "tracestate": Str,
    });
    lines!(lines, "action_result", RawResult {
        status as "status": i32,
        ptr as "ptr": *const u8,
        len as "len": usize,
        release as "release": Option<ffi::Release>,
        owner as "owner": *mut std::ffi::c_void,
    });
    writeln!(
        lines,
        "values {} {} {} {}",
        ffi::OK,
        ffi::ERROR,
        ffi::PANIC,
        ffi::ABI_VERSION
    )
    .unwrap();
    lines
}

fn root_module() -> String {
    let mut lines = String::new();
    lines!(lines, "Module", Module {
        entry_points as "entry_points": RSlice<'static, RStr<'static>>,
        find as "find": unsafe extern "C" fn(Str) -> Found,
        init as "init": unsafe extern "C" fn(ContextPtr) -> RawResult,
        ready as "ready": extern "C" fn() -> RawResult,
        describe as "describe": unsafe extern "C" fn(Str) -> RawResult,
    });
    writeln!(
        lines,
        "Found {} {}",
        size_of::<Found>(),
        align_of::<Found>()
    )
    .unwrap();
    writeln!(
        lines,
        "ContextPtr {} {}",
        size_of::<ContextPtr>(),
        align_of::<ContextPtr>()
    )
    .unwrap();
    lines
}

#[test]
fn the_rust_dialect_is_the_snapshot() {
    assert_eq!(shared_types() + &root_module(), SNAPSHOT);
}

#[test]
fn the_root_module_has_its_own_version() {
    use abi_stable::library::RootModule;
    assert_eq!(Module_Ref::VERSION_STRINGS.version.as_str(), "1.0.0");
}

/// abi_stable compares the packages that types come from, name and major version.
#[test]
fn the_package_is_part_of_the_abi() {
    assert_eq!(env!("CARGO_PKG_NAME"), "action-abi");
    assert_eq!(env!("CARGO_PKG_VERSION_MAJOR"), "1");
}

/// What the compiler makes of `action.h`, in the words of the snapshot.
#[test]
fn action_h_is_the_snapshot() {
    let mut program = String::from("#include \"action.h\"\n#include <stdio.h>\nint main(void) {\n");
    for line in shared_types().lines() {
        let what = line.split(' ').next().unwrap_or_default();
        match what.split_once('.') {
            None if what == "values" => program.push_str(
                "printf(\"values %d %d %d %d\\n\", ACTION_OK, ACTION_ERROR, ACTION_PANIC, ACTION_ABI_VERSION);\n",
            ),
            None => writeln!(
                program,
                "struct align_{what} {{ char c; {what} it; }};\n\
                 printf(\"{what} %zu %zu\\n\", sizeof({what}), offsetof(struct align_{what}, it));"
            )
            .unwrap(),
            Some((kind, field)) => writeln!(
                program,
                "printf(\"{what} %zu %zu\\n\", offsetof({kind}, {field}), sizeof((({kind} *)0)->{field}));"
            )
            .unwrap(),
        }
    }
    program.push_str("return 0;\n}\n");
    assert_eq!(run_c("layout", &program), shared_types());
}

/// Silent as C99 and as C++17, with every warning that its users may have switched on.
#[test]
fn action_h_compiles_silently() {
    let users = "#include \"action.h\"\nACTION_EXPORT uint32_t action_abi_version(void);\n\
        ACTION_EXPORT uint32_t action_abi_version(void) { return ACTION_ABI_VERSION; }\n\
        ACTION_EXPORT action_result action_init(const action_context *c);\n\
        ACTION_EXPORT action_result action_init(const action_context *c) {\n\
        return ACTION_CONTEXT_HAS(c, tracestate) ? action_ok_static(\"\") : action_error_text(\"old\"); }\n";
    for (standard, language) in [
        ("c99", "c"),
        ("c17", "c"),
        ("c++17", "c++"),
        ("c++20", "c++"),
    ] {
        let source = file("silent", language, users);
        let standard = format!("-std={standard}");
        let output = compiler()
            .args([
                "-x",
                language,
                &standard,
                "-Wall",
                "-Wextra",
                "-pedantic",
                "-Wconversion",
                "-Wshadow",
                "-c",
            ])
            .arg(&source)
            .args(["-o", "/dev/null"])
            .output()
            .unwrap();
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() && messages.is_empty(),
            "{standard}: {messages}"
        );
    }
}

fn compiler() -> Command {
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command
        .arg("-I")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    command
}

fn file(name: &str, extension: &str, text: &str) -> std::path::PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.{extension}"));
    std::fs::write(&path, text).unwrap();
    path
}

fn run_c(name: &str, program: &str) -> String {
    let source = file(name, "c", program);
    let binary = source.with_extension("");
    assert!(compiler()
        .arg(&source)
        .arg("-o")
        .arg(&binary)
        .status()
        .unwrap()
        .success());
    String::from_utf8(Command::new(binary).output().unwrap().stdout).unwrap()
}
