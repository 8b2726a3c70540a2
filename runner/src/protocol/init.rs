//! The body of `POST /init`: which code, which entry point, which environment.
//!
//! Absent and null are the same everywhere; members nobody knows are ignored. The code, up to 48 MiB of text, is
//! borrowed from the body.

use super::json::{self, Members, Shape};
use crate::refusal::BadRequest;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One request to initialise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init<'a> {
    /// `main`; "main" when it is absent, null or empty.
    pub entry_point: Cow<'a, str>,
    /// The base64 text of the library or archive; `None` when absent, null or empty.
    pub code: Option<Cow<'a, str>>,
    /// What the platform believes the code to be. Nothing depends on it.
    pub binary: Option<bool>,
    /// In order; a later one of the same name counts. All can be set: names are checked, values have no NUL.
    pub env: Vec<(String, String)>,
    pub name: Option<Cow<'a, str>>,
}

/// Reads the body.
pub fn decode(body: &[u8]) -> Result<Init<'_>, BadRequest> {
    if json::is_blank(body) {
        return Err(BadRequest::Empty);
    }
    let mut envelope = Envelope::default();
    let found = match json::body(body, &mut envelope)? {
        Shape::Object => return envelope.fields()?.check(),
        Shape::Null => "null",
        Shape::Other(found) => found,
    };
    Err(BadRequest::WrongType {
        field: "The request body",
        found,
        needed: "an object with the action in \"value\"",
    })
}

/// The outer object. The last `value` counts.
#[derive(Default)]
struct Envelope<'a> {
    fields: Fields<'a>,
    shape: Option<Shape>,
}

impl<'a> Envelope<'a> {
    fn fields(self) -> Result<Fields<'a>, BadRequest> {
        match self.shape {
            None | Some(Shape::Object | Shape::Null) => Ok(self.fields),
            Some(Shape::Other(found)) => Err(wrong("value", found, "an object")),
        }
    }
}

impl<'de> Members<'de> for Envelope<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key != "value" {
            map.next_value::<IgnoredAny>()?;
            return Ok(());
        }
        self.fields = Fields::default();
        self.shape = Some(map.next_value_seed(Value(&mut self.fields))?);
        Ok(())
    }
}

struct Value<'f, 'a>(&'f mut Fields<'a>);

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        json::object(deserializer, self.0)
    }
}

/// The members of `value` as they came.
#[derive(Default)]
struct Fields<'a> {
    main: Option<&'a RawValue>,
    code: Option<&'a RawValue>,
    binary: Option<&'a RawValue>,
    env: Option<&'a RawValue>,
    name: Option<&'a RawValue>,
}

impl<'de> Members<'de> for Fields<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let field = match key {
            "main" => &mut self.main,
            "code" => &mut self.code,
            "binary" => &mut self.binary,
            "env" => &mut self.env,
            "name" => &mut self.name,
            _ => {
                map.next_value::<IgnoredAny>()?;
                return Ok(());
            }
        };
        let raw: &'de RawValue = map.next_value()?;
        *field = (!json::is_null(raw)).then_some(raw);
        Ok(())
    }
}

impl<'a> Fields<'a> {
    fn check(self) -> Result<Init<'a>, BadRequest> {
        let filled = |text: &Cow<'_, str>| !text.is_empty();
        Ok(Init {
            entry_point: string("value.main", self.main)?
                .filter(filled)
                .unwrap_or(Cow::Borrowed("main")),
            code: string("value.code", self.code)?.filter(filled),
            binary: self.binary.map(boolean).transpose()?,
            env: self.env.map(environment).transpose()?.unwrap_or_default(),
            name: string("value.name", self.name)?,
        })
    }
}

fn wrong(field: &'static str, found: &'static str, needed: &'static str) -> BadRequest {
    BadRequest::WrongType {
        field,
        found,
        needed,
    }
}

fn string<'a>(
    field: &'static str,
    raw: Option<&'a RawValue>,
) -> Result<Option<Cow<'a, str>>, BadRequest> {
    let Some(raw) = raw else { return Ok(None) };
    match json::string(raw) {
        Some(text) => Ok(Some(text)),
        None => Err(wrong(field, json::kind(raw.get()), "a string")),
    }
}

fn boolean(raw: &RawValue) -> Result<bool, BadRequest> {
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(wrong("value.binary", json::kind(other), "true or false")),
    }
}

fn environment(raw: &RawValue) -> Result<Vec<(String, String)>, BadRequest> {
    let mut variables = Variables::default();
    match json::body(raw.get().as_bytes(), &mut variables)? {
        Shape::Object | Shape::Null => {}
        Shape::Other(found) => return Err(wrong("value.env", found, "an object")),
    }
    for (name, value) in &variables.0 {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(BadRequest::VariableName { name: name.clone() });
        }
        if value.contains('\0') {
            return Err(BadRequest::VariableValue { name: name.clone() });
        }
    }
    Ok(variables.0)
}

/// `env`: strings as they are, null empty, others compact JSON.
#[derive(Default)]
struct Variables(Vec<(String, String)>);

impl<'de> Members<'de> for Variables {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let raw: &'de RawValue = map.next_value()?;
        let text = if json::is_null(raw) {
            String::new()
        } else {
            json::text(raw).into_owned()
        };
        self.0.push((key.to_owned(), text));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
