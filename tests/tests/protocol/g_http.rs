//! Group G: HTTP itself, on raw sockets: what is accepted, and the form of every answer.

use black_box::http::{chunked, request};
use black_box::{Init, Launch, Reply, Runner, fixtures};
use serde_json::{Value, json};

const RUN: &[u8] = br#"{"value":{"a":1}}"#;

fn value() -> Value {
    json!({ "a": 1 })
}

/// Sends bytes on a connection of their own; the answer.
#[track_caller]
fn raw(runner: &Runner, bytes: &[u8]) -> Reply {
    let reply = runner.connect().send(bytes).reply();
    reply.assert_framing();
    reply
}

#[test]
fn case_142_the_invokers_header_block() {
    let runner = Runner::with("identity");
    let head = "POST /run HTTP/1.1\r\nAccept: application/json\r\nContent-Length: 17\r\nContent-Type: application/json\r\n\
        Host: 127.0.0.1:8080\r\nConnection: Keep-Alive\r\nUser-Agent: Apache-HttpClient/4.5.14 (Java/17.0.9)\r\n\
        Accept-Encoding: gzip,deflate\r\n\r\n";
    raw(&runner, &[head.as_bytes(), RUN].concat()).assert_ok(&value());
}

#[test]
fn case_143_to_144_form_of_every_answer() {
    let runner = Runner::empty();
    let long = "x".repeat(4000);
    let gzip = [("Accept-Encoding", "gzip,deflate,br")];
    let posts: &[(&str, &str, &[u16])] = &[
        ("/run", "{}", &[500]),
        ("/init", "{}", &[403]),
        ("/init", "{bad", &[400]),
        (
            "/init",
            r#"{"value":{"code":"AAAA","binary":true}}"#,
            &[502],
        ),
        ("/nowhere", "{}", &[404]),
    ];
    for (path, body, statuses) in posts {
        let reply = raw(&runner, &request("POST", path, &gzip, body.as_bytes()));
        assert!(statuses.contains(&reply.status), "{path} {body}: {reply}");
    }
    runner.init(&Init::of("answer")).assert_status(200);
    let runs = [
        (json!({ "kind": "object" }), 200),
        (json!({ "kind": "num" }), 502),
        (json!(5), 404),
        (json!({ "text": long }), 200),
    ];
    for (value, status) in runs {
        let body = json!({ "value": value }).to_string();
        raw(&runner, &request("POST", "/run", &gzip, body.as_bytes())).assert_status(status);
    }
    raw(&runner, &request("GET", "/run", &gzip, b"")).assert_status(405);
}

#[test]
fn case_145_keep_alive() {
    let runner = Runner::with("identity");
    let mut connection = runner.connect();
    for number in 0..100 {
        let value = json!({ "number": number });
        connection
            .post("/run", json!({ "value": value }).to_string().as_bytes())
            .assert_ok(&value);
    }
    runner.finish().assert_silent(100);
}

#[test]
fn case_146_a_thousand_connections_and_few_descriptors() {
    let runner = Launch::baked(&fixtures::c("identity"))
        .ulimit("-n 128")
        .start();
    for _ in 0..1000 {
        runner.post("/run", RUN).assert_ok(&value());
    }
    runner.finish().assert_silent(1000);
}

#[test]
fn case_147_pipelining() {
    let runner = Runner::with("identity");
    let mut connection = runner.connect();
    let bodies: Vec<_> = (0..5)
        .map(|number| json!({ "value": { "number": number } }).to_string())
        .collect();
    let all: Vec<u8> = bodies
        .iter()
        .flat_map(|body| request("POST", "/run", &[], body.as_bytes()))
        .collect();
    connection.send(&all);
    for number in 0..5 {
        connection.reply().assert_ok(&json!({ "number": number }));
    }
    runner.finish().assert_silent(5);
}

#[test]
fn case_148_http_1_0_and_connection_close() {
    let runner = Runner::with("identity");
    for head in [
        "POST /run HTTP/1.0\r\nContent-Length: 17\r\n\r\n",
        "POST /run HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 17\r\n\r\n",
    ] {
        let mut connection = runner.connect();
        connection
            .send(&[head.as_bytes(), RUN].concat())
            .reply()
            .assert_ok(&value())
            .assert_framing();
        assert!(connection.closed(), "still open after: {head}");
    }
    let mut kept = runner.connect();
    let head = b"POST /run HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 17\r\n\r\n";
    kept.send(&[head, RUN].concat()).reply().assert_ok(&value());
}

#[test]
fn case_149_chunked_requests() {
    let runner = Runner::empty();
    let init = Init::of("identity").body();
    raw(&runner, &chunked("/init", &init, 1000)).assert_status(200);
    for size in [1, 7, 65536] {
        raw(&runner, &chunked("/run", RUN, size)).assert_ok(&value());
    }
}

/// The interim answer comes before the client has sent a byte of the body: this client waits for it.
#[test]
fn case_150_expect_100_continue() {
    let runner = Runner::with("identity");
    let value = json!({ "a": "x".repeat(2 << 20) });
    let body = json!({ "value": value }).to_string();
    let head = format!(
        "POST /run HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = runner.connect();
    connection.send(head.as_bytes());
    connection.interim().unwrap();
    let reply = connection.send(body.as_bytes()).reply();
    reply.assert_ok(&value);
}

#[test]
fn case_151_content_types() {
    let runner = Runner::with("identity");
    raw(&runner, &request("POST", "/run", &[], RUN)).assert_ok(&value());
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-8",
        "nonsense",
        "",
    ] {
        raw(
            &runner,
            &request("POST", "/run", &[("Content-Type", kind)], RUN),
        )
        .assert_ok(&value());
    }
}

#[test]
fn case_152_compressed_request() {
    let runner = Runner::with("state");
    let gzip = request(
        "POST",
        "/run",
        &[("Content-Encoding", "gzip")],
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0",
    );
    let reply = raw(&runner, &gzip);
    assert!(matches!(reply.status, 400 | 415), "{reply}");
    runner.run(&json!({})).assert_ok(&json!({ "count": 1 }));
}

#[test]
fn case_153_other_methods() {
    for path in ["/run", "/init"] {
        let runner = Runner::with("state");
        for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"] {
            let reply = raw(&runner, &request(method, path, &[], b""));
            assert_eq!(
                reply.header("allow"),
                Some("POST"),
                "{method} {path}: {reply}"
            );
            reply.assert_status(405).error();
        }
        let mut connection = runner.connect();
        let head = connection
            .send(&request("HEAD", path, &[], b""))
            .reply_to_head();
        head.assert_status(405);
        // A body after all would be taken for the start of the next answer.
        connection
            .post("/run", b"{}")
            .assert_ok(&json!({ "count": 1 }));
        runner.finish().assert_silent(1);
    }
}

#[test]
fn case_154_other_paths() {
    let runner = Runner::with("state");
    for path in [
        "/",
        "/run/",
        "/RUN",
        "//run",
        "/runs",
        "/init/",
        "/%72un",
        "/run/init",
        "/?/run",
        "/.",
        "/healthz",
    ] {
        raw(&runner, &request("POST", path, &[], RUN))
            .assert_status(404)
            .error();
        raw(&runner, &request("GET", path, &[], b""))
            .assert_status(404)
            .error();
    }
    runner.run(&json!({})).assert_ok(&json!({ "count": 1 }));
    runner.finish().assert_silent(1);
}

#[test]
fn case_155_to_156_query_and_host() {
    let runner = Runner::with("identity");
    for start in [
        "POST /run?x=1 HTTP/1.1\r\nHost: x\r\n",
        "POST /run?a=/init HTTP/1.1\r\nHost: x\r\n",
        "POST /run HTTP/1.1\r\n",
        "POST /run HTTP/1.1\r\nHost:\r\n",
        "POST http://somewhere/run HTTP/1.1\r\nHost: somewhere\r\n",
    ] {
        let reply = raw(
            &runner,
            &[start.as_bytes(), b"Content-Length: 17\r\n\r\n", RUN].concat(),
        );
        assert_eq!(reply.status, 200, "{start}: {reply}");
    }
}

#[test]
fn case_162_addresses() {
    let library = fixtures::c("identity");
    for any in ["0.0.0.0:0", "[::]:0"] {
        let mut runner = Launch::baked(&library).listen(any).start();
        runner.address.set_ip([127, 0, 0, 1].into());
        runner.post("/run", RUN).assert_ok(&value());
    }
    // The same port again at once, though connections of its last owner linger.
    let first = Launch::baked(&library).start();
    let address = first.address.to_string();
    let mut open = first.connect();
    open.post("/run", RUN).assert_ok(&value());
    first.finish();
    let second = Launch::baked(&library).listen(&address).start();
    second.post("/run", RUN).assert_ok(&value());
}
