//! `action-runner inspect`: would this library load here?

use black_box::fixtures;
use serde_json::json;

use super::{assert_exit, path, result, run, text};

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
