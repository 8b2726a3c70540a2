//! `action-runner serve`: its flags and its refusals to start; the help of all commands.

use black_box::{Launch, fixtures};
use serde_json::json;

use super::{assert_exit, path, run, text};

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

/// What people read is reviewed like code. `UPDATE_SNAPSHOTS=1 cargo test -p black-box help` writes it anew.
#[test]
fn help_is_as_reviewed() {
    let folder = fixtures::workspace().join("tests/tests/cli/help");
    for command in ["", "serve", "invoke", "inspect", "healthcheck", "new"] {
        let words: Vec<_> = [command, "--help"]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        let help = text(&run(&words, "").stdout);
        let called = black_box::launch::binary();
        let called = called.file_name().unwrap().to_str().unwrap().to_owned();
        let help = help.replace(&format!("Usage: {called}"), "Usage: action-runner");
        let name = if command.is_empty() {
            "action-runner"
        } else {
            command
        };
        let file = folder.join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &help).unwrap();
        }
        let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(help, reviewed, "{} is out of date", file.display());
    }
}
