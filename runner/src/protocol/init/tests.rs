use super::*;

fn refusal(body: &str) -> String {
    decode(body.as_bytes()).expect_err("a refusal").to_string()
}

#[test]
fn the_invokers_body() {
    let body = br#"{"value":{"name":"hello","main":"niam","binary":true,"code":"UEsDBA==","env":{"SOME":"x","EMPTY":""}}}"#;
    let init = decode(body).expect("an init");
    assert_eq!(init.entry_point, "niam");
    assert!(matches!(init.code, Some(Cow::Borrowed("UEsDBA=="))));
    assert_eq!(init.binary, Some(true));
    assert_eq!(init.name.as_deref(), Some("hello"));
    assert_eq!(
        init.env,
        [("SOME".into(), "x".into()), ("EMPTY".into(), String::new())]
    );
}

#[test]
fn absent_null_and_empty_are_the_same() {
    for body in [
        "{}",
        "\u{feff}{}",
        r#"{"value":null}"#,
        r#"{"value":{}}"#,
        r#"{"value":{"code":null,"main":null,"binary":null,"env":null,"name":null}}"#,
        r#"{"value":{"code":"","main":"","foo":1,"bar":[{}]},"baz":[[]]}"#,
        r#"{"value":{"code":"x"},"value":{}}"#,
        r#"{"value":7,"value":{}}"#,
    ] {
        let init = decode(body.as_bytes()).expect(body);
        assert_eq!(init.entry_point, "main", "{body}");
        assert_eq!((init.code, init.env), (None, Vec::new()), "{body}");
    }
}

#[test]
fn bodies_that_are_no_object() {
    assert_eq!(decode(b""), Err(BadRequest::Empty));
    assert_eq!(decode(b" \n"), Err(BadRequest::Empty));
    for (body, found) in [
        ("null", "null"),
        ("[]", "an array"),
        ("\"x\"", "a string"),
        ("1", "a number"),
    ] {
        assert!(
            refusal(body).contains(&format!("is {found}; it must be an object")),
            "{body}"
        );
    }
    assert!(refusal("{bad").contains("line 1 column 2"));
}

#[test]
fn wrong_types_name_the_field_and_the_kind() {
    for (value, start) in [
        (r#"[]"#, "value is an array; "),
        (r#""x""#, "value is a string; "),
        (r#"{"code":1}"#, "value.code is a number; "),
        (r#"{"code":{}}"#, "value.code is an object; "),
        (r#"{"main":1}"#, "value.main is a number; "),
        (r#"{"main":["x"]}"#, "value.main is an array; "),
        (r#"{"binary":"true"}"#, "value.binary is a string; "),
        (r#"{"name":false}"#, "value.name is a boolean; "),
        (r#"{"env":[]}"#, "value.env is an array; "),
        (r#"{"env":"x"}"#, "value.env is a string; "),
        (r#"{"env":-1}"#, "value.env is a number; "),
    ] {
        let text = refusal(&format!("{{\"value\":{value}}}"));
        assert!(text.starts_with(start), "{value}: {text}");
    }
}

#[test]
fn variables_become_text() {
    let body = br#"{"value":{"env":{"A":"s","N":5,"F":1e3,"O":{"x" : 1},"L":[1, "a b"],"B":true,"Z":null,"E":"","U":"\u2603"}}}"#;
    let env = decode(body).expect("an init").env;
    let env: Vec<(&str, &str)> = env.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(
        env,
        [
            ("A", "s"),
            ("N", "5"),
            ("F", "1e3"),
            ("O", "{\"x\":1}"),
            ("L", "[1,\"a b\"]"),
            ("B", "true"),
            ("Z", ""),
            ("E", ""),
            ("U", "☃")
        ]
    );
}

#[test]
fn variables_that_cannot_be_set() {
    for name in ["", "a=b", "=", "a\\u0000b"] {
        let text = refusal(&format!("{{\"value\":{{\"env\":{{\"{name}\":\"x\"}}}}}}"));
        assert!(text.contains("cannot be set: a name must not"), "{text}");
    }
    let text = refusal(r#"{"value":{"env":{"good":"x\u0000y"}}}"#);
    assert!(text.contains("\"good\"") && text.contains("NUL"), "{text}");
}

#[test]
fn code_with_escapes_is_decoded() {
    let init = decode(br#"{"value":{"code":"ab\r\ncd\/"}}"#).expect("an init");
    assert_eq!(init.code.as_deref(), Some("ab\r\ncd/"));
}

#[test]
fn depth_in_fields_nobody_reads() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let body = format!("{{\"x\":{deep},\"value\":{{\"y\":{deep},\"env\":{{\"D\":{deep}}}}}}}");
    assert_eq!(decode(body.as_bytes()).expect("an init").env[0].1, deep);
}
