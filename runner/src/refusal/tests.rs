//! The sentences as people read them.

use super::*;

#[test]
fn deaths_say_how_and_when() {
    let cases = [
        (
            Death::Signal(11).during(Phase::Run),
            "The action crashed: SIGSEGV (invalid memory reference).",
        ),
        (
            Death::Signal(6).during(Phase::Init),
            "The action crashed during initialization: SIGABRT (abort).",
        ),
        (
            Death::Signal(40).during(Phase::Run),
            "The action crashed: signal 40.",
        ),
        (
            Death::Exited(3).during(Phase::Load),
            "The action ended its process while its library was loaded with exit status 3.",
        ),
        (
            Death::Exited(3).during(Phase::Run),
            "The action ended its process with exit status 3.",
        ),
        (
            Death::OutOfMemory { limit_mb: 128 }.during(Phase::Run),
            "The action was killed, probably out of memory: limit 128 MB.",
        ),
        (
            Death::OutOfMemory { limit_mb: 0 }.during(Phase::Run),
            "The action was killed, probably out of memory.",
        ),
        (
            Death::TimeLimit { ms: 100 }.during(Phase::Run),
            "The action exceeded its time limits of 100 milliseconds.",
        ),
        (
            Death::TimeLimit { ms: 100 }.during(Phase::Init),
            "The action exceeded its time limits of 100 milliseconds during initialization.",
        ),
    ];
    for (death, sentence) in cases {
        assert_eq!(death.to_string(), sentence);
    }
}

#[test]
fn lists_are_cut_and_escaped() {
    let many: Vec<String> = (0..20).map(|n| format!("f{n}")).collect();
    let text = LoadRefusal::EntryPointMissing {
        name: "a\0b".into(),
        available: many,
    }
    .to_string();
    assert!(
        text.contains("no entry point a\\0b; it has f0, f1, "),
        "{text}"
    );
    assert!(text.contains("f11 and 8 more."), "{text}");
    let long = LoadRefusal::EntryPointMissing {
        name: "x".repeat(300),
        available: Vec::new(),
    };
    assert!(long.to_string().contains("…; it has nothing."), "{long}");
    assert!(long.to_string().len() < 250);
}

#[test]
fn what_to_do_depends_on_what_was_found() {
    let exporting = |name: &str| LoadRefusal::NoAbi {
        exports: vec![name.into()],
    };
    for (refusal, step) in [
        (
            exporting("_Z6invoke10action_strPK14action_context"),
            "put ACTION_EXPORT (extern \"C\") before these functions.",
        ),
        (
            exporting("_Z7computei"),
            "Export the action with one of them.",
        ),
        (exporting("invoke"), "Export the action with one of them."),
        (
            LoadRefusal::EntryPointMissing {
                name: "main".into(),
                available: Vec::new(),
            },
            "Export that function, with ACTION_EXPORT before it.",
        ),
    ] {
        assert!(refusal.to_string().ends_with(step), "{refusal}");
    }
}

#[test]
fn neither_symbol_names_both() {
    let text = LoadRefusal::NoAbi {
        exports: vec!["compute".into()],
    }
    .to_string();
    assert!(text.contains(RUST_SYMBOL) && text.contains(C_SYMBOL) && text.contains("compute"));
}

#[test]
fn protocol_sentences_are_exact() {
    assert_eq!(NO_ACTION_YET, "no action defined yet");
    assert_eq!(NO_CODE, "Missing main/no code to execute.");
    assert_eq!(INIT_TWICE, "Cannot initialize the action more than once.");
    assert_eq!(
        NOT_A_CONTAINER_IN,
        "The action did not receive a dictionary or array as an argument."
    );
    assert_eq!(
        NOT_A_CONTAINER_OUT,
        "The action did not return a dictionary or array."
    );
}
