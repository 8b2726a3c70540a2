//! The Docker SDK's contract: argument, stdin, last line; and everything that a program can do instead.

use std::io::{PipeReader, Write};
use std::process::Command;

use black_box::{Gate, Runner, SENTINEL, fixtures};
use serde_json::{Value, json};

use super::{NOT_A_DICTIONARY, how, sdk, sent};

#[test]
fn what_a_program_is_given() {
    let parameters = how("show").to_string();
    // What the tests themselves were started with is handed on to everybody.
    let mut alone = Command::new(sdk());
    let alone = alone.arg(&parameters).stdin(told(&parameters));
    let alone: Value = serde_json::from_slice(&alone.output().unwrap().stdout).unwrap();
    let runner = sent(&sdk());
    let shown = runner.run(&how("show")).assert_status(200).json();
    assert_eq!(
        (&shown["words"], &shown["told"], &shown["descriptors"]),
        (&json!(2), &json!(parameters.len()), &alone["descriptors"])
    );
    runner.finish().assert_silent(1);
}

fn told(text: &str) -> PipeReader {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    reader
}

/// The kernel takes an argument of 131 071 characters, and not one more.
#[test]
fn long_parameters_come_on_stdin_only() {
    let runner = sent(&sdk());
    for (length, words) in [(131_070, 2), (131_071, 2), (131_072, 1), (131_073, 1)] {
        let mut value = json!({ "how": "show", "a": "" });
        value["a"] = "a".repeat(length - value.to_string().len()).into();
        let shown = runner.run(&value).assert_status(200).json();
        assert_eq!(
            (&shown["words"], &shown["told"]),
            (&json!(words), &json!(length))
        );
    }
    runner.finish().assert_silent(4);
}

/// Nobody reads what the runner writes into its stdin.
#[test]
fn a_program_that_does_not_read() {
    let runner = sent(&fixtures::program("deaf", &[]));
    for length in [10, 1 << 20] {
        let value = json!({ "a": "a".repeat(length) });
        let reply = runner.run(&value).assert_status(200).json();
        let argument = if length == 10 {
            value.to_string().len()
        } else {
            0
        };
        assert_eq!(reply, json!({ "argument": argument }));
    }
    runner.finish().assert_silent(2);
}

#[test]
fn results() {
    let runner = sent(&sdk());
    for bad in ["text", "number", "nothing"] {
        runner.run(&how(bad)).assert_error(502, NOT_A_DICTIONARY);
    }
    for (good, result) in [
        ("unended", json!({ "unended": true })),
        ("blanks", json!({ "blanks": true })),
        ("result and exit", json!({ "exit": 5 })),
    ] {
        runner.run(&how(good)).assert_ok(&result);
    }
    let logs = runner.finish();
    logs.assert_ended(6);
    // What is no result is log.
    let lines = ["a line", "no JSON", "42", "a line", "a line"];
    let out: Vec<_> = logs
        .out()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(out, lines);
}

#[test]
fn endings() {
    let deaths = [
        ("exit3", "The action ended its process with exit status 3."),
        (
            "segv",
            "The action crashed: SIGSEGV (invalid memory reference).",
        ),
        ("abort", "The action crashed: SIGABRT (abort)."),
        ("kill", "The action crashed: SIGKILL (killed)."),
    ];
    let runner = sent(&sdk());
    for (ending, sentence) in deaths {
        runner.run(&how(ending)).assert_error(502, sentence);
        let value = json!({ "after": ending });
        runner.run(&value).assert_ok(&value);
    }
    runner.until_tree(|tree| tree.len() == 3);
    let logs = runner.finish();
    let expected = format!("last words\n{SENTINEL}\nhello stdout\n{SENTINEL}\n").repeat(4);
    assert_eq!(String::from_utf8_lossy(&logs.stdout), expected);
    let expected = format!("{SENTINEL}\nhello stderr\n{SENTINEL}\n").repeat(4);
    assert_eq!(String::from_utf8_lossy(&logs.stderr), expected);
}

#[test]
fn floods() {
    let runner = sent(&sdk());
    for line in [64, 1 << 20] {
        let flood = json!({ "how": "flood", "bytes": 8 << 20, "line": line });
        runner.run(&flood).assert_ok(&json!({}));
    }
    let logs = runner.finish();
    logs.assert_ended(2);
    assert_eq!(
        logs.out().matches('x').count(),
        (16 << 20) - (8 << 20) / 64 - 8
    );
    assert_eq!(logs.out().len(), logs.err().len());
}

/// A result without an end is not waited for until the memory is full.
#[test]
fn an_endless_line() {
    let runner = sent(&sdk());
    runner
        .run(&how("endless"))
        .assert_names(502, &["without ending a line"]);
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.until_tree(|tree| tree.len() == 3);
    runner.finish().assert_ended(2);
}

/// A run ends with its program, not with the last that holds its stdout, and not before it.
#[test]
fn stdout_and_the_end_are_two_things() {
    let runner: Runner = sent(&sdk());
    let gate = Gate::open();
    let orphan = json!({ "how": "orphan", "port": gate.port() });
    runner.run(&orphan).assert_ok(&json!({ "orphan": true }));
    let mut visit = gate.arrival();
    let shuts = json!({ "how": "shuts", "port": gate.port() });
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.run(&shuts));
        gate.arrival().release();
        run.join().unwrap().assert_ok(&json!({ "shuts": true }));
    });
    visit.release();
    visit.gone();
    runner.until_tree(|tree| tree.len() == 3);
    runner.finish().assert_silent(2);
}
