//! Knative's single entry point (case 180): `POST /` initialises, runs, or does both.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use black_box::http::request;
use black_box::{Init, Launch, Runner, fixtures};
use serde_json::{Value, json};

fn knative() -> Launch {
    Launch::empty().env("__OW_RUNTIME_PLATFORM", "knative")
}

fn init_of(fixture: &str) -> Value {
    Init::of(fixture).value()["value"].take()
}

fn code_of(fixture: &str) -> String {
    STANDARD.encode(fs::read(fixtures::c(fixture)).unwrap())
}

#[track_caller]
fn post(runner: &Runner, body: &Value) -> black_box::Reply {
    runner.post("/", body.to_string())
}

#[test]
fn case_180_only_where_it_is_asked_for() {
    let body = json!({ "init": init_of("identity"), "activation": {}, "value": {} });
    for runner in [
        Runner::empty(),
        Launch::empty().args(&["--http", "openwhisk"]).start(),
    ] {
        post(&runner, &body).assert_status(404);
    }
    for runner in [
        knative().start(),
        Launch::empty().args(&["--http", "knative"]).start(),
    ] {
        post(&runner, &body).assert_ok(&json!({}));
        let reply = runner
            .connect()
            .send(&request("GET", "/", &[], b""))
            .reply();
        assert_eq!(reply.header("allow"), Some("POST"));
        reply.assert_status(405).error();
    }
}

#[test]
fn both_at_once_and_one_after_the_other() {
    let runner = knative().start();
    let init = init_of("identity");
    let value = json!({ "name": "Alan Turing", "n": 1 });
    let both = json!({ "init": init, "activation": { "action_name": "hello" }, "value": value });
    post(&runner, &both).assert_ok(&value);
    // The same init again: the caller cannot know whether this process has seen it.
    post(&runner, &both).assert_ok(&value);
    post(&runner, &json!({ "activation": {}, "value": value })).assert_ok(&value);
    post(&runner, &json!({ "value": [1, 2] })).assert_ok(&json!([1, 2]));
    post(&runner, &json!({ "activation": {} })).assert_ok(&json!({}));
    runner.finish().assert_silent(5);
}

#[test]
fn init_alone() {
    let runner = knative().start();
    let early = post(&runner, &json!({ "activation": {}, "value": {} }));
    early.assert_error(500, "no action defined yet");
    post(&runner, &json!({ "init": {} })).assert_error(403, "Missing main/no code to execute.");
    post(&runner, &json!({ "init": init_of("state") })).assert_ok(&json!({ "ok": true }));
    post(&runner, &json!({ "value": {} })).assert_ok(&json!({ "count": 1 }));
    // Other code, by either way: not silently dropped, and not run.
    let twice = "Cannot initialize the action more than once.";
    let other = json!({ "init": init_of("identity"), "value": {} });
    post(&runner, &other).assert_error(403, twice);
    runner.init(&Init::of("identity")).assert_error(403, twice);
    runner.run(&json!({})).assert_ok(&json!({ "count": 2 }));
}

#[test]
fn init_by_the_other_entry() {
    let runner = knative().start();
    runner.init(&Init::of("state")).assert_status(200);
    post(&runner, &json!({ "value": {} })).assert_ok(&json!({ "count": 1 }));
    post(&runner, &json!({ "init": init_of("state"), "value": {} })).assert_status(403);
    runner.run(&json!({})).assert_ok(&json!({ "count": 2 }));
}

#[test]
fn what_cannot_be_initialised_is_not_run() {
    let runner = knative().start();
    let bad = json!({ "init": { "code": STANDARD.encode("rubbish") }, "value": {} });
    post(&runner, &bad).assert_status(502).error();
    post(&runner, &json!({ "init": { "code": 5 }, "value": {} }))
        .assert_names(400, &["code", "number"]);
    post(&runner, &json!({ "init": 5, "value": {} })).assert_names(400, &["init", "number"]);
    post(&runner, &json!({ "activation": 5 })).assert_names(400, &["activation", "number"]);
    post(&runner, &json!([])).assert_names(400, &["array"]);
    runner.post("/", "{bad").assert_names(400, &["JSON"]);
    let scalar = json!({ "init": init_of("state"), "value": 5 });
    let sentence = "The action did not receive a dictionary or array as an argument.";
    post(&runner, &scalar).assert_error(404, sentence);
    post(&runner, &json!({ "value": {} })).assert_ok(&json!({ "count": 1 }));
    runner.finish().assert_ended(8);
}

#[test]
fn activation_is_the_context() {
    let runner = knative().start();
    let init = init_of("context").as_object().unwrap().clone();
    let mut init = Value::Object(init);
    init["name"] = json!("greeter");
    let activation = json!({ "activation_id": "a1", "namespace": "ns", "transaction_id": "t",
        "api_host": "h", "api_key": "k", "deadline": 1_000_000 });
    let reply = post(
        &runner,
        &json!({ "init": init, "activation": activation, "value": {} }),
    );
    let context = reply.assert_status(200).json();
    for (name, value) in [
        ("activation_id", "a1"),
        ("namespace", "ns"),
        ("action_name", "greeter"),
    ] {
        assert_eq!(context[name], value, "{context}");
    }
}

#[test]
fn a_library_from_the_start_needs_no_init() {
    let library = fixtures::c("identity");
    let runner = Launch::baked(&library).args(&["--http", "knative"]).start();
    post(&runner, &json!({ "activation": {}, "value": { "a": 1 } })).assert_ok(&json!({ "a": 1 }));
    runner.post("/", "").assert_ok(&json!({}));
}

#[test]
fn code_from_the_environment() {
    let runner = knative()
        .env("__OW_ACTION_CODE", &code_of("state"))
        .env("__OW_ACTION_MAIN", "main")
        .env("__OW_ACTION_BINARY", "true")
        .env("__OW_ACTION_NAME", "counter")
        .start();
    let refused = json!({ "init": init_of("identity"), "activation": {}, "value": {} });
    post(&runner, &refused).assert_error(
        403,
        "Cannot initialize a runtime with a dedicated function.",
    );
    post(&runner, &json!({ "activation": {}, "value": {} })).assert_ok(&json!({ "count": 1 }));
    runner.post("/", "{}").assert_ok(&json!({ "count": 2 }));
    runner.init(&Init::of("identity")).assert_error(
        403,
        "Cannot initialize a runtime with a dedicated function.",
    );
    runner.post("/run", "{}").assert_ok(&json!({ "count": 3 }));
    let by_run = knative().env("__OW_ACTION_CODE", &code_of("state")).start();
    by_run.post("/run", "{}").assert_ok(&json!({ "count": 1 }));
    let broken = knative().env("__OW_ACTION_CODE", "AAAA").start();
    broken
        .init(&Init::of("identity"))
        .assert_status(403)
        .error();
    post(&broken, &json!({ "value": {} }))
        .assert_status(502)
        .error();
}

#[test]
fn raw_actions_get_the_request() {
    let by_init = || {
        let runner = knative().start();
        let mut init = init_of("identity");
        init["raw"] = json!(true);
        post(&runner, &json!({ "init": init })).assert_status(200);
        runner
    };
    let by_environment = || {
        knative()
            .env("__OW_ACTION_CODE", &code_of("identity"))
            .env("__OW_ACTION_RAW", "true")
            .start()
    };
    for runner in [by_init(), by_environment()] {
        let body = json!({ "activation": { "namespace": "ns" }, "value": { "a": 1 } }).to_string();
        let sent = request("POST", "/?q=1", &[("X-Some", "Thing")], body.as_bytes());
        let got = runner
            .connect()
            .send(&sent)
            .reply()
            .assert_status(200)
            .json();
        assert_eq!(got["__ow_method"], "post");
        assert_eq!(got["__ow_headers"]["x-some"], "Thing");
        assert_eq!(got["__ow_query"], "q=1");
        assert_eq!(got["__ow_user"], "ns");
        assert_eq!(got["__ow_body"], STANDARD.encode(r#"{"a":1}"#));
        let text = post(&runner, &json!({ "value": "text" })).json();
        assert_eq!(text["__ow_body"], "text");
    }
}

#[test]
fn results_may_be_http_answers() {
    let runner = knative().start();
    let value = json!({ "statusCode": 418, "headers": { "x-a": "b" }, "body": { "tea": true } });
    let reply = post(
        &runner,
        &json!({ "init": init_of("identity"), "value": value }),
    );
    reply.assert_status(418);
    assert_eq!(reply.json(), json!({ "tea": true }));
    assert_eq!(reply.header("x-a"), Some("b"));
    // An ordinary error is an answer, as with /run.
    post(&runner, &json!({ "value": { "error": "sorry" } })).assert_error(200, "sorry");
}

#[test]
fn many_first_requests_at_once() {
    let runner = knative().args(&["--workers", "2"]).start();
    let init = init_of("identity");
    black_box::at_once(8, |caller| {
        let value = json!({ "caller": caller });
        let body = json!({ "init": init, "activation": {}, "value": value });
        post(&runner, &body).assert_ok(&value);
    });
    runner.finish().assert_silent(8);
}
