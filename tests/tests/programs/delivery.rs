//! How a program comes with `/init`: alone, in an archive, as a script; and what is said of one that does not fit.

use std::fs;
use std::path::Path;

use black_box::launch::allowed;
use black_box::{Entry, Init, Launch, Runner, fixtures};
use serde_json::{Value, json};

use super::{how, looped, sdk, sent};

/// Accepted, and what its program is given.
#[track_caller]
fn shown(init: &Init) -> Value {
    let runner = Launch::empty().start();
    runner.init(init).assert_ok(&json!({ "ok": true }));
    let shown = runner.run(&how("show")).assert_status(200).json();
    // The next worker finds the same.
    runner.run(&json!({ "a": 1 })).assert_status(200);
    runner.finish().assert_ended(2);
    shown
}

#[track_caller]
fn refused(init: &Init, words: &[&str]) {
    let runner = Runner::empty();
    let reply = runner.init(init);
    reply.assert_names(502, words);
    runner.init(&Init::of("identity")).assert_status(200);
    let logs = runner.finish();
    logs.assert_ended(1);
    assert!(logs.err().contains(&reply.error()), "{}", logs.err());
}

fn program() -> Vec<u8> {
    fs::read(sdk()).unwrap()
}

/// Where it is does not matter to anybody: it is in memory, and nothing is written.
#[test]
fn alone() {
    for init in [
        Init::library(&sdk()),
        Init::zip(&[Entry::file("exec", &program())]),
        Init::zip(&[Entry::deflated("exec", &program()).mode(0o100_755)]),
    ] {
        let name = shown(&init)["name"].as_str().unwrap().to_owned();
        assert!(name.starts_with("/proc/"), "{name}");
    }
}

#[test]
fn with_companions() {
    for mode in [0o100_644, 0o100_755, 0] {
        let shown = shown(&Init::zip(&[
            Entry::file("exec", &program()).mode(mode),
            Entry::file("data.txt", b"beside it"),
        ]));
        let (name, folder) = (
            shown["name"].as_str().unwrap(),
            shown["cwd"].as_str().unwrap(),
        );
        assert_eq!(shown["data"], "beside it");
        assert_eq!(name, format!("{folder}/exec"));
    }
}

/// Also after its worker has died, which is how the next comes by it.
#[test]
fn the_next_worker_has_it() {
    let companion = Entry::file("data.txt", b"beside it");
    for entries in [
        vec![Entry::file("exec", &program())],
        vec![Entry::file("exec", &program()), companion],
    ] {
        let runner = Launch::empty().args(&["--max-runs", "1"]).start();
        let init = Init::zip(&entries).env(json!({ "SOME_VAR": "xyz" }));
        runner.init(&init).assert_status(200);
        let first = runner.run(&how("show")).json();
        for _ in 0..3 {
            let next = runner.run(&how("show")).json();
            assert_eq!(
                (&next["data"], &next["cwd"]),
                (&first["data"], &first["cwd"])
            );
            let environment = runner.run(&how("environment")).json();
            assert_eq!(environment["SOME_VAR"], "xyz");
        }
    }
}

#[test]
fn a_library_is_taken_first() {
    let library = fs::read(fixtures::c("identity")).unwrap();
    for name in ["libaction.so", "hello.so"] {
        let runner = Runner::empty();
        let entries = [Entry::file("exec", &program()), Entry::file(name, &library)];
        runner.init(&Init::zip(&entries)).assert_status(200);
        // The program would show what it is given.
        runner.run(&how("show")).assert_ok(&how("show"));
        runner.finish().assert_silent(1);
    }
}

#[test]
fn a_library_of_its_own_is_no_action() {
    let library = fs::read(fixtures::c("noabi")).unwrap();
    let shown = shown(&Init::zip(&[
        Entry::file("exec", &program()),
        Entry::file("lib/libhelp.so", &library),
        Entry::file("data.txt", b"beside it"),
    ]));
    assert_eq!(shown["data"], "beside it");
}

#[test]
fn nested_or_called_otherwise() {
    for name in ["x/exec", "main"] {
        refused(
            &Init::zip(&[Entry::file(name, b"#!/bin/sh\n")]),
            &["libaction.so", "exec", name],
        );
    }
}

const SCRIPT: &str = "#!/bin/sh\necho '{\"from\":\"a script\"}'\n";

#[test]
fn scripts() {
    let file = Entry::file("exec", SCRIPT.as_bytes());
    let companion = Entry::file("data.txt", b"beside it");
    for init in [
        Init::code(SCRIPT),
        Init::bytes(SCRIPT.as_bytes()),
        Init::zip(std::slice::from_ref(&file)),
        Init::zip(&[file, companion]),
    ] {
        let runner = Runner::empty();
        runner.init(&init).assert_ok(&json!({ "ok": true }));
        runner
            .run(&json!({}))
            .assert_ok(&json!({ "from": "a script" }));
        runner.finish().assert_silent(1);
    }
}

#[test]
fn what_does_not_fit() {
    refused(
        &Init::code("#!/no/such/interpreter -u\n"),
        &["needs /no/such/interpreter to start it, which is not on this machine"],
    );
    refused(
        &Init::library(&fixtures::program(
            "deaf",
            &["-Wl,--dynamic-linker=/lib/ld-musl-other.so.1"],
        )),
        &["/lib/ld-musl-other.so.1", "build it for glibc"],
    );
    let mut bytes = program();
    bytes[18] = if cfg!(target_arch = "aarch64") {
        62
    } else {
        183
    };
    refused(&Init::bytes(&bytes), &["built for", "runs on"]);
    refused(&Init::bytes(&program()[..5000]), &["cut off"]);
    refused(&Init::library(&needy()), &["libgone.so.1"]);
}

/// A program that needs a library which is gone.
fn needy() -> std::path::PathBuf {
    let library = fixtures::missing_dependency();
    let gone = library.with_file_name("libgone-for-programs.so");
    let words = [
        "-shared",
        "-fPIC",
        "-Wl,-soname,libgone.so.1",
        "-x",
        "c",
        "/dev/null",
        "-o",
    ];
    let made = std::process::Command::new("cc")
        .args(words)
        .arg(&gone)
        .status();
    assert!(made.unwrap().success());
    fixtures::program("deaf", &["-Wl,--no-as-needed", gone.to_str().unwrap()])
}

/// Where nothing may be written, or nothing of what was written may be executed.
#[test]
fn read_only_and_noexec() {
    let shell = "mount -t tmpfs -o noexec tmpfs \"$TMPDIR\" && mount -o remount,bind,ro / 2>/dev/null; exec \"$@\"";
    let namespace = ["unshare", "--mount", "sh", "-c", shell, "sh"];
    let may = [
        "unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt",
    ];
    if !allowed(&may) {
        return;
    }
    let companion = Entry::file("data.txt", b"beside it");
    let exec = |bytes: &[u8]| Entry::file("exec", bytes);
    let loop_ = fs::read(looped()).unwrap();
    for init in [
        Init::bytes(&program()),
        Init::zip(&[exec(&program()), companion.clone()]),
        Init::bytes(&loop_),
        Init::zip(&[exec(SCRIPT.as_bytes()), companion.clone()]),
        Init::code(SCRIPT),
    ] {
        let runner = Launch::empty().under(&namespace).start();
        runner.init(&init).assert_ok(&json!({ "ok": true }));
        runner.run(&json!({ "a": 1 })).assert_status(200);
        runner.finish().assert_ended(1);
    }
    let runner = Launch::empty().env("TMPDIR", "/nowhere/at/all").start();
    runner.init(&Init::bytes(&program())).assert_status(200);
    runner.run(&how("show")).assert_status(200);
    runner.finish().assert_silent(1);
}

#[test]
fn large_programs_are_searched_whole() {
    let mut bytes = fs::read(looped()).unwrap();
    bytes.resize(30 << 20, 0);
    let path = std::env::temp_dir().join(format!("black-box-large-{}", std::process::id()));
    fs::write(&path, &bytes).unwrap();
    let runner = sent(Path::new(&path));
    fs::remove_file(&path).unwrap();
    runner.run(&how("count")).assert_status(200);
    runner.finish().assert_silent(1);
}
