//! What both request bodies have in common: a JSON object whose values are kept as the text that came, and turned into
//! strings only where a string is wanted.

use super::scan;
use crate::refusal::BadRequest;
use serde::de::{Deserializer, IgnoredAny, Visitor};
use std::borrow::Cow;
use std::fmt;

/// What stood where an object was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    Null,
    Other(&'static str),
}

/// A body as text, without a byte order mark.
pub(super) fn body(bytes: &[u8]) -> Result<&str, BadRequest> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| BadRequest::NotJson {
        problem: format!("the byte at offset {} is not UTF-8", error.valid_up_to()),
    })
}

pub(super) fn is_blank(text: &str) -> bool {
    scan::space(text.as_bytes(), 0) == text.len()
}

/// Hands the members of an object to `member`, in order. Anything else is checked and named.
pub(super) fn members<'a>(
    text: &'a str,
    member: impl FnMut(&str, &'a str),
) -> Result<Shape, BadRequest> {
    read(text, member).ok_or_else(|| not_json(text))
}

fn read<'a>(text: &'a str, mut member: impl FnMut(&str, &'a str)) -> Option<Shape> {
    let bytes = text.as_bytes();
    let mut at = scan::space(bytes, 0);
    if *bytes.get(at)? != b'{' {
        let end = scan::space(bytes, scan::value(bytes, at)?);
        return (end == bytes.len()).then(|| shape(&text[at..]));
    }
    at = scan::space(bytes, at + 1);
    let mut more = *bytes.get(at)? != b'}';
    while more {
        let colon = scan::key(bytes, at)?;
        let start = scan::space(bytes, colon);
        let end = scan::value(bytes, start)?;
        let quoted = text[at..colon - 1].trim_ascii_end();
        member(&string(quoted)?, &text[start..end]);
        at = scan::space(bytes, end);
        more = *bytes.get(at)? == b',';
        if more {
            at = scan::space(bytes, at + 1);
        }
    }
    let closed = bytes[at] == b'}' && scan::space(bytes, at + 1) == bytes.len();
    closed.then_some(Shape::Object)
}

/// serde_json has the words for what is wrong, and where.
fn not_json(text: &str) -> BadRequest {
    let problem = match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => error.to_string(),
        Ok(_) => "it cannot be read".to_owned(),
    };
    BadRequest::NotJson { problem }
}

fn shape(raw: &str) -> Shape {
    match is_null(raw) {
        true => Shape::Null,
        false => Shape::Other(kind(raw)),
    }
}

/// What kind of value a JSON text is, as it stands in a sentence.
pub(super) fn kind(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

pub(super) fn is_null(raw: &str) -> bool {
    raw.starts_with('n')
}

/// The text of a JSON string, borrowed unless it has escapes; `None` when the value is of another kind.
///
/// A lone surrogate, which JSON can spell and UTF-8 cannot, becomes U+FFFD.
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut deserializer = serde_json::Deserializer::from_str(raw);
    let bytes = deserializer.deserialize_bytes(BytesVisitor).ok()?;
    Some(Cow::Owned(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

/// Reads a string as bytes: only so does serde_json let a lone surrogate pass.
struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

/// Any value as the text of an environment variable: strings as they are, others as compact JSON.
pub(super) fn text(raw: &str) -> Cow<'_, str> {
    string(raw).unwrap_or_else(|| compact(raw))
}

/// JSON without white space between its tokens; every other byte stays.
fn compact(json: &str) -> Cow<'_, str> {
    if !json.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Cow::Borrowed(json);
    }
    let mut within_string = false;
    let mut escaped = false;
    let kept = |character: &char| {
        if within_string {
            match (escaped, *character) {
                (true, _) => escaped = false,
                (false, '\\') => escaped = true,
                (false, '"') => within_string = false,
                _ => {}
            }
            return true;
        }
        within_string = *character == '"';
        !character.is_ascii_whitespace()
    };
    Cow::Owned(json.chars().filter(kept).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_borrowed_when_they_can_be() {
        assert!(matches!(
            string("\"plain ☃\""),
            Some(Cow::Borrowed("plain ☃"))
        ));
        assert_eq!(string(r#""a\n\"b\"""#).as_deref(), Some("a\n\"b\""));
        assert_eq!(string(r#""\u0000""#).as_deref(), Some("\0"));
        assert_eq!(string(r#""""#).as_deref(), Some(""));
        assert_eq!(string("1"), None);
    }

    #[test]
    fn lone_surrogates_are_replaced() {
        let text = string(r#""a\ud800b""#).expect("a string");
        assert!(text.starts_with('a') && text.ends_with('b') && text.contains('\u{fffd}'));
    }

    #[test]
    fn others_become_compact_json() {
        assert_eq!(
            text("{ \"x\" : [ 1 , \"a b \\\" c\" ] }"),
            "{\"x\":[1,\"a b \\\" c\"]}"
        );
        assert_eq!(text("1e3"), "1e3");
        assert_eq!(text("true"), "true");
        assert_eq!(text("[ 1,\n2 ]"), "[1,2]");
    }

    #[test]
    fn members_in_order() {
        let mut seen = Vec::new();
        let shape = members(" { \"a\" : 1 , \"\\u0062\":[ ] ,\"a\":{} } ", |key, raw| {
            seen.push((key.to_owned(), raw));
        });
        assert_eq!(shape, Ok(Shape::Object));
        assert_eq!(
            seen,
            [("a".into(), "1"), ("b".into(), "[ ]"), ("a".into(), "{}")]
        );
        for bad in [
            "{",
            "{\"a\"",
            "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":1,}",
            "{\"a\":1 \"b\"}",
            "{\"a\":1]",
            "{}x",
            "{\"a\":1}}",
        ] {
            assert!(members(bad, |_, _| {}).is_err(), "{bad}");
        }
    }
}
