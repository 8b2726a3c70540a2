//! Which libraries may be loaded, and how the others are refused: both dialects, libraries from another cargo call, files
//! that only look like a library, versions and layouts that do not fit.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;

use black_box::{Gate, Init, Launch, Runner, fixtures, launch, processes};
use rustix::process::Signal;
use serde_json::{Value, json};

const RUST_SYMBOL: &str = "_1as_0lib_1header_0root_bmodule_bloader";
const C_SYMBOL: &str = "action_abi_version";

#[track_caller]
fn reverses(library: &Path) {
    let input = json!({ "payload": "stressed ☃" });
    let expected = json!({ "reversed": "☃ desserts" });

    let baked = Launch::baked(library).start();
    baked.run(&input).assert_ok(&expected);
    baked.finish().assert_silent(1);

    let sent = Runner::empty();
    sent.init(&Init::library(library))
        .assert_ok(&json!({ "ok": true }));
    sent.run(&input).assert_ok(&expected);
    sent.finish().assert_silent(1);
}

#[test]
fn rust_library_of_another_cargo_call() {
    reverses(&fixtures::reverse_rust());
}

#[test]
fn c_library() {
    reverses(&fixtures::reverse_c());
}

#[test]
fn a_swapped_library_needs_no_other_runner() {
    let hash = || {
        let mut hasher = DefaultHasher::new();
        fs::read(launch::binary()).unwrap().hash(&mut hasher);
        hasher.finish()
    };
    let before = hash();
    reverses(&fixtures::reverse_rust());
    reverses(&fixtures::reverse_c());
    assert_eq!(hash(), before, "the binary of the runner has changed");
}

/// Refused at /init: 502 and all of these words, the reason on stderr too; then a good library is still welcome.
#[track_caller]
fn refused(library: &Path, words: &[&str]) {
    let runner = Runner::empty();
    let reply = runner.init(&Init::library(library));
    reply.assert_names(502, words);
    runner.init(&Init::of("identity")).assert_status(200);
    runner
        .run(&json!({ "still": "here" }))
        .assert_ok(&json!({ "still": "here" }));
    let logs = runner.finish();
    logs.assert_ended(2);
    assert!(
        logs.err().contains(&reply.error()),
        "stderr lacks the reason: {}",
        logs.err()
    );
}

#[test]
fn neither_symbol() {
    refused(
        &fixtures::c("noabi"),
        &[RUST_SYMBOL, C_SYMBOL, "unrelated_function"],
    );
}

#[test]
fn other_version_of_the_c_abi() {
    refused(&fixtures::c("oldabi"), &["99", "1"]);
}

#[test]
fn other_version_of_the_rust_abi() {
    refused(
        &fixtures::cargo("actions/faults/foreign-module", &["version-2"]),
        &["2.0.0", "1.0.0"],
    );
}

#[test]
fn changed_layout() {
    refused(
        &fixtures::cargo("actions/faults/foreign-module", &[]),
        &["do not match", "1.0.0", "entry_points"],
    );
}

#[test]
fn layout_check_switched_off() {
    refused(
        &fixtures::cargo("actions/faults/foreign-module", &["no-layout"]),
        &["layout"],
    );
}

#[test]
fn library_from_the_future() {
    refused(
        &fixtures::future_libc(),
        &["GLIBC_2.99", "future_function", "2."],
    );
}

#[test]
fn dependency_that_is_not_here() {
    refused(&fixtures::missing_dependency(), &["libgone.so.1"]);
}

#[test]
fn other_machine() {
    let (found, needed) = if cfg!(target_arch = "x86_64") {
        ("aarch64", "x86-64")
    } else {
        ("x86-64", "aarch64")
    };
    let runner = Runner::empty();
    let text = runner
        .init(&Init::library(&fixtures::wrong_machine()))
        .assert_status(502)
        .error();
    let plain = text.to_lowercase().replace(['_', ' '], "-");
    assert!(plain.contains(found) && plain.contains(needed), "{text}");
    runner.finish().assert_ended(1);
}

#[test]
fn word_size_of_another_time() {
    refused(&fixtures::patched("elf32", &[(4, 1)]), &["32"]);
}

#[test]
fn object_file() {
    let object = fixtures::patched("object", &[(16, 1)]);
    refused(&object, &["object file", "shared library", "program"]);
}

/// Cut off anywhere: refused before dlopen, which would crash on some of these.
#[test]
fn truncated() {
    let whole = fs::read(fixtures::c("identity")).unwrap();
    let runner = Runner::empty();
    let lengths = [4, 16, 63, 64, 200, 4096, whole.len() / 2, whole.len() - 1];
    for length in lengths {
        let reply = runner.init(&Init::bytes(&whole[..length]));
        assert!(!reply.assert_status(502).error().is_empty());
    }
    runner.init(&Init::bytes(&whole)).assert_status(200);
    runner.finish().assert_ended(lengths.len());
}

/// Every byte of the header spoiled in turn: whatever is made of it, the runner is there for the next.
#[test]
fn spoiled_header() {
    let whole = fs::read(fixtures::c("identity")).unwrap();
    for offset in (16..64).step_by(3) {
        let mut bytes = whole.clone();
        bytes[offset] ^= 0xff;
        let runner = Runner::empty();
        let reply = runner.init(&Init::bytes(&bytes));
        assert!(
            matches!(reply.status, 200 | 502),
            "offset {offset}: {reply}"
        );
        if reply.status == 502 {
            runner.init(&Init::bytes(&whole)).assert_status(200);
        }
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    }
}

#[test]
fn entry_points_of_a_rust_library() {
    let library = fixtures::rust();
    let value = json!({ "a": "b" });
    for (main, expected) in [
        ("main", value.clone()),
        ("", value.clone()),
        ("echo", value.clone()),
        ("asynchronous", value.clone()),
        (
            "typed",
            json!({ "error": "Invalid parameters at a: invalid type: string \"b\", expected u8 at line 1 column 8" }),
        ),
    ] {
        let runner = Runner::empty();
        runner
            .init(&Init::library(&library).main(main))
            .assert_status(200);
        runner.run(&value).assert_ok(&expected);
        runner.finish().assert_ended(1);
    }
    let runner = Runner::empty();
    let reply = runner.init(&Init::library(&library).main("absent"));
    reply.assert_names(502, &["absent", "echo", "asynchronous", "panic_payload"]);
}

#[test]
fn context_of_a_rust_library() {
    let runner = Runner::empty();
    runner
        .init(&Init::library(&fixtures::rust()).main("context"))
        .assert_status(200);
    let seen = runner.run_with(&json!({}), &json!({ "activation_id": "abc" }));
    seen.assert_ok(
        &json!({ "activation_id": "abc", "api_key": Value::Null, "traceparent": Value::Null }),
    );
}

#[test]
fn killed_worker() {
    let runner = Runner::with("gate");
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let unlucky = scope.spawn(|| runner.run(&json!({ "port": gate.port() })));
        processes::signal(gate.arrival().pid, Signal::KILL);
        unlucky.join().unwrap().assert_names(502, &["killed"]);
        let lucky = scope.spawn(|| runner.run(&json!({ "port": gate.port(), "id": 2 })));
        gate.arrival().release();
        lucky.join().unwrap().assert_status(200);
    });
    runner.finish().assert_ended(2);
}
