//! The command line as people and scripts see it: results on stdout, words on stderr, and the exit status.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use black_box::{Launch, fixtures};
use serde_json::{Value, json};

/// Runs `action-runner` with these arguments to its end.
fn run(arguments: &[&str], input: &str) -> Output {
    let (mut command, folder, _) = Launch::empty().command();
    std::fs::write(folder.join("params.json"), r#"{"from":"a file"}"#).unwrap();
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn assert_exit(output: &Output, code: i32) {
    let streams = format!(
        "stdout: {}\nstderr: {}",
        text(&output.stdout),
        text(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{streams}");
}

fn path(library: &Path) -> String {
    library.to_str().unwrap().to_owned()
}

/// One line of JSON on stdout, and nothing else.
#[track_caller]
fn result(output: &Output) -> Value {
    assert_exit(output, 0);
    let out = text(&output.stdout);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

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
        (
            &[
                "invoke",
                &path(&fixtures::c("answer")),
                r#"{"kind":"sorry"}"#,
            ],
            1,
        ),
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
        assert!(!output.stderr.is_empty(), "{streams}");
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

#[test]
fn inspect_describes_a_good_library() {
    for (library, words) in [
        (
            fixtures::c("alt"),
            &["niam", "other", "would load here: yes"][..],
        ),
        (
            fixtures::rust(),
            &[
                "echo",
                "panic_payload",
                "asynchronous",
                "would load here: yes",
            ],
        ),
    ] {
        let output = run(&["inspect", &path(&library)], "");
        assert_exit(&output, 0);
        let out = text(&output.stdout);
        for word in words {
            assert!(out.to_lowercase().contains(word), "no {word:?} in:\n{out}");
        }
        let json = run(&["inspect", &path(&library), "--json"], "");
        assert!(result(&json).is_object());
    }
}

#[test]
fn inspect_says_why_not() {
    for (library, words) in [
        (fixtures::c("noabi"), "action_abi_version"),
        (fixtures::future_libc(), "GLIBC_2.99"),
        (fixtures::missing_dependency(), "libgone.so.1"),
        (fixtures::wrong_machine(), "built for"),
    ] {
        for form in [&["inspect"][..], &["inspect", "--json"]] {
            let library = path(&library);
            let mut arguments = form.to_vec();
            arguments.push(&library);
            let output = run(&arguments, "");
            assert_exit(&output, 1);
            let all = text(&output.stdout) + &text(&output.stderr);
            assert!(all.contains(words), "no {words:?} in:\n{all}");
        }
    }
    assert_exit(&run(&["inspect", "/nowhere/libaction.so"], ""), 1);
}

#[test]
fn help_and_version() {
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["invoke", "--help"],
        &["inspect", "--help"],
    ] {
        let output = run(arguments, "");
        assert_exit(&output, 0);
        assert!(output.stderr.is_empty());
    }
    let help = text(&run(&["serve", "--help"], "").stdout);
    for flag in [
        "LISTEN",
        "MAIN",
        "CONCURRENCY",
        "WORKERS",
        "TIMEOUT",
        "GRACE",
        "MAX_BODY",
        "SENTINELS",
        "HTTP",
    ] {
        assert!(
            help.contains(&format!("ACTION_RUNNER_{flag}")),
            "no ACTION_RUNNER_{flag} in:\n{help}"
        );
        let option = format!("--{}", flag.to_lowercase().replace('_', "-"));
        assert!(help.contains(&option), "no {option} in:\n{help}");
    }
    assert!(text(&run(&["--version"], "").stdout).contains("1.0.0"));
}

#[test]
fn bad_usage_is_named() {
    let taken = Launch::empty().start();
    let address = taken.address.to_string();
    for (arguments, variable, words) in [
        (
            &["--listen", "nonsense"][..],
            None,
            &["listen", "nonsense"][..],
        ),
        (&["--timeout", "soon"], None, &["timeout", "soon"]),
        (&["--workers", "0"], None, &["workers"]),
        (&["--nonsense"], None, &["--nonsense"]),
        (
            &[],
            Some(("ACTION_RUNNER_TIMEOUT", "soon")),
            &["timeout", "soon"],
        ),
        (
            &[],
            Some(("ACTION_RUNNER_TIMEOT", "5")),
            &["ACTION_RUNNER_TIMEOT", "ACTION_RUNNER_TIMEOUT"],
        ),
    ] {
        let mut launch = Launch::empty();
        if let Some((name, value)) = variable {
            launch = launch.env(name, value);
        }
        let (mut command, folder, _) = launch.command();
        let output = command.args(arguments).output().unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        assert_exit(&output, 2);
        let err = text(&output.stderr);
        assert!(
            words
                .iter()
                .all(|word| err.to_lowercase().contains(&word.to_lowercase())),
            "{arguments:?}: {err}"
        );
    }
    let output = run(&["--listen", &address], "");
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains(&address),
        "{}",
        text(&output.stderr)
    );
}

/// A library that was named and does not load ends the program: nobody should have to wait for the first request.
#[test]
fn serve_with_a_bad_library() {
    for (library, words) in [
        (path(&fixtures::c("noabi")), "action_abi_version"),
        ("/nowhere/lib.so".into(), "/nowhere/lib.so"),
    ] {
        let output = run(&["serve", &library, "--listen", "127.0.0.1:0"], "");
        assert_exit(&output, 3);
        assert!(
            text(&output.stderr).contains(words),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn flags_come_from_the_environment_too() {
    let runner = Launch::baked(&fixtures::c("alt"))
        .env("ACTION_RUNNER_MAIN", "other")
        .env("ACTION_RUNNER_SENTINELS", "off")
        .start();
    runner.run(&json!({})).assert_ok(&json!({ "other": true }));
    let logs = runner.finish();
    assert_eq!((logs.stdout.len(), logs.stderr.len()), (0, 0));
}
