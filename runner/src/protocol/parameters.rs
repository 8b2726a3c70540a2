//! The parameters of a plain request: a JSON body as the bytes that came, a form, the query.
//!
//! What comes as a form or in the query are strings. A query is added to an object; where both have a name, the body
//! counts.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::json::{self, Shape};
use crate::refusal::{BadRequest, NotParameters};

/// Reads the parameters. An empty body and `null` are no parameters.
pub fn decode<'a>(
    body: &'a [u8],
    content_type: &str,
    query: &str,
) -> Result<Cow<'a, str>, NotParameters> {
    let mut named = fields(query.as_bytes());
    if body.trim_ascii().is_empty() {
        return Ok(object(&named));
    }
    match medium(content_type, body) {
        Medium::Json => with_query(json::body(body)?, named),
        Medium::Form => {
            named.append(&mut fields(body.trim_ascii_end()));
            Ok(object(&named))
        }
        Medium::Other => Err(NotParameters::MediaType {
            found: content_type.to_owned(),
        }),
    }
}

enum Medium {
    Json,
    Form,
    Other,
}

/// What is sent without a type, or with the one that a tool puts there by itself (`curl -d`, a browser's `fetch`), is
/// JSON if it looks like it.
fn medium(content_type: &str, body: &[u8]) -> Medium {
    let kind = content_type.split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => match body.trim_ascii_start().first() {
            Some(b'{' | b'[') => Medium::Json,
            _ => Medium::Form,
        },
        "" | "text/plain" | "text/json" | "application/json" => Medium::Json,
        _ if kind.ends_with("+json") => Medium::Json,
        _ => Medium::Other,
    }
}

/// Of several fields of the same name the last counts.
fn fields(text: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(text)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}

fn object(fields: &Map<String, Value>) -> Cow<'static, str> {
    if fields.is_empty() {
        return Cow::Borrowed("{}");
    }
    // Strings always serialise.
    Cow::Owned(serde_json::to_string(fields).unwrap_or_default())
}

fn with_query<'a>(
    text: &'a str,
    mut query: Map<String, Value>,
) -> Result<Cow<'a, str>, NotParameters> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let mut members = 0;
    let shape = json::members(text, |name, _| {
        members += 1;
        if !query.is_empty() {
            query.remove(name);
        }
    })?;
    match shape {
        Shape::Null => Ok(object(&query)),
        Shape::Object | Shape::Other("an array") if query.is_empty() => Ok(Cow::Borrowed(text)),
        Shape::Object => {
            let added = object(&query);
            let between = if members == 0 { "" } else { "," };
            Ok(Cow::Owned(
                [&added[..added.len() - 1], between, &text[1..]].concat(),
            ))
        }
        Shape::Other("an array") => Err(NotParameters::QueryWithArray),
        Shape::Other(found) => Err(NotParameters::BadRequest(BadRequest::WrongType {
            field: "The request body",
            found,
            needed: "an object or an array with the parameters",
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn good(body: &str, content_type: &str, query: &str, parameters: &str) {
        let decoded = decode(body.as_bytes(), content_type, query);
        assert_eq!(decoded.as_deref(), Ok(parameters), "{body}");
    }

    #[test]
    fn json_is_kept_as_it_came() {
        for kind in [
            "",
            "application/json",
            "Application/JSON; charset=utf-8",
            "text/plain;charset=UTF-8",
            "application/cloudevents+json",
            "application/x-www-form-urlencoded",
        ] {
            good("{\"a\" : 1e3}", kind, "", "{\"a\" : 1e3}");
            good(" [1, 2]\n", kind, "", "[1, 2]");
            good("\u{feff}{}", "", "", "{}");
            good(" \r\n", kind, "", "{}");
        }
        good("null", "application/json", "", "{}");
        good("", "image/png", "", "{}");
    }

    #[test]
    fn query_and_form() {
        good(
            "",
            "",
            "a=1&b=%C3%A4+x&a=2&c",
            "{\"a\":\"2\",\"b\":\"ä x\",\"c\":\"\"}",
        );
        good(
            "a=1&b=",
            "application/x-www-form-urlencoded",
            "",
            "{\"a\":\"1\",\"b\":\"\"}",
        );
        good(
            "a=1",
            "application/x-www-form-urlencoded",
            "a=2&b=3",
            "{\"a\":\"1\",\"b\":\"3\"}",
        );
        good("{\"a\":1}", "", "a=2&b=3", "{\"b\":\"3\",\"a\":1}");
        good("{\"\\u0061\":1}", "", "a=2", "{\"\\u0061\":1}");
        good("{ }", "", "b=3", "{\"b\":\"3\" }");
        good("null", "", "b=3", "{\"b\":\"3\"}");
        good("", "", "%ff=%00\"", "{\"\u{fffd}\":\"\\u0000\\\"\"}");
    }

    #[test]
    fn refusals() {
        for (body, kind, query, start) in [
            (
                "<a/>",
                "application/xml",
                "",
                "The request body is application/xml; send",
            ),
            (
                "a",
                "multipart/form-data; boundary=x",
                "",
                "The request body is multipart",
            ),
            (
                "5",
                "",
                "",
                "The request body is a number; it must be an object or",
            ),
            ("\"x\"", "text/plain", "", "The request body is a string;"),
            ("hello", "text/plain", "", "The request body is not JSON:"),
            ("{\"a\":}", "", "", "The request body is not JSON:"),
            ("{} {}", "", "a=1", "The request body is not JSON:"),
            ("[1]", "", "a=1", "The request body is an array, to which"),
        ] {
            let refusal = decode(body.as_bytes(), kind, query).expect_err(body);
            assert!(refusal.to_string().starts_with(start), "{refusal}");
        }
        assert!(decode(b"\xff", "", "").is_err());
    }
}
