//! `action-runner invoke`: one run in this process.

use black_box::fixtures;
use serde_json::json;

use super::{assert_exit, path, result, run, text};

#[test]
fn invoke_takes_parameters_from_everywhere() {
    let library = path(&fixtures::c("identity"));
    for (arguments, input, expected) in [
        (&[r#"{"a":1}"#][..], "", json!({ "a": 1 })),
        (&["@params.json"], "", json!({ "from": "a file" })),
        (&["-"], r#"{"from":"stdin"}"#, json!({ "from": "stdin" })),
        (&[], "", json!({})),
        (
            &["--param", "a=b", "--param", "n=5"],
            "",
            json!({ "a": "b", "n": 5 }),
        ),
    ] {
        let mut all = vec!["invoke", &library];
        all.extend_from_slice(arguments);
        assert_eq!(result(&run(&all, input)), expected, "{arguments:?}");
    }
}

#[test]
fn invoke_keeps_the_actions_output_off_stdout() {
    let output = run(&["invoke", &path(&fixtures::c("echo")), r#"{"a":1}"#], "");
    assert_eq!(result(&output), json!({ "a": 1 }));
    let err = text(&output.stderr);
    assert!(
        err.contains("hello stdout") && err.contains("hello stderr"),
        "{err}"
    );
}

#[test]
fn invoke_starts_programs() {
    for program in [
        fixtures::program("sdk", &[]),
        fixtures::program("loop", &[]),
        fixtures::program("loop", &["-DMUTE"]),
    ] {
        let program = path(&program);
        let output = run(&["invoke", &program, r#"{"a":1}"#, "--repeat", "3"], "");
        assert_eq!(result(&output), json!({ "a": 1 }));
        let err = text(&output.stderr);
        assert_eq!(err.matches("hello stdout").count(), 3, "{err}");
        let output = run(&["invoke", &program, r#"{"how":"segv"}"#], "");
        assert_exit(&output, 4);
        assert!(text(&output.stdout).contains("SIGSEGV"));
    }
}

#[test]
fn invoke_chooses_the_entry_point() {
    let library = path(&fixtures::c("alt"));
    assert_eq!(
        result(&run(&["invoke", &library, "--main", "other"], "")),
        json!({ "other": true })
    );
    let missing = run(&["invoke", &library, "--main", "nope"], "");
    assert_exit(&missing, 3);
    let err = text(&missing.stderr);
    assert!(
        ["nope", "niam", "other"]
            .iter()
            .all(|name| err.contains(name)),
        "{err}"
    );
}

#[test]
fn invoke_exit_statuses() {
    let err = path(&fixtures::c("err"));
    let die = path(&fixtures::c("die"));
    let rust = path(&fixtures::rust());
    let cases: &[(&[&str], i32)] = &[
        (&["invoke", &err], 1),
        (&["invoke", &err, "{bad"], 2),
        (&["invoke"], 2),
        (&["invoke", &err, "--nonsense"], 2),
        (&["invoke", "/nowhere/libaction.so"], 3),
        (&["invoke", &path(&fixtures::c("noabi"))], 3),
        (&["invoke", &rust, "--main", "panic"], 4),
        (&["invoke", &err, r#"{"kind":"panic"}"#], 4),
    ];
    for (arguments, code) in cases {
        let output = run(arguments, "");
        let out = text(&output.stdout);
        let streams = format!(
            "{arguments:?}\nstdout: {out}\nstderr: {}",
            text(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(*code), "{streams}");
        assert!(!output.stderr.is_empty() || *code == 1, "{streams}");
    }
    // One process, so that debuggers work: a crash is a crash.
    let crash = run(&["invoke", &die, r#"{"how":"segv"}"#], "");
    assert!(!crash.status.success());
}

#[test]
fn invoke_repeats() {
    let output = run(
        &["invoke", &path(&fixtures::c("state")), "--repeat", "5"],
        "",
    );
    assert_exit(&output, 0);
    assert!(
        text(&output.stdout).contains(r#"{"count":5}"#) || text(&output.stderr).contains("median"),
        "{}",
        text(&output.stderr)
    );
    assert!(
        text(&output.stderr).contains("median"),
        "{}",
        text(&output.stderr)
    );
}
