//! The command line as people and scripts see it: results on stdout, words on stderr, and the exit status.

mod documents;
mod inspect;
mod invoke;
mod new;
mod serve;

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use black_box::Launch;
use serde_json::Value;

/// Runs `action-runner` with these arguments to its end.
fn run(arguments: &[&str], input: &str) -> Output {
    run_with(arguments, &[], input)
}

/// The same with these environment variables.
fn run_with(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Output {
    let (mut command, folder, _) = Launch::empty().command();
    command.envs(variables.iter().copied());
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
