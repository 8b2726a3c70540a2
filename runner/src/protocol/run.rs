//! The body of `POST /run`: the parameters as the bytes that came, and what the platform says about this activation.
//!
//! One scan finds the end of `value`; it is neither parsed into values nor copied, so that number spellings, duplicate
//! keys, lone surrogates and any depth reach the action as they were sent.

use super::json::{self, Shape};
use crate::refusal::{BadRequest, NOT_A_CONTAINER_IN};
use std::borrow::Cow;
use thiserror::Error;

/// One request to run the action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<'a> {
    /// The exact bytes of `value`; `{}` when it is missing or null.
    pub value: &'a str,
    pub metadata: Metadata<'a>,
}

/// Every top-level member of the request besides `value`. Absent and null are the same; values that are not strings
/// are kept as compact JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata<'a> {
    pub namespace: Option<Cow<'a, str>>,
    pub action_name: Option<Cow<'a, str>>,
    pub action_version: Option<Cow<'a, str>>,
    pub activation_id: Option<Cow<'a, str>>,
    pub transaction_id: Option<Cow<'a, str>>,
    pub api_key: Option<Cow<'a, str>>,
    pub api_host: Option<Cow<'a, str>>,
    /// As text; the platform sends a string, others a number.
    pub deadline: Option<Cow<'a, str>>,
    /// Members this runner has no field for, in order; a later one of the same name counts. Only those that can be
    /// environment variables.
    pub others: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Metadata<'_> {
    /// The deadline in milliseconds of Unix time, when it is a number.
    pub fn deadline_ms(&self) -> Option<i64> {
        let text = self.deadline.as_deref()?.trim();
        text.parse().ok().or_else(|| whole(text.parse().ok()?))
    }
}

/// A number that is written with a fraction, without it.
fn whole(number: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the fraction; the range has been checked"
    )]
    (number.abs() < 9e15).then_some(number as i64)
}

/// Why a body is no run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotRun {
    #[error(transparent)]
    BadRequest(#[from] BadRequest),
    /// `value` is a string, number or boolean.
    #[error("{NOT_A_CONTAINER_IN}")]
    ValueNotContainer,
}

/// Reads the body. An empty body and `null` are the same as `{}`.
pub fn decode(body: &[u8]) -> Result<Run<'_>, NotRun> {
    let body = json::body(body)?;
    let mut value = None;
    let mut metadata = Metadata::default();
    if !json::is_blank(body) {
        let shape = json::members(body, |key, raw| match key {
            "value" => value = Some(raw).filter(|raw| !json::is_null(raw)),
            _ => metadata.take(key, raw),
        })?;
        if let Shape::Other(found) = shape {
            return Err(NotRun::BadRequest(BadRequest::WrongType {
                field: "The request body",
                found,
                needed: "an object with the parameters in \"value\"",
            }));
        }
    }
    let value = value.unwrap_or("{}");
    if !value.starts_with(['{', '[']) {
        return Err(NotRun::ValueNotContainer);
    }
    Ok(Run { value, metadata })
}

impl<'a> Metadata<'a> {
    /// From an object of its own (see `envelope`).
    pub(super) fn of(raw: &'a str) -> Result<Self, BadRequest> {
        let mut metadata = Self::default();
        match json::members(raw, |key, raw| metadata.take(key, raw))? {
            Shape::Other(found) => Err(BadRequest::WrongType {
                field: "activation",
                found,
                needed: "an object",
            }),
            Shape::Object | Shape::Null => Ok(metadata),
        }
    }

    fn take(&mut self, key: &str, raw: &'a str) {
        let text = (!json::is_null(raw)).then(|| json::text(raw));
        match self.field(key) {
            Some(field) => *field = text,
            None => self.other(key, text),
        }
    }

    fn field(&mut self, key: &str) -> Option<&mut Option<Cow<'a, str>>> {
        Some(match key {
            "namespace" => &mut self.namespace,
            "action_name" => &mut self.action_name,
            "action_version" => &mut self.action_version,
            "activation_id" => &mut self.activation_id,
            "transaction_id" => &mut self.transaction_id,
            "api_key" => &mut self.api_key,
            "api_host" => &mut self.api_host,
            "deadline" => &mut self.deadline,
            _ => return None,
        })
    }

    fn other(&mut self, key: &str, text: Option<Cow<'a, str>>) {
        let Some(text) = text else { return };
        if key.is_empty() || key.contains(['=', '\0']) || text.contains('\0') {
            return;
        }
        self.others.push((Cow::Owned(key.to_owned()), text));
    }
}

#[cfg(test)]
mod tests;
