//! Group C: the forms in which code arrives.

use std::fs;

use black_box::{Entry, Init, Runner, archive, fixtures};
use serde_json::{Value, json};

pub(super) fn library() -> Vec<u8> {
    fs::read(fixtures::c("cwd")).unwrap()
}

/// Accepted, and the action's own answer to one run.
#[track_caller]
pub(super) fn accepted(init: &Init) -> Value {
    let runner = Runner::empty();
    runner.init(init).assert_ok(&json!({ "ok": true }));
    let answer = runner.run(&json!({})).assert_status(200).json();
    runner.finish().assert_silent(1);
    answer
}

/// Refused with a sentence that has these words; nothing was left in the folders of the runner; a good init follows.
#[track_caller]
fn refused(init: &Init, status: u16, words: &[&str]) {
    let runner = Runner::empty();
    let reply = runner.init(init);
    reply.assert_names(status, words);
    let names = |folder: &std::path::Path| -> Vec<_> {
        fs::read_dir(folder)
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .collect()
    };
    assert_eq!(names(runner.folder()), [runner.folder().join("tmp")]);
    assert_eq!(
        names(&runner.folder().join("tmp")),
        [""; 0].map(std::path::PathBuf::from)
    );
    runner.init(&Init::of("identity")).assert_status(200);
    let logs = runner.finish();
    logs.assert_ended(1);
    assert!(logs.err().contains(&reply.error()), "{}", logs.err());
}

#[test]
fn case_053_raw_library() {
    let init = Init::bytes(&library());
    assert!(
        init.value()["value"]["code"]
            .as_str()
            .unwrap()
            .starts_with("f0VMR")
    );
    accepted(&init);
}

#[test]
fn case_054_to_055_zip_whatever_the_mode() {
    for entry in [
        Entry::file("libaction.so", &library()),
        Entry::deflated("libaction.so", &library()),
    ] {
        for mode in [0o100_644, 0o100_755, 0o100_000, 0o644, 0] {
            accepted(&Init::zip(&[entry.clone().mode(mode)]));
        }
    }
}

#[test]
fn case_056_to_057_companion_files_and_working_directory() {
    let entries = [
        Entry::file("data.txt", b"companion"),
        Entry::file("libaction.so", &library()),
        Entry::file("sub/more.txt", b""),
    ];
    let answer = accepted(&Init::zip(&entries));
    assert_eq!(answer["data"], "companion");
}

#[test]
fn case_058_zip_without_a_library() {
    refused(
        &Init::zip(&[Entry::file("readme.txt", b"x")]),
        502,
        &["Zip file does not include", "libaction.so", "readme.txt"],
    );
}

/// Unique, so it is taken, wherever it lies and whatever it is called.
#[test]
fn case_059_library_elsewhere_in_the_zip() {
    accepted(&Init::zip(&[Entry::file("x/libaction.so", &library())]));
    accepted(&Init::zip(&[
        Entry::file("libhello.so", &library()),
        Entry::file("readme.txt", b"x"),
    ]));
}

#[test]
fn case_060_empty_zip() {
    refused(&Init::zip(&[]), 502, &["empty", "zip"]);
}

#[test]
fn case_061_damaged_zip() {
    let whole = archive::zip(&[Entry::file("libaction.so", &library())]);
    for length in [10, 100, whole.len() / 2, whole.len() - 10] {
        refused(
            &Init::bytes(&whole[..length]),
            502,
            &["Unable to decompress package"],
        );
    }
    let wrong = Entry::file("libaction.so", &library()).wrong_checksum();
    refused(
        &Init::zip(&[wrong]),
        502,
        &["Unable to decompress package", "libaction.so"],
    );
}

#[test]
fn case_062_paths_that_climb_out() {
    let names = [
        "../slip.txt",
        "../../slip.txt",
        "a/../../slip.txt",
        "/slip.txt",
        "/tmp/../slip.txt",
        "C:\\slip.txt",
        "..\\slip.txt",
        "a\u{0}b",
        "..",
    ];
    for name in names {
        let entries = [
            Entry::file("libaction.so", &library()),
            Entry::file(name, b"slipped"),
        ];
        refused(&Init::zip(&entries), 502, &["unsafe path"]);
    }
}

/// Links are as dangerous as paths; one that stays inside is harmless, and may be refused as well.
#[test]
fn case_063_links() {
    for target in ["/etc/passwd", "../../slip", "a/../../../slip"] {
        let entries = [
            Entry::file("libaction.so", &library()),
            Entry::link("link", target),
        ];
        refused(&Init::zip(&entries), 502, &["link"]);
    }
    let through = [
        Entry::file("libaction.so", &library()),
        Entry::link("up", ".."),
        Entry::file("up/slip.txt", b"slipped"),
    ];
    refused(&Init::zip(&through), 502, &["up"]);
}

#[test]
fn case_064_several_candidates() {
    let entries = [
        Entry::file("libone.so", &library()),
        Entry::file("libtwo.so", &library()),
    ];
    refused(
        &Init::zip(&entries),
        502,
        &["libone.so", "libtwo.so", "libaction.so"],
    );
    let named = [
        Entry::file("libone.so", b"x"),
        Entry::file("libaction.so", &library()),
        Entry::file("libtwo.so", &library()),
    ];
    accepted(&Init::zip(&named));
}

#[test]
fn case_065_encrypted_zip() {
    refused(
        &Init::zip(&[Entry::file("libaction.so", &library()).encrypted()]),
        502,
        &["encrypted"],
    );
}

#[test]
fn case_066_zip_bomb() {
    let bomb = Entry::bomb("zeros", 1024);
    refused(
        &Init::zip(&[Entry::file("libaction.so", &library()), bomb.clone()]),
        502,
        &["limit"],
    );
    let lying = bomb.claiming(100);
    refused(
        &Init::zip(&[Entry::file("libaction.so", &library()), lying]),
        502,
        &[],
    );
}

#[test]
fn case_067_gzip() {
    refused(
        &Init::bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        502,
        &["gzip", "zip"],
    );
}

#[test]
fn case_076_to_077_entry_point_of_the_code() {
    let alt = fs::read(fixtures::c("alt")).unwrap();
    let zip = Init::zip(&[Entry::file("libaction.so", &alt)]);
    for form in [Init::bytes(&alt), zip] {
        assert_eq!(accepted(&form.clone().main("niam")), json!({}));
        assert_eq!(accepted(&form.main("other")), json!({ "other": true }));
    }
    assert_eq!(accepted(&Init::of("identity").main("invoke")), json!({}));
}

/// The nearest thing to another runtime's bundle: one that brings a script for it, or nothing that can be started.
#[test]
fn case_078_code_for_another_runtime() {
    let script = Entry::file("exec", b"#!/no/python\nprint('{}')\n").mode(0o100_755);
    refused(
        &Init::zip(&[script, Entry::file("exec.env", b"python:3")]),
        502,
        &["/no/python", "not on this machine"],
    );
    // The same for a library that is whole, and no action.
    let other = fs::read(fixtures::c("noabi")).unwrap();
    let files = [
        Entry::file("libother.so", &other),
        Entry::file("data.txt", b"x"),
    ];
    refused(&Init::zip(&files), 502, &["action_abi_version"]);
    refused(
        &Init::zip(&[Entry::file("__main__.py", b"def main(args): return args")]),
        502,
        &["Zip file does not include"],
    );
}

#[test]
fn case_079_zip_magics() {
    for magic in [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"] {
        let mut bytes = magic.to_vec();
        bytes.extend_from_slice(&[0; 40]);
        refused(&Init::bytes(&bytes), 502, &["zip"]);
    }
}
