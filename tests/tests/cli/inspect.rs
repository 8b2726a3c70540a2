//! `action-runner inspect`: would this library load here?

use black_box::fixtures;
use serde_json::{Value, json};

use super::{assert_exit, path, result, run, run_with, text};

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
fn inspect_describes_programs() {
    for (program, contract) in [
        (fixtures::program("sdk", &[]), "Docker SDK"),
        (
            fixtures::program("sdk", &["-static", "-no-pie"]),
            "Docker SDK",
        ),
        (fixtures::program("loop", &[]), "ActionLoop"),
        (fixtures::program("loop", &["-DMUTE"]), "ActionLoop"),
    ] {
        let output = run(&["inspect", &path(&program)], "");
        assert_exit(&output, 0);
        let out = text(&output.stdout);
        for words in ["program for ", contract, "would run here: yes"] {
            assert!(out.contains(words), "no {words:?} in:\n{out}");
        }
        let json = result(&run(&["inspect", &path(&program), "--json"], ""));
        assert_eq!(
            (&json["kind"], &json["contract"], &json["would_load"]),
            (&json!("program"), &json!(contract), &json!(true))
        );
    }
}

#[test]
fn inspect_shows_what_a_library_says_of_itself() {
    let rust = fixtures::cargo("actions/faults/described", &[]);
    let json = result(&run(&["inspect", &path(&rust), "--json"], ""));
    let said = &json["descriptions"]["repeat"];
    assert_eq!(said["description"], "Repeats a word.");
    assert_eq!(said["parameters"]["properties"]["word"]["type"], "string");
    assert_eq!(said["result"]["required"], json!(["words"]));
    let out = text(&run(&["inspect", &path(&rust)], "").stdout);
    for words in [
        "repeat        Repeats a word.\n",
        "takes times: integer or null (optional), word: string",
        "answers words: array",
    ] {
        assert!(out.contains(words), "no {words:?} in:\n{out}");
    }

    let c = fixtures::c("alt");
    let json = result(&run(&["inspect", &path(&c), "--json"], ""));
    assert_eq!(
        json["descriptions"],
        json!({ "niam": { "description": "Gives back what it gets." } })
    );
}

/// What happens while it is loaded happens to another process.
#[test]
fn inspect_survives_what_it_looks_at() {
    let library = path(&fixtures::c("die"));
    for (how, words) in [
        ("segv", "crashed while its library was loaded: SIGSEGV"),
        ("exit0", "ended its process while its library was loaded"),
        ("sleep", "time limits"),
    ] {
        let output = run_with(
            &["inspect", &library, "--json"],
            &[("DIE_AT_LOAD", how)],
            "",
        );
        assert_exit(&output, 1);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["would_load"], false);
        let because = report["because"].as_str().unwrap();
        assert!(because.contains(words), "{because}");
    }
}

#[test]
fn inspect_says_why_not() {
    for (library, words) in [
        (fixtures::c("noabi"), "action_abi_version"),
        (fixtures::future_libc(), "GLIBC_2.99"),
        (fixtures::missing_dependency(), "libgone.so.1"),
        (fixtures::wrong_machine(), "built for"),
        (fixtures::c("oldabi"), "built for version 99 of action.h"),
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
