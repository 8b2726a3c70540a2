//! `action-runner new`: what it prints is typed as it stands, for each language whose compiler is on this machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use black_box::{fixtures, launch};
use serde_json::{Value, json};

use super::{assert_exit, run, text};

/// A language, what must run for it to be there, and a line of its source at which a debugger can stop.
struct Language {
    word: &'static str,
    compiler: &'static str,
    answer: &'static str,
    test: &'static str,
    debug: &'static str,
    stop: (&'static str, &'static str),
}

const LANGUAGES: [Language; 5] = [
    Language {
        word: "rust",
        compiler: "cargo --version",
        answer: r#"{"greeting":"Hello, world!"}"#,
        test: "cargo test",
        debug: "cargo build",
        stop: ("src/lib.rs", "let name ="),
    },
    Language {
        word: "c",
        compiler: "cc --version",
        answer: r#"{"received":{"name":"world"}}"#,
        stop: ("action.c", "if (json == NULL)"),
        ..MADE
    },
    Language {
        word: "cpp",
        compiler: "c++ --version || g++ --version",
        answer: r#"{"received":{"name":"world"}}"#,
        stop: ("action.cpp", "if (params"),
        ..MADE
    },
    Language {
        word: "go",
        compiler: "go version",
        stop: ("main.go", "json.Unmarshal"),
        ..MADE
    },
    Language {
        word: "zig",
        compiler: "zig version || python3 -m ziglang version",
        stop: ("action.zig", "const greeting"),
        ..MADE
    },
];

const MADE: Language = Language {
    word: "",
    compiler: "",
    answer: r#"{"greeting":"Hello, world!"}"#,
    test: "make test",
    debug: "make debug",
    stop: ("", ""),
};

/// Held by who builds into the folder that the Rust projects share.
pub(super) static CARGO: Mutex<()> = Mutex::new(());

/// A shell in this folder, with nothing of the cargo that runs the tests.
pub(super) fn shell(line: &str, folder: &Path) -> Output {
    let mut command = Command::new("sh");
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        let foreign = ["CARGO", "RUSTC", "MAKE", "ACTION_RUNNER"];
        if foreign.iter().any(|it| name.starts_with(it)) && name != "CARGO_HOME" {
            command.env_remove(variable);
        }
    }
    command
        .args(["-c", line])
        .current_dir(folder)
        .output()
        .unwrap()
}

fn runs(line: &str) -> bool {
    shell(line, Path::new("/")).status.success()
}

/// A new folder for the projects of one test. What their cargo builds stays from one test run to the next.
fn parent(test: &str) -> PathBuf {
    let parent = fixtures::workspace().join("target/fixtures/new").join(test);
    let _ = fs::remove_dir_all(&parent);
    fs::create_dir_all(&parent).unwrap();
    parent
}

fn written(language: &Language, parent: &Path) -> String {
    let runner = launch::binary();
    let line = format!(
        "{} new my-action --lang {}",
        runner.display(),
        language.word
    );
    let output = shell(&line, parent);
    assert_exit(&output, 0);
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    if language.word == "rust" {
        let built = fixtures::workspace().join("target/fixtures/new/cargo");
        fs::create_dir_all(&built).unwrap();
        symlink(built, parent.join("my-action/target")).unwrap();
    }
    text(&output.stdout)
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
fn left_out(what: &str) {
    eprintln!("left out: {what}");
}

fn every_line_that_new_prints(language: &Language) {
    if !runs(language.compiler) {
        left_out(&format!(
            "{}, for `{}` does not run here",
            language.word, language.compiler
        ));
        return;
    }
    let parent = parent(language.word);
    let printed = written(language, &parent);
    assert_eq!(printed.lines().count(), 1, "{printed}");
    let output = shell(&printed, &parent);
    assert_exit(&output, 0);
    let out = text(&output.stdout);
    assert_eq!(out.lines().last(), Some(language.answer), "{out}");

    let project = parent.join("my-action");
    assert_exit(&shell(language.test, &project), 0);
    a_debugger_stops(language, &project);
}

/// At a line of the source, and with the words of the project's README.
fn a_debugger_stops(language: &Language, project: &Path) {
    if !runs("gdb --version") {
        left_out(&format!(
            "breakpoints in {}, for there is no gdb",
            language.word
        ));
        return;
    }
    assert_exit(&shell(language.debug, project), 0);
    let (source, mark) = language.stop;
    let lines = fs::read_to_string(project.join(source)).unwrap();
    let line = 1 + lines.lines().position(|line| line.contains(mark)).unwrap();
    let readme = fs::read_to_string(project.join("README.md")).unwrap();
    let command = readme.split('`').find(|it| it.starts_with("gdb --args"));
    let command = command.unwrap().replacen(
        "gdb --args",
        &format!(
            "gdb -batch -ex 'set breakpoint pending on' -ex 'break {source}:{line}' -ex run --args"
        ),
        1,
    );
    let runner = launch::binary();
    let bin = runner.parent().unwrap().display();
    let output = shell(&format!("PATH={bin}:$PATH; {command}"), project);
    let stopped = text(&output.stdout);
    assert!(
        stopped.contains(&format!("\n{line}\t")),
        "{command}\n{stopped}\n{}",
        text(&output.stderr)
    );
}

#[test]
fn new_rust() {
    let _alone = CARGO.lock();
    every_line_that_new_prints(&LANGUAGES[0]);
}

#[test]
fn new_c() {
    every_line_that_new_prints(&LANGUAGES[1]);
}

#[test]
fn new_cpp() {
    every_line_that_new_prints(&LANGUAGES[2]);
}

#[test]
fn new_go() {
    every_line_that_new_prints(&LANGUAGES[3]);
}

#[test]
fn new_zig() {
    every_line_that_new_prints(&LANGUAGES[4]);
}

/// Only third-party crates come from the registry, and none for features that are off.
#[test]
fn new_rust_needs_no_registry_for_what_is_ours() {
    let parent = parent("metadata");
    written(&LANGUAGES[0], &parent);
    let tree = shell("cargo tree --prefix none", &parent.join("my-action"));
    assert_exit(&tree, 0);
    let tree = text(&tree.stdout);
    assert!(tree.contains("action-abi v1.0.0 (/"), "{tree}");
    let lock = fs::read_to_string(parent.join("my-action/Cargo.lock")).unwrap();
    for optional in ["tokio", "schemars"] {
        assert!(!lock.contains(&format!("name = \"{optional}\"")), "{lock}");
    }
}

#[test]
fn new_lists_its_languages() {
    let table = run(&["new", "--list"], "");
    assert_exit(&table, 0);
    let json = run(&["new", "--list", "--json"], "");
    assert_exit(&json, 0);
    let listed: Value = serde_json::from_slice(&json.stdout).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), LANGUAGES.len());
    for (language, row) in LANGUAGES.iter().zip(listed) {
        assert!(text(&table.stdout).contains(&format!("{:<6} {}", language.word, language.stop.0)));
        assert_eq!(row["lang"], language.word);
        assert_eq!(row["default"], json!(language.word == "rust"));
        for (member, value) in [("test", language.test), ("debug", language.debug)] {
            assert_eq!(row[member], value);
        }
    }
    assert_exit(&run(&["new"], ""), 2);
    assert_exit(&run(&["new", "a", "--list"], ""), 2);
    assert_exit(&run(&["new", "a", "--json"], ""), 2);
}
