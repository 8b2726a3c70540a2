//! ActionLoop's contract: a line there, a line back. What the old proxies lost count of.

use black_box::{Entry, Gate, Init, Launch, Runner, fixtures, processes};
use rustix::process::Signal;
use serde_json::json;

use super::{NOT_A_DICTIONARY, how, looped, mute, sent};

/// How many runs the process has seen, and which process it is.
#[track_caller]
fn count(runner: &Runner) -> (i64, i32) {
    let seen = runner.run(&how("count")).assert_status(200).json();
    let number = |key: &str| seen[key].as_i64().unwrap();
    (number("count"), i32::try_from(number("pid")).unwrap())
}

#[test]
fn one_process_for_all_runs() {
    for program in [looped(), mute()] {
        let runner = sent(&program);
        let (first, pid) = count(&runner);
        assert_eq!(first, 1);
        for number in 2..20 {
            assert_eq!(count(&runner), (number, pid));
        }
        runner.finish().assert_silent(19);
    }
}

#[test]
fn results_and_logs() {
    let runner = sent(&looped());
    runner.run(&how("text")).assert_error(502, NOT_A_DICTIONARY);
    runner
        .run(&how("blanks"))
        .assert_ok(&json!({ "blanks": true }));
    runner.run(&how("bare")).assert_ok(&json!({}));
    // Line breaks between tokens are no end of a line.
    let body = "{\"value\":\n{\"a\":\r\n[1,\n2]}}";
    runner.post("/run", body).assert_ok(&json!({ "a": [1, 2] }));
    assert_eq!(count(&runner).0, 5, "it is still the first process");
    let logs = runner.finish();
    logs.assert_ended(5);
    assert_eq!(logs.out(), "no newline\nhello stdout");
}

#[test]
fn endings() {
    let deaths = [
        ("exit", "The action ended its process with exit status 3."),
        (
            "segv",
            "The action crashed: SIGSEGV (invalid memory reference).",
        ),
        ("kill", "The action crashed: SIGKILL (killed)."),
    ];
    for program in [looped(), mute()] {
        let runner = sent(&program);
        for (ending, sentence) in deaths {
            runner.run(&how(ending)).assert_error(502, sentence);
            assert_eq!(count(&runner).0, 1, "a new process after {ending}");
        }
        runner.until_tree(|tree| tree.len() == 4);
        runner.finish().assert_silent(6);
    }
}

/// It was killed while nobody waited for it: nobody notices.
#[test]
fn killed_between_two_runs() {
    let runner = sent(&looped());
    for _ in 0..5 {
        let (runs, pid) = count(&runner);
        assert_eq!(runs, 1);
        processes::signal(pid, Signal::KILL);
        runner.until_tree(|tree| tree.iter().all(|process| process.pid != pid));
    }
    runner.finish().assert_silent(5);
}

/// Everything about these answers is another run's, or nobody's.
#[track_caller]
fn not_shifted(runner: &Runner, rounds: usize) {
    for round in 0..rounds {
        let value = json!({ "round": round });
        runner.run(&value).assert_ok(&value);
    }
}

#[test]
fn an_answer_too_many() {
    let runner = sent(&looped());
    for _ in 0..10 {
        runner.run(&how("twice")).assert_ok(&how("twice"));
        not_shifted(&runner, 2);
    }
    runner.finish().assert_ended(30);
}

#[test]
fn a_word_from_another_thread() {
    let runner = sent(&looped());
    let gate = Gate::open();
    for _ in 0..5 {
        let value = json!({ "how": "stray", "port": gate.port() });
        runner.run(&value).assert_ok(&value);
        let mut visit = gate.arrival();
        visit.release();
        visit.gone(); // the word is in the pipe
        not_shifted(&runner, 2);
    }
    runner.finish().assert_ended(15);
}

/// The program has not come back from an earlier run: while the next one is in its stdin, begun or whole, it says another
/// word or ends, and never reads it. That run is told to the program that takes its place.
#[test]
fn late_words_and_late_ends() {
    let runner = sent(&looped());
    for late in [
        "then stray",
        "then exit",
        "then half stray",
        "then half exit",
    ] {
        runner.run(&how(late)).assert_ok(&how(late));
        not_shifted(&runner, 3);
    }
    runner.finish().assert_ended(16);
}

/// What a program says instead of "ready" fails the /init, and the next one finds nothing of it.
#[test]
fn not_ready() {
    let runner = Launch::empty().start();
    let init = |ready: &str| Init::library(&looped()).env(json!({ "LOOP_INIT": ready }));
    for (instead, words) in [
        (
            "exit",
            "The action's init failed: The action ended its process with exit status 5.",
        ),
        (
            "abort",
            "The action's init failed: The action crashed: SIGABRT (abort).",
        ),
        (
            "no",
            r#"wrote {"ok":false} to descriptor 3 where it has to say {"ok":true}"#,
        ),
        ("words", "wrote ready when you are to descriptor 3"),
    ] {
        let reply = runner.init(&init(instead));
        reply.assert_names(502, &[words]);
        runner.stderr.until_text(&reply.error());
    }
    runner.init(&init("")).assert_status(200);
    assert_eq!(count(&runner).0, 1);
    runner.until_tree(|tree| tree.len() == 4);
    runner.finish().assert_ended(5);
}

/// One that never says anything is ended with the time that /init has.
#[test]
fn never_ready() {
    let launch = Launch::empty().args(&["--timeout", "300ms", "--grace", "50ms"]);
    let runner = launch.start();
    let init = Init::library(&looped());
    runner
        .init(&init.clone().env(json!({ "LOOP_INIT": "sleep" })))
        .assert_names(
            502,
            &["time limits of 300 milliseconds during initialization"],
        );
    runner.init(&init).assert_status(200);
    runner.until_tree(|tree| tree.len() == 4);
    runner.finish().assert_ended(1);
}

/// As Go's loops do it: nobody has asked, and it is no answer.
#[test]
fn ready_unasked() {
    let runner = sent(&fixtures::program("loop", &["-DUNASKED"]));
    for number in 1..4 {
        assert_eq!(count(&runner).0, number);
    }
    runner.finish().assert_silent(3);
}

/// A loop that will run in one runtime only hears what its compiler wrote down beside it, or what the container says.
#[test]
fn a_runtime_of_its_own() {
    let program = fixtures::program("loop", &["-DRUNTIME=\"some/runtime:1\""]);
    let exec = Entry::file("exec", &std::fs::read(&program).unwrap());
    let written = Entry::file("exec.env", b"some/runtime:1\n");
    let declared = Launch::empty().env("OW_EXECUTION_ENV", "some/runtime:1");
    for (launch, init) in [
        (Launch::empty(), Init::zip(&[exec, written])),
        (declared, Init::library(&program)),
    ] {
        let runner = launch.start();
        runner.init(&init).assert_status(200);
        assert_eq!(count(&runner).0, 1);
        runner.finish().assert_silent(1);
    }
    let runner = Launch::empty().start();
    runner
        .init(&Init::library(&program))
        .assert_names(502, &["exit status 7"]);
}

/// The variables of ActionLoop's proxies make a loop of a program in which nothing shows that it is one.
#[test]
fn declared_by_the_container() {
    let shell = "#!/bin/sh\nwhile read -r line; do printf '%s\\n' \"$line\" >&3; done\n";
    for variable in ["OW_EXECUTION_ENV", "OW_WAIT_FOR_ACK"] {
        let ready = match variable {
            "OW_WAIT_FOR_ACK" => "echo '{\"ok\":true}' >&3\n",
            _ => "",
        };
        let script = shell.replacen('\n', &format!("\n{ready}"), 1);
        let runner = Launch::empty().env(variable, "anything").start();
        runner
            .init(&Init::code(&script))
            .assert_ok(&json!({ "ok": true }));
        let value = json!({ "a": 1 });
        runner.run(&value).assert_ok(&json!({ "value": value }));
        runner.finish().assert_silent(1);
    }
}
