//! Group E: what a run is told about itself, by its environment and by value.

use black_box::{Init, Launch, Runner, fixtures};
use serde_json::{Value, json};

/// The `__OW_` variables that one run of the `env` fixture saw.
fn variables(runner: &Runner, metadata: &Value) -> serde_json::Map<String, Value> {
    let seen = runner
        .run_with(&json!({}), metadata)
        .assert_status(200)
        .json();
    let Value::Object(seen) = seen else {
        unreachable!("the fixture returns an object")
    };
    seen.into_iter()
        .filter(|(name, _)| name.starts_with("__OW_"))
        .collect()
}

fn expected(pairs: &[(&str, &str)]) -> serde_json::Map<String, Value> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect()
}

#[test]
fn case_119_metadata_of_each_run() {
    let runner = Runner::with("env");
    for id in ["a", "bb", "", "a much longer id than those before it", "c"] {
        let seen = variables(&runner, &json!({ "activation_id": id, "namespace": "ns" }));
        assert_eq!(
            seen,
            expected(&[("__OW_ACTIVATION_ID", id), ("__OW_NAMESPACE", "ns")])
        );
    }
}

#[test]
fn case_120_deadline_as_string_and_number() {
    let env = Runner::with("env");
    let context = Runner::with("context");
    for deadline in [json!("1795427055123"), json!(1_795_427_055_123_u64)] {
        let metadata = json!({ "deadline": deadline });
        assert_eq!(
            variables(&env, &metadata),
            expected(&[("__OW_DEADLINE", "1795427055123")])
        );
        assert_eq!(
            context.run_with(&json!({}), &metadata).json()["deadline_ms"],
            1_795_427_055_123_u64
        );
    }
    for odd in [
        json!("soon"),
        json!(null),
        json!(-1),
        json!(1.5),
        json!({}),
        json!("99999999999999999999999"),
    ] {
        context
            .run_with(&json!({}), &json!({ "deadline": odd }))
            .assert_status(200);
    }
}

#[test]
fn case_121_unknown_keys() {
    let runner = Runner::with("env");
    let metadata = json!({ "foo": "bar", "some_New_key": "x", "transaction_id": "t" });
    let all = [
        ("__OW_FOO", "bar"),
        ("__OW_SOME_NEW_KEY", "x"),
        ("__OW_TRANSACTION_ID", "t"),
    ];
    assert_eq!(variables(&runner, &metadata), expected(&all));
    // What can be no name of a variable must not end the run.
    runner
        .run_with(
            &json!({}),
            &json!({ "a=b": "x", "": "y", "n\u{0}l": "z", "☃": "snow" }),
        )
        .assert_status(200);
    runner
        .run_with(&json!({}), &json!({ "foo": "x\u{0}y" }))
        .assert_status(200);
    runner.finish().assert_silent(3);
}

#[test]
fn case_122_values_that_are_not_strings() {
    let runner = Runner::with("env");
    let metadata =
        json!({ "n": 5, "b": true, "o": { "x": [1] }, "l": [1, "a"], "activation_id": 7 });
    let all = [
        ("__OW_N", "5"),
        ("__OW_B", "true"),
        ("__OW_O", r#"{"x":[1]}"#),
        ("__OW_L", r#"[1,"a"]"#),
        ("__OW_ACTIVATION_ID", "7"),
    ];
    assert_eq!(variables(&runner, &metadata), expected(&all));
    runner
        .run_with(&json!({}), &json!({ "namespace": null }))
        .assert_status(200);
}

#[test]
fn case_123_to_124_absent_means_unset() {
    let runner = Runner::with("env");
    let full = json!({ "api_key": "k", "namespace": "ns", "activation_id": "a", "deadline": "1", "extra": "e" });
    assert_eq!(variables(&runner, &full).len(), 5);
    assert_eq!(
        variables(&runner, &json!({ "activation_id": "b" })),
        expected(&[("__OW_ACTIVATION_ID", "b")])
    );
    assert_eq!(variables(&runner, &json!({})), expected(&[]));
}

/// The container's own environment: whole, and not touched by runs.
#[test]
fn case_125_environment_of_the_container() {
    let host = "https://host:443/?a=b=c";
    let runner = Launch::empty()
        .env("__OW_API_HOST", host)
        .env("POD_NAME", "pod-1")
        .start();
    runner
        .init(&Init::of("env").env(json!({ "BOUND": "x" })))
        .assert_status(200);
    for _ in 0..2 {
        let seen = runner
            .run_with(&json!({}), &json!({ "api_key": "k" }))
            .json();
        assert_eq!(
            (&seen["__OW_API_HOST"], &seen["POD_NAME"], &seen["BOUND"]),
            (&json!(host), &json!("pod-1"), &json!("x"))
        );
        assert!(seen["PATH"].is_string());
    }
    let context = Launch::empty().env("__OW_API_HOST", host).start();
    context.init(&Init::of("context")).assert_status(200);
    assert_eq!(context.run(&json!({})).json()["api_host"], host);
}

#[test]
fn case_126_web_action_fields() {
    let value = json!({
        "__ow_method": "post", "__ow_headers": { "accept": "*/*" }, "__ow_path": "/a", "__ow_body": "eA==", "__ow_query": "x=1",
    });
    let runner = Runner::with("answer");
    runner.run(&value).assert_ok(&value);
    let result = json!({ "statusCode": 201, "headers": { "x": "y" }, "body": "made" });
    runner.run(&json!({ "kind": "web" })).assert_ok(&result);
    runner.finish().assert_silent(2);
}

#[test]
fn case_127_warm_state() {
    let runner = Runner::with("state");
    for count in 1..=3 {
        runner.run(&json!({})).assert_ok(&json!({ "count": count }));
    }
}

#[test]
fn context_by_value() {
    let runner = Launch::baked(&fixtures::c("context"))
        .env("__OW_API_HOST", "host")
        .start();
    let metadata = json!({
        "activation_id": "a", "transaction_id": "t", "namespace": "n", "action_name": "/n/x", "action_version": "0.0.1",
        "api_key": "k", "deadline": "1795427055123",
    });
    let mut all = metadata.clone();
    all["deadline_ms"] = json!(1_795_427_055_123_u64);
    all.as_object_mut().unwrap().remove("deadline");
    for (key, value) in [
        ("api_host", "host"),
        ("traceparent", ""),
        ("tracestate", ""),
    ] {
        all[key] = json!(value);
    }
    runner.run_with(&json!({}), &metadata).assert_ok(&all);

    let body = json!({ "value": {} }).to_string();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("traceparent", trace), ("tracestate", "a=b")];
    let request = black_box::http::request("POST", "/run", &headers, body.as_bytes());
    let seen = runner.connect().send(&request).reply().json();
    assert_eq!(
        (&seen["traceparent"], &seen["tracestate"]),
        (&json!(trace), &json!("a=b"))
    );
    assert_eq!(
        (&seen["activation_id"], &seen["deadline_ms"]),
        (&json!(""), &json!(0))
    );
}
