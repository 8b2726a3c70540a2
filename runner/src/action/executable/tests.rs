use super::*;
use crate::refusal::Death;

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../actions/matrix/programs")
        .join(name)
}

fn opened(name: &str) -> Result<Box<dyn Action>, LoadRefusal> {
    let path = program(name);
    let contents = std::fs::read(&path).unwrap_or_default();
    open(&path, &contents)
}

/// The answer as text, and whether it is a result.
fn run(action: &dyn Action, params: &str) -> (bool, String) {
    let context = Context {
        activation_id: "abc",
        deadline_ms: 9,
        ..Context::default()
    };
    match action.invoke(params, &context) {
        Outcome::Unchecked(answer) | Outcome::Json(answer) => (true, answer.text()),
        Outcome::Error(text) | Outcome::Panicked(text) => (false, text.text()),
    }
}

#[test]
fn contracts_by_what_is_compiled_in() {
    let go = b"\x7fELF...__OW_WAIT_FOR_ACK...";
    let rust = b"\x7fELF...Error writing on fd3...";
    assert_eq!(contract(go), Contract::ActionLoop { acknowledges: true });
    assert_eq!(
        contract(rust),
        Contract::ActionLoop {
            acknowledges: false
        }
    );
    assert_eq!(
        contract(b"\x7fELF...__OW_ACTIVATION_ID..."),
        Contract::DockerSdk
    );
}

#[test]
fn the_last_line_is_the_result() -> Result<(), LoadRefusal> {
    let action = opened("sdk.sh")?;
    let expected = r#"{"argument":{"a":1},"stdin":{"a":1},"id":"abc"}"#;
    assert_eq!(run(&*action, r#"{"a":1}"#), (true, expected.to_owned()));
    Ok(())
}

#[test]
fn long_parameters_come_on_stdin_only() -> Result<(), LoadRefusal> {
    let action = opened("sdk.sh")?;
    let params = format!("{{\"a\":\"{}\"}}", "a".repeat(1_000_000));
    let (is_result, text) = run(&*action, &params);
    assert!(
        is_result && text.starts_with(r#"{"argument":null,"stdin":{"#) && text.len() > 1_000_000
    );
    Ok(())
}

#[test]
fn a_program_that_fails_says_how() -> Result<(), LoadRefusal> {
    let action = opened("sdk-fails.sh")?;
    assert_eq!(run(&*action, "{}"), (false, Death::Exited(3).to_string()));
    let absent = opened("absent")?;
    assert!(run(&*absent, "{}").1.contains("could not be started"));
    Ok(())
}

#[test]
fn a_loop_answers_line_by_line() -> Result<(), LoadRefusal> {
    let action = opened("loop.sh")?;
    for params in [
        r#"{"a":1}"#,
        "{\n  \"a\": \"☃\\n\"\r\n}",
        &format!("[\"{}\"]", "a".repeat(1_000_000)),
    ] {
        let (is_result, text) = run(&*action, params);
        let sent = params.replace(['\n', '\r'], " ");
        assert!(
            is_result && text.contains(&sent) && text.contains(r#""activation_id":"abc""#),
            "{text:.200}"
        );
    }
    Ok(())
}

/// The faults of the old proxies: an answer too many, an empty line, an end.
#[test]
fn answers_do_not_shift() -> Result<(), LoadRefusal> {
    let action = opened("loop.sh")?;
    for (number, word) in ["blank", "plain", "twice", "plain", "twice", "blank"]
        .into_iter()
        .enumerate()
    {
        let params = format!("{{\"{word}\":{number}}}");
        let (is_result, text) = run(&*action, &params);
        assert!(is_result && text.contains(&params), "{params} got {text}");
    }
    Ok(())
}

#[test]
fn ends_are_survived() -> Result<(), LoadRefusal> {
    let action = opened("loop.sh")?;
    for (word, death) in [("exit", Death::Exited(3)), ("crash", Death::Signal(11))] {
        assert_eq!(
            run(&*action, &format!("[\"{word}\"]")),
            (false, death.to_string())
        );
        assert!(run(&*action, "[1]").0);
    }
    Ok(())
}

#[test]
fn a_loop_that_never_gets_ready_is_refused() {
    let refusal = opened("loop-broken.sh").map(drop);
    assert_eq!(
        refusal,
        Err(LoadRefusal::InitFailed {
            why: Death::Exited(5).to_string()
        })
    );
}
