//! Group F: the action's output, and where each activation ends in it.

use std::fs::{self, File};

use black_box::{Gate, Init, Launch, Runner, SENTINEL, fixtures};
use serde_json::json;

/// What a stream holds after its runs, each of which printed `output`.
fn stream(output: &str, runs: usize) -> String {
    format!("{output}{SENTINEL}\n").repeat(runs)
}

/// stdout is a file here: what is in it when the answer has arrived is all that was written before the answer.
#[test]
fn case_128_sentinels_come_before_the_answer() {
    let path = std::env::temp_dir().join(format!("black-box-stdout-{}", std::process::id()));
    let runner = Launch::baked(&fixtures::c("echo")).start_into(File::create(&path).unwrap());
    for runs in 1..=20 {
        runner.run(&json!({})).assert_status(200);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            stream("hello stdout\n", runs)
        );
    }
    let logs = runner.finish();
    assert_eq!(
        String::from_utf8_lossy(&logs.stderr),
        stream("hello stderr\n", 20)
    );
    fs::remove_file(path).unwrap();
}

#[test]
fn case_129_one_pair_for_each_run_whatever_its_answer() {
    let runner = Runner::with("answer");
    for body in [
        "{}",
        "{bad",
        r#"{"value":5}"#,
        r#"{"value":{"kind":"num"}}"#,
        r#"{"value":{"kind":"sorry"}}"#,
        "[1]",
    ] {
        runner.post("/run", body);
    }
    runner.finish().assert_silent(6);
}

#[test]
fn case_130_none_for_anything_else() {
    let runner = Runner::with("echo");
    runner.init(&Init::of("echo")).assert_status(403);
    runner.post("/other", "{}").assert_status(404);
    let get = black_box::http::request("GET", "/run", &[], b"");
    runner.connect().send(&get).reply().assert_status(405);
    runner.finish().assert_ended(0);
}

#[test]
fn case_131_failed_init() {
    for (init, status) in [
        (Init::code("!!!!").binary(true), 400),
        (Init::of("noabi"), 502),
        (Init::zip(&[]), 502),
    ] {
        let runner = Runner::empty();
        let text = runner.init(&init).assert_status(status).error();
        let logs = runner.finish();
        logs.assert_ended(1);
        assert_eq!(logs.out(), "");
        assert!(
            status == 400 || logs.err().contains(&text),
            "{}",
            logs.err()
        );
    }
}

#[test]
fn case_132_output_without_newline() {
    let runner = Runner::with("nonl");
    for _ in 0..3 {
        runner.run(&json!({})).assert_ok(&json!({}));
    }
    let logs = runner.finish();
    assert_eq!(
        String::from_utf8_lossy(&logs.stdout),
        stream("no newline\n", 3)
    );
    assert_eq!(
        String::from_utf8_lossy(&logs.stderr),
        stream("no newline\n", 3)
    );
}

#[test]
fn case_132_rust_output_without_newline() {
    let runner = Runner::empty();
    runner
        .init(&Init::library(&fixtures::rust()).main("log"))
        .assert_status(200);
    runner.run(&json!({})).assert_ok(&json!({}));
    let logs = runner.finish();
    assert_eq!(
        String::from_utf8_lossy(&logs.stdout),
        stream("out without newline\n", 1)
    );
    assert_eq!(
        String::from_utf8_lossy(&logs.stderr),
        stream("err without newline\n", 1)
    );
}

#[test]
fn case_133_no_blank_line() {
    let runner = Runner::with("echo");
    runner.run(&json!({})).assert_status(200);
    let logs = runner.finish();
    assert_eq!(
        String::from_utf8_lossy(&logs.stdout),
        stream("hello stdout\n", 1)
    );
    assert_eq!(
        String::from_utf8_lossy(&logs.stderr),
        stream("hello stderr\n", 1)
    );
}

#[test]
fn case_134_long_lines_and_many() {
    let (million, ten) = (1 << 20, 10 << 20);
    let runner = Runner::with("flood");
    runner
        .run(&json!({ "bytes": million, "line": million }))
        .assert_status(200);
    runner
        .run(&json!({ "bytes": ten, "line": 64 }))
        .assert_status(200);
    let logs = runner.finish();
    for text in [&logs.stdout, &logs.stderr] {
        assert_eq!(text.len(), million + ten + 2 * (SENTINEL.len() + 1));
        assert!(text.ends_with(format!("x\n{SENTINEL}\n").as_bytes()));
    }
    logs.assert_ended(2);
}

#[test]
fn case_135_bytes_that_are_no_text() {
    let bytes: Vec<u8> = (0..=255).collect();
    let runner = Runner::with("binary");
    runner.run(&json!({})).assert_status(200);
    let logs = runner.finish();
    let expected = [&bytes[..], b"\n", SENTINEL.as_bytes(), b"\n"].concat();
    for text in [&logs.stdout, &logs.stderr] {
        assert_eq!(
            text.escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
    }
}

/// 136 is `case_132`: C's printf, not flushed. Here: write(2), past every buffer.
#[test]
fn case_137_raw_writes() {
    let runner = Runner::with("rawwrite");
    runner.run(&json!({})).assert_status(200);
    runner.run(&json!({ "newline": 1 })).assert_status(200);
    let logs = runner.finish();
    assert_eq!(String::from_utf8_lossy(&logs.stdout), stream("out\n", 2));
    assert_eq!(String::from_utf8_lossy(&logs.stderr), stream("err\n", 2));
}

/// A thread that prints after its run has ended: its words appear, and no sentinel is harmed or shares a line with them.
#[test]
fn case_138_output_from_a_thread_of_the_action() {
    let runner = Runner::with("thread");
    let gate = Gate::open();
    runner
        .run(&json!({ "port": gate.port() }))
        .assert_ok(&json!({}));
    let mut visit = gate.arrival();
    runner.stdout.until_sentinels(1);
    visit.release();
    visit.gone();
    runner.run(&json!({})).assert_ok(&json!({}));
    let logs = runner.finish();
    logs.assert_ended(2);
    assert_eq!(
        (logs.out().as_str(), logs.err().as_str()),
        ("late line", "late half line")
    );
}

/// Descriptors 1 and 2 closed or led elsewhere by the action: the log is still ended, on both streams.
#[test]
fn case_139_redirected_streams() {
    for how in ["dup2", "close", "closeboth"] {
        let runner = Runner::with("redirect");
        for _ in 0..3 {
            runner.run(&json!({ "how": how })).assert_ok(&json!({}));
        }
        let logs = runner.finish();
        logs.assert_ended(3);
        assert!(logs.out().starts_with("before"), "{how}: {}", logs.out());
    }
}

#[test]
fn case_140_to_141_nothing_of_the_runners_own() {
    let runner = Runner::with("identity");
    for round in 0..10 {
        runner.run(&json!({ "secret": round })).assert_status(200);
    }
    let logs = runner.finish();
    assert_eq!(String::from_utf8_lossy(&logs.stdout), stream("", 10));
    assert_eq!(String::from_utf8_lossy(&logs.stderr), stream("", 10));
}

#[test]
fn sentinels_switched_off() {
    let runner = Launch::baked(&fixtures::c("echo"))
        .args(&["--sentinels", "off"])
        .start();
    runner.run(&json!({})).assert_status(200);
    runner.post("/run", "{bad").assert_status(400);
    let logs = runner.finish();
    logs.assert_ended(0);
    assert_eq!(String::from_utf8_lossy(&logs.stdout), "hello stdout\n");
    assert_eq!(String::from_utf8_lossy(&logs.stderr), "hello stderr\n");
}

/// A forged sentinel cuts its own activation's log short, no other's: ours still follows.
#[test]
fn forged_sentinel() {
    let runner = Runner::with("printer");
    runner
        .run(&json!({ "text": SENTINEL }))
        .assert_ok(&json!({}));
    runner
        .run(&json!({ "text": "honest" }))
        .assert_ok(&json!({}));
    let logs = runner.finish();
    assert_eq!(
        String::from_utf8_lossy(&logs.stdout),
        format!("{SENTINEL}\n{SENTINEL}\nhonest\n{SENTINEL}\n")
    );
}
