use super::*;

fn value(body: &str) -> Result<&str, NotRun> {
    decode(body.as_bytes()).map(|run| run.value)
}

#[test]
fn the_value_keeps_every_byte() {
    for json in [
        r#"{"string":"hello"}"#,
        r#"["a","b"]"#,
        r#"{ "b" : 1.0, "a": 1e3 ,"a":12345678901234567890123, "z": 1e999 }"#,
        r#"{"s":"\ud800","n":"\u0000","u":"❄ ☃ ❄"}"#,
        "{\n\t\"pretty\": [\n]}",
    ] {
        let body = format!("{{\"namespace\":\"n\",\"value\": {json} ,\"x\":1}}");
        assert_eq!(value(&body), Ok(json));
    }
}

#[test]
fn nothing_to_run_on_is_an_empty_object() {
    for body in [
        "{}",
        "",
        "  \r\n",
        "null",
        "\u{feff}",
        "\u{feff}{}",
        r#"{"value":null}"#,
        r#"{"value":1,"value":null}"#,
    ] {
        assert_eq!(value(body), Ok("{}"), "{body:?}");
    }
    assert_eq!(value(r#"{"value":1,"value":{"a":2}}"#), Ok(r#"{"a":2}"#));
    assert_eq!(value("\u{feff}{\"value\":[1]}"), Ok("[1]"));
}

#[test]
fn a_scalar_is_not_a_run() {
    for scalar in ["\"A\"", "1", "-1.5", "true", "false"] {
        let body = format!("{{\"value\":{scalar}}}");
        assert_eq!(value(&body), Err(NotRun::ValueNotContainer), "{scalar}");
    }
}

#[test]
fn what_is_no_object_is_refused_with_its_kind() {
    for (body, found) in [
        ("[1,[2]]", "an array"),
        ("\"x\"", "a string"),
        ("17", "a number"),
        ("-1", "a number"),
        ("1.5", "a number"),
        ("true", "a boolean"),
    ] {
        let Err(NotRun::BadRequest(BadRequest::WrongType { found: said, .. })) = value(body) else {
            panic!("{body} was not refused");
        };
        assert_eq!(said, found);
    }
}

#[test]
fn what_is_not_json_is_refused_with_the_position() {
    for body in [
        "{bad",
        "{\"value\":{}",
        "{} {}",
        "{\"value\":{]}",
        "x",
        "{\"value\":nul}",
        "[1",
        "{\"value\":{\"a\":\"\n\"}}",
    ] {
        let Err(NotRun::BadRequest(refusal @ BadRequest::NotJson { .. })) = value(body) else {
            panic!("{body} was not refused");
        };
        let text = refusal.to_string();
        assert!(text.contains("line ") && text.contains("column "), "{text}");
    }
    let invalid = decode(b"{\"value\":{\"a\":\"\xff\"}}");
    assert!(matches!(
        invalid,
        Err(NotRun::BadRequest(BadRequest::NotJson { .. }))
    ));
}

#[test]
fn metadata_is_text() {
    let body = br#"{"value":{},"api_key":"abc","namespace":"zzz","action_name":"\/ns\/xxx","action_version":"0.0.1",
        "activation_id":"iii","transaction_id":"ttt","deadline":"123","api_host":"http://h:1","shiny":{"n": 1},
        "list":[1, 2],"gone":null,"flag":true,"":"x","a=b":"x","nul":"\u0000"}"#;
    let run = decode(body).expect("a run");
    let metadata = run.metadata;
    assert_eq!(metadata.api_key.as_deref(), Some("abc"));
    assert_eq!(metadata.namespace.as_deref(), Some("zzz"));
    assert_eq!(metadata.action_name.as_deref(), Some("/ns/xxx"));
    assert_eq!(metadata.action_version.as_deref(), Some("0.0.1"));
    assert_eq!(metadata.activation_id.as_deref(), Some("iii"));
    assert_eq!(metadata.transaction_id.as_deref(), Some("ttt"));
    assert_eq!(metadata.api_host.as_deref(), Some("http://h:1"));
    assert_eq!(metadata.deadline_ms(), Some(123));
    let others: Vec<(&str, &str)> = metadata.others.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(
        others,
        [("shiny", "{\"n\":1}"), ("list", "[1,2]"), ("flag", "true")]
    );
}

#[test]
fn deadlines() {
    for (json, deadline) in [
        ("\"1795427055123\"", Some(1_795_427_055_123)),
        ("1795427055123", Some(1_795_427_055_123)),
        ("null", None),
        ("\"soon\"", None),
        ("1.5", Some(1)),
        ("1795427055123.75", Some(1_795_427_055_123)),
        ("99999999999999.0", Some(99_999_999_999_999)),
        ("1e400", None),
        ("\"-1\"", Some(-1)),
        ("{}", None),
    ] {
        let body = format!("{{\"deadline\":{json}}}");
        assert_eq!(
            decode(body.as_bytes())
                .expect("a run")
                .metadata
                .deadline_ms(),
            deadline,
            "{json}"
        );
    }
    assert_eq!(decode(b"{}").expect("a run").metadata, Metadata::default());
}

#[test]
fn escapes_in_names_and_surrogates_in_metadata() {
    let run = decode(br#"{"\u0076alue":[7],"activation_id":"a\ud800"}"#).expect("a run");
    assert_eq!(run.value, "[7]");
    assert!(run.metadata.activation_id.expect("an id").starts_with('a'));
}

#[test]
fn depth_does_not_matter() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let body = format!("{{\"value\":{deep},\"x\":{deep}}}");
    assert_eq!(value(&body), Ok(&*deep));
    assert!(decode("[".repeat(100_000).as_bytes()).is_err());
    assert!(decode(deep.as_bytes()).is_err());
}
