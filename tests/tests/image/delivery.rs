//! How a library gets into a container: baked with two lines, uploaded raw or zipped; and what is said when it does not fit.

use black_box::{Entry, Init, fixtures};
use serde_json::json;

use crate::engine::{self, Container, HOSTS, Host, RUNNER, RUNNER_CC, baked, docker};

#[test]
fn two_lines_make_an_image() {
    if !engine::answers() {
        return;
    }
    let image = baked("reverse", &fixtures::reverse_rust());
    for host in HOSTS {
        let container = Container::start(host, &image);
        container
            .init_without_code()
            .assert_ok(&json!({ "ok": true }));
        let answer = json!({ "reversed": "❄cba" });
        container
            .run(&json!({ "payload": "abc❄" }))
            .assert_ok(&answer);
        container.finish().assert_silent(1);
    }
}

#[test]
fn a_baked_library_runs_without_init() {
    if !engine::answers() {
        return;
    }
    let container = Container::start(Host::Invoker, &baked("reverse", &fixtures::reverse_rust()));
    container
        .run(&json!({ "payload": "abc" }))
        .assert_ok(&json!({ "reversed": "cba" }));
}

/// What changes with the action is one layer, of the action's size.
#[test]
fn actions_share_the_layers_of_the_runner() {
    if !engine::answers() {
        return;
    }
    let layers = |image: &str| -> Vec<String> {
        let text = docker(&[
            "image",
            "inspect",
            "--format",
            "{{json .RootFS.Layers}}",
            image,
        ]);
        serde_json::from_str(&text).unwrap()
    };
    let runner = layers(RUNNER);
    let images = [
        baked("reverse", &fixtures::reverse_rust()),
        baked("echo", &fixtures::c("echo")),
    ];
    for image in &images {
        let own = layers(image);
        assert_eq!(own[..runner.len()], runner);
        assert_eq!(own.len(), runner.len() + 1, "{image}");
    }
}

#[test]
fn an_archive_with_a_companion_file() {
    if !engine::answers() {
        return;
    }
    let library = std::fs::read(fixtures::c("cwd")).unwrap();
    let archive = Init::zip(&[
        Entry::file("libaction.so", &library),
        Entry::file("data.txt", b"beside"),
    ]);
    for host in HOSTS {
        let container = Container::start(host, RUNNER);
        container.init(&archive).assert_ok(&json!({ "ok": true }));
        assert_eq!(container.run(&json!({})).json()["data"], "beside");
        container.finish().assert_silent(1);
    }
}

#[test]
fn what_does_not_fit_is_named() {
    if !engine::answers() {
        return;
    }
    let machines = ["aarch64", "x86"];
    let cases = [
        (fixtures::wrong_machine(), &machines[..]),
        (fixtures::future_libc(), &["GLIBC_2.99", "glibc 2.36"]),
        (fixtures::missing_dependency(), &["libgone.so.1"]),
    ];
    for (library, words) in cases {
        let container = Container::start(Host::Invoker, RUNNER);
        container
            .init(&Init::library(&library))
            .assert_names(502, words);
        container.finish().assert_ended(1);
    }
}

#[test]
fn what_is_baked_and_does_not_fit_is_named_at_init() {
    if !engine::answers() {
        return;
    }
    let text = engine::project("actions/reverse/rust/Cargo.toml");
    let container = Container::start(Host::Invoker, &baked("text", &text));
    container
        .init_without_code()
        .assert_names(502, &["/action/libaction.so"]);
}

#[test]
fn cpp_needs_the_tag_that_has_its_library() {
    if !engine::answers() {
        return;
    }
    let library = fixtures::c_with("identity", &["-Wl,--no-as-needed", "-lstdc++"]);
    let small = Container::start(Host::Invoker, RUNNER);
    small
        .init(&Init::library(&library))
        .assert_names(502, &["libstdc++.so.6", RUNNER_CC]);
    let large = Container::start(Host::Hardened, RUNNER_CC);
    large
        .init(&Init::library(&library))
        .assert_ok(&json!({ "ok": true }));
    large.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
}

#[test]
fn containers_of_one_image_are_independent() {
    if !engine::answers() {
        return;
    }
    let (echo, answer) = (
        Container::with(Host::Invoker, "echo"),
        Container::with(Host::Invoker, "answer"),
    );
    answer
        .run(&json!({ "kind": "arr" }))
        .assert_ok(&json!(["a", "b"]));
    echo.run(&json!({ "kind": "arr" }))
        .assert_ok(&json!({ "kind": "arr" }));
}
