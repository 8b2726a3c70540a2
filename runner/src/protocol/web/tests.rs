use super::*;

fn answer(result: &str) -> WebAnswer {
    into_http(Answer::ok(Bytes::copy_from_slice(result.as_bytes())), 500)
}

fn header<'a>(answer: &'a WebAnswer, name: &str) -> Vec<&'a str> {
    let of_name = answer.headers.iter().filter(|(key, _)| key == name);
    of_name.map(|(_, value)| value.as_str()).collect()
}

#[track_caller]
fn expect(result: &str, status: u16, kind: &str, body: &[u8]) {
    let answer = answer(result);
    let kinds = if kind.is_empty() { vec![] } else { vec![kind] };
    assert_eq!(
        (
            answer.status,
            header(&answer, CONTENT_TYPE),
            answer.body.as_ref()
        ),
        (status, kinds, body),
        "{result}"
    );
}

#[test]
fn what_is_no_form_is_json() {
    for result in [
        "{}",
        "[]",
        "[{\"statusCode\":404}]",
        "{\"body\":\"x\"}",
        "{\"headers\":{}}",
        "{\"a\":{\"statusCode\":404}}",
        "{\"error\":null}",
        "{\"statusCode\":null}",
        " {\"n\" : 1e3 }",
    ] {
        expect(result, 200, "application/json", result.as_bytes());
    }
}

#[test]
fn status_codes() {
    for (code, status) in [
        ("201", 201),
        ("\"404\"", 404),
        ("2e2", 200),
        ("599.0", 599),
        ("304", 304),
    ] {
        expect(&format!("{{\"statusCode\":{code}}}"), status, "", b"");
    }
    for code in [
        "100", "101", "199", "600", "-1", "200.5", "\"x\"", "\"\"", "true", "{}", "[]", "1e999",
        "\"NaN\"",
    ] {
        let answer = answer(&format!("{{\"statusCode\":{code},\"body\":\"x\"}}"));
        assert_eq!(answer.status, 502, "{code}");
        assert!(
            answer
                .body
                .starts_with(b"{\"error\":\"The action's statusCode is ")
        );
    }
}

#[test]
fn bodies_and_their_types() {
    let html = "text/html; charset=utf-8";
    for (rest, status, kind, body) in [
        ("", 204, "", ""),
        (",\"body\":null", 204, "", ""),
        (",\"body\":\"\"", 204, "", ""),
        (",\"statusCode\":200,\"body\":\"\"", 200, "", ""),
        (",\"body\":\"<b>\\u00e4\\n</b>\"", 200, html, "<b>ä\n</b>"),
        (
            ",\"body\":{\"n\":1e3}",
            200,
            "application/json",
            "{\"n\":1e3}",
        ),
        (",\"body\":[1, 2]", 200, "application/json", "[1, 2]"),
        (",\"body\":5", 200, "application/json", "5"),
        (",\"body\":false", 200, "application/json", "false"),
        (
            ",\"statusCode\":204,\"body\":5",
            204,
            "application/json",
            "",
        ),
    ] {
        // Headers make it a form only together with a body.
        let code = if rest.contains("statusCode") || (rest.contains("body\":") && status != 204) {
            ""
        } else {
            ",\"statusCode\":204"
        };
        expect(
            &format!("{{\"headers\":{{}}{code}{rest}}}"),
            status,
            kind,
            body.as_bytes(),
        );
    }
}

#[test]
fn binary_types_are_decoded() {
    for (kind, text, bytes) in [
        ("image/png", "iVBORw==", &b"\x89PNG"[..]),
        ("image/png", "iVBORw", b"\x89PNG"),
        ("application/octet-stream", " AAEC\\n", b"\x00\x01\x02"),
        ("application/octet-stream; charset=utf-8", "AAEC", b"AAEC"),
        ("text/plain", "AAEC", b"AAEC"),
        ("Application/JSON", "true", b"true"),
        ("application/problem+json", "{}", b"{}"),
        ("image/svg+xml", "<svg/>", b"<svg/>"),
    ] {
        let result = format!("{{\"headers\":{{\"Content-Type\":\"{kind}\"}},\"body\":\"{text}\"}}");
        expect(&result, 200, kind, bytes);
    }
    let refused = answer(r#"{"headers":{"content-type":"image/png"},"body":"no base64!"}"#);
    assert_eq!(refused.status, 502);
}

#[test]
fn headers_of_every_kind() {
    let web = answer(
        r#"{"statusCode":200,"headers":{"X-Text":"a","x-number":5,"x-flag":true,"Set-Cookie":["a=1","b=2"],
            "Content-Length":"99","Transfer-Encoding":"chunked","Connection":"close"},"body":"x"}"#,
    );
    assert_eq!(header(&web, "x-text"), ["a"]);
    assert_eq!(header(&web, "x-number"), ["5"]);
    assert_eq!(header(&web, "x-flag"), ["true"]);
    assert_eq!(header(&web, "set-cookie"), ["a=1", "b=2"]);
    assert_eq!(web.headers.len(), 6, "{web:?}");
    for headers in [
        "5",
        "\"x\"",
        "[]",
        "{\"x\":{}}",
        "{\"x\":null}",
        "{\"x\":[[]]}",
        "{\"a b\":\"\"}",
        "{\"\":\"\"}",
        "{\"x\":\"a\\r\\nb: c\"}",
        "{\"x\":\"\\u0000\"}",
    ] {
        let refused = answer(&format!("{{\"statusCode\":200,\"headers\":{headers}}}"));
        assert_eq!(refused.status, 502, "{headers}");
    }
}

#[test]
fn errors() {
    expect(
        r#"{"error":"sorry"}"#,
        500,
        "application/json",
        br#"{"error":"sorry"}"#,
    );
    expect(
        r#"{"error":{"code":1},"more":2}"#,
        500,
        "application/json",
        br#"{"error":{"code":1},"more":2}"#,
    );
    expect(
        r#"{"error":{"statusCode":404,"body":{"why":"gone"}}}"#,
        404,
        "application/json",
        br#"{"why":"gone"}"#,
    );
    expect(r#"{"statusCode":409,"error":"x"}"#, 409, "", b"");
    let broken = into_http(Answer::not_a_container(), 500);
    assert_eq!(broken.status, 502);
}
