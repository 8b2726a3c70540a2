//! What both request bodies have in common: a JSON object read in one scan, whose values are kept as the text that
//! came, and turned into strings only where a string is wanted.

use crate::refusal::BadRequest;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The members of an object, handed out one after the other.
pub(super) trait Members<'de> {
    /// Called for each member in order; must consume exactly one value from `map`.
    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// What stood where an object was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    Null,
    Other(&'static str),
}

/// Reads the members of an object into `members`; anything else is skipped and named.
pub(super) fn object<'de, D, M>(deserializer: D, members: &mut M) -> Result<Shape, D::Error>
where
    D: Deserializer<'de>,
    M: Members<'de>,
{
    deserializer.deserialize_any(ObjectVisitor(members))
}

/// The body of a request: UTF-8, perhaps with a byte order mark, one object.
pub(super) fn body<'de, M: Members<'de>>(
    bytes: &'de [u8],
    members: &mut M,
) -> Result<Shape, BadRequest> {
    let mut deserializer = serde_json::Deserializer::from_slice(without_bom(bytes));
    let shape = object(&mut deserializer, members).map_err(not_json)?;
    deserializer.end().map_err(not_json)?;
    Ok(shape)
}

pub(super) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

pub(super) fn is_blank(bytes: &[u8]) -> bool {
    without_bom(bytes).iter().all(u8::is_ascii_whitespace)
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub(super) fn not_json(error: serde_json::Error) -> BadRequest {
    BadRequest::NotJson {
        problem: error.to_string(),
    }
}

struct ObjectVisitor<'m, M>(&'m mut M);

impl<'de, M: Members<'de>> Visitor<'de> for ObjectVisitor<'_, M> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            self.0.member(&key, &mut map)?;
        }
        Ok(Shape::Object)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Shape::Other("an array"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Other("a string"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Other("a boolean"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Other("a number"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Other("a number"))
    }
}

/// A member's name; borrowed unless it is written with escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor).map(Key)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
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

pub(super) fn is_null(raw: &RawValue) -> bool {
    raw.get().starts_with('n')
}

/// The text of a JSON string, borrowed unless it has escapes; `None` when the value is of another kind.
///
/// A lone surrogate, which JSON can spell and UTF-8 cannot, becomes U+FFFD.
pub(super) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.as_bytes().contains(&b'\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let bytes = deserializer.deserialize_bytes(BytesVisitor).ok()?;
    Some(Cow::Owned(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

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
pub(super) fn text(raw: &RawValue) -> Cow<'_, str> {
    string(raw).unwrap_or_else(|| compact(raw.get()))
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

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).expect("valid JSON")
    }

    #[test]
    fn strings_are_borrowed_when_they_can_be() {
        assert!(matches!(
            string(raw("\"plain ☃\"")),
            Some(Cow::Borrowed("plain ☃"))
        ));
        assert_eq!(string(raw(r#""a\n\"b\"""#)).as_deref(), Some("a\n\"b\""));
        assert_eq!(string(raw(r#""\u0000""#)).as_deref(), Some("\0"));
        assert_eq!(string(raw(r#""""#)).as_deref(), Some(""));
        assert_eq!(string(raw("1")), None);
    }

    #[test]
    fn lone_surrogates_are_replaced() {
        let text = string(raw(r#""a\ud800b""#)).expect("a string");
        assert!(text.starts_with('a') && text.ends_with('b') && text.contains('\u{fffd}'));
    }

    #[test]
    fn others_become_compact_json() {
        assert_eq!(
            text(raw("{ \"x\" : [ 1 , \"a b \\\" c\" ] }")),
            "{\"x\":[1,\"a b \\\" c\"]}"
        );
        assert_eq!(text(raw("1e3")), "1e3");
        assert_eq!(text(raw("true")), "true");
        assert_eq!(text(raw(" [ 1,\n2 ] ")), "[1,2]");
    }
}
