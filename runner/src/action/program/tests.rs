use super::*;
use crate::action::Outcome;
use crate::package::Code;
use crate::refusal::{Death, LoadRefusal, NoAnswer};
use std::path::PathBuf;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../actions/matrix/programs")
        .join(name)
}

fn opened(name: &str) -> Box<dyn Action> {
    let path = script(name);
    match Code::open(&path) {
        Ok(Code::Program(program)) => open(&path, &program),
        other => panic!("{other:?}"),
    }
}

/// The answer as text, and whether it is a result.
fn run(action: &dyn Action, params: &str) -> (bool, String) {
    let others = [("new_key".into(), "7".into())];
    let context = Context {
        activation_id: "abc",
        deadline_ms: 9,
        others: &others,
        ..Context::default()
    };
    match action.invoke(params, &context) {
        Outcome::Unchecked(answer) | Outcome::Json(answer) => (true, answer.text()),
        Outcome::Error(text) | Outcome::Panicked(text) => (false, text.text()),
    }
}

#[test]
fn the_last_line_is_the_result() {
    let action = opened("sdk.sh");
    let expected = r#"{"argument":{"a":1},"stdin":{"a":1},"id":"abc"}"#;
    assert_eq!(run(&*action, r#"{"a":1}"#), (true, expected.to_owned()));
}

/// 131 071 characters are the most that the kernel takes for an argument.
#[test]
fn long_parameters_come_on_stdin_only() {
    let action = opened("sdk.sh");
    for (length, starts) in [
        (131_071, r#"{"argument":{"a":"#),
        (131_072, r#"{"argument":null,"stdin":{"#),
        (1_000_000, r#"{"argument":null,"stdin":{"#),
    ] {
        let params = format!("{{\"a\":\"{}\"}}", "a".repeat(length - 8));
        assert_eq!(params.len(), length);
        let (is_result, text) = run(&*action, &params);
        assert!(is_result && text.starts_with(starts), "{text:.200}");
        assert!(text.len() > length);
    }
}

#[test]
fn a_program_that_fails_says_how() {
    let action = opened("sdk-fails.sh");
    assert_eq!(run(&*action, "{}"), (false, Death::Exited(3).to_string()));
    let path = script("absent");
    let program = Program {
        contract: Contract::DockerSdk,
        form: crate::package::Form::Script {
            interpreter: "/bin/sh".into(),
        },
        copy: None,
    };
    let absent = open(&path, &program);
    let (_, said) = run(&*absent, "{}");
    assert!(
        said.contains("absent could not be started: No such file"),
        "{said}"
    );
    let too_long = NoAnswer::NotStarted {
        path: "p".to_owned(),
        source: std::io::ErrorKind::ArgumentListTooLong.into(),
    };
    assert!(too_long.to_string().contains("128 KiB"), "{too_long}");
}

#[test]
fn a_loop_answers_line_by_line() {
    let action = opened("loop.sh");
    assert_eq!(action.init(&Context::default()), Ok(()));
    for params in [
        r#"{"a":1}"#,
        "{\n  \"a\": \"☃\\n\"\r\n}",
        &format!("[\"{}\"]", "a".repeat(1_000_000)),
    ] {
        let (is_result, text) = run(&*action, params);
        let sent = params.replace(['\n', '\r'], " ");
        let expected =
            format!(r#"{{"value":{sent},"activation_id":"abc","deadline":"9","new_key":"7"}}"#);
        assert!(is_result && text == expected, "{text:.200}");
    }
}

/// The faults of the old proxies: an answer too many, an empty line, an end.
#[test]
fn answers_do_not_shift() {
    let action = opened("loop.sh");
    for (number, word) in ["blank", "plain", "twice", "plain", "twice", "blank"]
        .into_iter()
        .enumerate()
    {
        let params = format!("{{\"{word}\":{number}}}");
        let (is_result, text) = run(&*action, &params);
        assert!(is_result && text.contains(&params), "{params} got {text}");
    }
}

#[test]
fn ends_are_survived() {
    let action = opened("loop.sh");
    for (word, death) in [("exit", Death::Exited(3)), ("crash", Death::Signal(11))] {
        let (is_result, text) = run(&*action, &format!("[\"{word}\"]"));
        assert_eq!((is_result, text), (false, death.to_string()));
        assert!(run(&*action, "[1]").0);
    }
}

#[test]
fn a_loop_that_never_gets_ready_is_refused() {
    let refusal = opened("loop-broken.sh").init(&Context::default());
    let why = Death::Exited(5).to_string();
    assert_eq!(refusal, Err(LoadRefusal::InitFailed { why }));
}
