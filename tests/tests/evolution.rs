//! The ABI grows, and libraries of every age are served: one with a copy of version 1.0's types, and what later versions
//! might make of it. The other half, such libraries in a runner whose own types have grown, takes a runner that is
//! compiled for it: actions/matrix/grown.sh.

use black_box::{Init, Runner, fixtures};
use serde_json::{Value, json};

const FROZEN: &str = "actions/faults/frozen";

/// What the library was told.
fn told(features: &[&str]) -> Value {
    let runner = Runner::empty();
    runner
        .init(&Init::library(&fixtures::cargo(FROZEN, features)))
        .assert_status(200);
    let reply = runner.run_with(&json!({}), &json!({ "activation_id": "abc" }));
    let told = reply.assert_status(200).json();
    runner.finish().assert_silent(1);
    told
}

/// Refused, and the sentence names what was found and what is needed.
#[track_caller]
fn refused(feature: &str, words: &[&str]) {
    let runner = Runner::empty();
    let reply = runner.init(&Init::library(&fixtures::cargo(FROZEN, &[feature])));
    reply.assert_names(502, words);
    runner.init(&Init::of("identity")).assert_status(200);
    runner.finish().assert_ended(1);
}

#[test]
fn a_library_of_version_1_0() {
    let told = told(&[]);
    assert_eq!(told["id"], "abc");
    // What was there in 1.0 is there for ever.
    assert!(told["size"].as_u64() >= Some(160), "{told}");
}

#[test]
fn a_library_that_offers_more() {
    assert_eq!(told(&["appended"])["id"], "abc");
}

#[test]
fn a_library_without_a_field() {
    refused(
        "removed",
        &["do not match", "there is describe: ", "where ready: "],
    );
}

#[test]
fn a_library_with_a_field_of_another_type() {
    refused(
        "changed",
        &["do not match", "patience_ms", "where ready: ", "1.0.0"],
    );
}
