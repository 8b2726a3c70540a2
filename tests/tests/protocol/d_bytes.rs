//! Group D, second half: the bytes of a run: fidelity, depth, layout and sizes.

use black_box::Runner;
use serde_json::{Value, json};

/// A large request or answer that comes back as it went.
#[track_caller]
fn same_bytes(runner: &Runner, value: &str) {
    let reply = runner.post("/run", format!("{{\"value\":{value}}}"));
    let shown: String = value.chars().take(60).collect();
    assert_eq!(reply.status, 200, "{shown}: {reply}");
    assert!(
        reply.body == value.as_bytes(),
        "{shown} came back as {reply}"
    );
}

#[test]
fn case_107_to_109_byte_fidelity() {
    let runner = Runner::with("identity");
    let values = [
        r#"{"b":1,"a":2,"b":3}"#,
        r#"{"n":[1.0,1e3,1E+2,-0,0.10,12345678901234567890,12345678901234567890123,1e999,0.1]}"#,
        r#"{"s":"\ud800","t":"\udc00\ud800"}"#,
        r#"{"s":"\u0000\n\u2028\u2029\/","é":"☃"}"#,
        "{\"raw\":\"\u{2028}\u{7f}\u{fffd}\u{10ffff}\"}",
        r#"{"":{},"error":1}"#,
    ];
    for value in values {
        same_bytes(&runner, value);
    }
    runner.finish().assert_silent(values.len());
}

#[test]
fn case_110_to_111_depth() {
    let runner = Runner::with("identity");
    for depth in [900, 5000, 100_000] {
        same_bytes(
            &runner,
            &format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth)),
        );
        same_bytes(
            &runner,
            &format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)),
        );
    }
    let reply = runner.post("/run", format!("{{\"value\":{}", "[".repeat(100_000)));
    reply.assert_status(400);
    runner.finish().assert_silent(7);
}

#[test]
fn case_112_layout_of_the_request() {
    let runner = Runner::with("identity");
    let bodies = [
        "{\n  \"value\" : {\n    \"a\": 1\n  }\n}\n",
        "\u{feff}{\"value\":{\"a\":1}}",
        "\r\n\t {\"value\":{\"a\":1}}",
        r#"{"value":{"a":1}}"#,
        r#"{"action_name":"x","value":{"a":1},"zzz":[{"value":2}]}"#,
    ];
    for body in bodies {
        runner.post("/run", body).assert_ok(&json!({ "a": 1 }));
    }
    runner.finish().assert_silent(bodies.len());
}

#[test]
fn case_113_value_given_twice() {
    let runner = Runner::with("identity");
    runner
        .post("/run", r#"{"value":{"a":1},"value":{"a":2}}"#)
        .assert_ok(&json!({ "a": 2 }));
}

#[test]
fn case_114_to_116_sizes() {
    let runner = Runner::with("identity");
    let keys: Vec<_> = (0..20_000)
        .map(|index| format!("\"key{index}\":{index}"))
        .collect();
    same_bytes(&runner, &format!("{{{}}}", keys.join(",")));
    same_bytes(&runner, &format!("[{}1]", "1234567,".repeat(131_072)));
    let edges = [131_070, 131_071, 131_072, 131_073, 5 << 20, 40 << 20];
    for length in edges {
        same_bytes(
            &runner,
            &format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8)),
        );
    }
    runner.finish().assert_silent(2 + edges.len());
}

#[test]
fn case_117_to_118_large_results() {
    let runner = Runner::with("bigout");
    for length in [1_048_576, 1_048_577, 100 << 20] {
        let reply = runner.run(&json!({ "n": length }));
        assert_eq!((reply.status, reply.body.len()), (200, length));
    }
    runner
        .run(&json!({ "n": 8 }))
        .assert_ok(&json!({ "s": "" }));
    runner.finish().assert_silent(4);
}

#[test]
fn results_that_only_an_invoker_could_misread() {
    let runner = Runner::with("answer");
    let web = json!({ "statusCode": 201, "headers": { "x": "y" }, "body": "made" });
    assert_eq!(
        runner
            .run(&json!({ "kind": "web" }))
            .assert_status(200)
            .json(),
        web
    );
    assert_eq!(
        runner
            .run(&json!({ "error": Value::Null }))
            .assert_status(200)
            .json(),
        json!({ "error": null })
    );
}
