//! Group B, second half: large code, and the environment that comes with `/init`.

use black_box::{Entry, Init, Launch, Runner, fixtures};
use serde_json::json;

/// Bytes that do not compress, so that nothing along the way gets smaller by chance.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

#[test]
fn case_046_code_of_40_megabytes() {
    let library = std::fs::read(fixtures::c("identity")).unwrap();
    let padding = noise(30 << 20);
    let init = Init::zip(&[
        Entry::file("libaction.so", &library),
        Entry::file("padding", &padding),
    ]);
    let runner = Runner::empty();
    assert!(init.body().len() > 41_000_000);
    runner.init(&init).assert_status(200);
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_silent(1);
}

#[test]
fn case_047_body_over_the_limit() {
    let runner = Runner::empty();
    let body = Init::code(&"A".repeat(65 << 20)).body();
    let reply = runner.post("/init", &body);
    assert!(matches!(reply.status, 400 | 413), "{reply}");
    assert!(!reply.error().is_empty());
    runner.init(&Init::of("identity")).assert_status(200);

    let small = Launch::empty().arg("--max-body").arg("1MiB").start();
    let reply = small.post("/init", &body[..2 << 20]);
    assert_eq!(reply.status, 413, "{reply}");
    small.post("/init", "{}").assert_status(403);
}

#[test]
fn case_048_code_of_500_kilobytes() {
    let library = std::fs::read(fixtures::c("identity")).unwrap();
    let runner = Runner::empty();
    let init = Init::zip(&[
        Entry::file("libaction.so", &library),
        Entry::deflated("data", &noise(375_000)),
    ]);
    runner.init(&init).assert_status(200);
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_silent(1);
}

#[test]
fn case_049_types_of_init_variables() {
    let env = json!({ "A": "s", "N": 5, "O": { "x": 1 }, "L": [1], "B": true, "Z": null, "E": "" });
    let runner = Runner::empty();
    runner
        .init(&Init::of("envinit").env(env))
        .assert_status(200);
    let seen = runner.run(&json!({})).json();
    for (name, value) in [
        ("A", "s"),
        ("N", "5"),
        ("O", r#"{"x":1}"#),
        ("L", "[1]"),
        ("B", "true"),
        ("Z", ""),
        ("E", ""),
    ] {
        assert_eq!(seen[name], value, "{name}");
    }
}

/// Names and values that are unusual, but possible.
#[test]
fn case_050_unusual_variables() {
    let long = "v".repeat(100_000);
    let env = json!({
        "with-dash.and.dot": "1", "☃": "❄", "lower case": "spaces", "LINES": "a\nb\r\n\tc", "LONG": long, "EQUALS": "a=b=c",
        "N": 12_345_678_901_234_567_890_u64,
    });
    let runner = Runner::empty();
    runner
        .init(&Init::of("envinit").env(env.clone()))
        .assert_status(200);
    let seen = runner.run(&json!({})).json();
    for (name, value) in env.as_object().unwrap() {
        let expected = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(seen[name], expected, "{name}");
    }
}

#[test]
fn case_051_activation_variables_at_init() {
    let env = json!({ "__OW_ACTION_NAME": "/ns/hello", "__OW_NAMESPACE": "ns", "__OW_ACTIVATION_ID": "first" });
    let baked = Launch::baked(&fixtures::c("envinit")).start();
    baked
        .init(&Init::code("").env(env.clone()))
        .assert_status(200);

    let runner = Runner::empty();
    runner
        .init(&Init::of("envinit").env(env.clone()))
        .assert_status(200);
    let seen = runner
        .run_with(&json!({}), &json!({ "activation_id": "second" }))
        .json();
    for (name, value) in env.as_object().unwrap() {
        assert_eq!(&seen[name], value, "{name}");
    }
}

/// What an action asks for is what it gets: the runner neither filters nor starts anything anew.
#[test]
fn case_052_variables_of_the_loader() {
    let env = json!({ "PATH": "/nowhere", "LD_PRELOAD": "/nowhere/lib.so", "LD_LIBRARY_PATH": "/nowhere" });
    let runner = Runner::empty();
    runner
        .init(&Init::of("envinit").env(env.clone()))
        .assert_status(200);
    let seen = runner.run(&json!({})).json();
    for (name, value) in env.as_object().unwrap() {
        assert_eq!(&seen[name], value, "{name}");
    }
    runner.finish().assert_silent(1);
}
