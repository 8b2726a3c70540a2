//! The body of `POST /init`: which code, which entry point, which environment.
//!
//! Absent and null are the same everywhere; members nobody knows are ignored. The code, up to 48 MiB of text, is
//! borrowed from the body.

use super::json::{self, Shape};
use crate::refusal::BadRequest;
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
    let body = json::body(body)?;
    if json::is_blank(body) {
        return Err(BadRequest::Empty);
    }
    let mut value = None;
    let shape = json::members(body, |key, raw| {
        if key == "value" {
            value = Some(raw);
        }
    })?;
    let found = match shape {
        Shape::Object => return decode_value("value", value.unwrap_or("null")),
        Shape::Null => "null",
        Shape::Other(found) => found,
    };
    Err(BadRequest::WrongType {
        field: "The request body",
        found,
        needed: "an object with the action in \"value\"",
    })
}

/// Reads what stands in `value`, or under another `name` in another envelope.
pub(super) fn decode_value<'a>(name: &'static str, raw: &'a str) -> Result<Init<'a>, BadRequest> {
    Fields::of(name, raw)?.check()
}

/// The members of `value` as they came; null is absent.
#[derive(Default)]
struct Fields<'a> {
    main: Option<&'a str>,
    code: Option<&'a str>,
    binary: Option<&'a str>,
    env: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn of(name: &'static str, value: &'a str) -> Result<Self, BadRequest> {
        let mut fields = Self::default();
        let shape = json::members(value, |key, raw| {
            let field = match key {
                "main" => &mut fields.main,
                "code" => &mut fields.code,
                "binary" => &mut fields.binary,
                "env" => &mut fields.env,
                "name" => &mut fields.name,
                _ => return,
            };
            *field = Some(raw).filter(|raw| !json::is_null(raw));
        })?;
        match shape {
            Shape::Object | Shape::Null => Ok(fields),
            Shape::Other(found) => Err(wrong(name, found, "an object")),
        }
    }

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
    raw: Option<&'a str>,
) -> Result<Option<Cow<'a, str>>, BadRequest> {
    let Some(raw) = raw else { return Ok(None) };
    match json::string(raw) {
        Some(text) => Ok(Some(text)),
        None => Err(wrong(field, json::kind(raw), "a string")),
    }
}

fn boolean(raw: &str) -> Result<bool, BadRequest> {
    match raw {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(wrong("value.binary", json::kind(other), "true or false")),
    }
}

/// `env`: strings as they are, null empty, others compact JSON.
fn environment(raw: &str) -> Result<Vec<(String, String)>, BadRequest> {
    let mut variables = Vec::new();
    let shape = json::members(raw, |name, raw| {
        let text = match json::is_null(raw) {
            true => String::new(),
            false => json::text(raw).into_owned(),
        };
        variables.push((name.to_owned(), text));
    })?;
    if let Shape::Other(found) = shape {
        return Err(wrong("value.env", found, "an object"));
    }
    for (name, value) in &variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(BadRequest::VariableName { name: name.clone() });
        }
        if value.contains('\0') {
            return Err(BadRequest::VariableValue { name: name.clone() });
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests;
