//! The body of Knative's single entry point, `POST /`: what to initialise with, what to run, or both in one request.
//!
//! `{"init":{…},"activation":{…},"value":{…}}`: `init` is what `/init` has in `value`, `activation` what `/run` has
//! beside `value`. Null is absent.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::init::Init;
use super::json::{self, Shape};
use super::run::{Metadata, NotRun};
use crate::refusal::BadRequest;

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    pub init: Option<Initialisation<'a>>,
    /// `None`: the request only initialises.
    pub activation: Option<Activation<'a>>,
}

/// What to initialise with.
#[derive(Debug, PartialEq, Eq)]
pub struct Initialisation<'a> {
    pub init: Init<'a>,
    pub note: Note,
}

/// What is remembered of an initialisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Note {
    /// Tells one `init` from another. 0: it did not come by this way.
    pub digest: u64,
    /// The action wants the HTTP request instead of parameters.
    pub raw: bool,
}

/// A run, still without its parameters' final form.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Activation<'a> {
    pub metadata: Metadata<'a>,
    value: Option<&'a str>,
}

/// What an action that wants the HTTP request is told of it.
#[derive(Debug, Default)]
pub struct Request {
    pub method: String,
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

/// Reads the body. An empty one is a run without parameters.
pub fn decode(body: &[u8]) -> Result<Envelope<'_>, BadRequest> {
    let text = json::body(body)?;
    let (mut init, mut activation, mut value) = (None, None, None);
    if !json::is_blank(text) {
        let shape = json::members(text, |key, raw| {
            let member = match key {
                "init" => &mut init,
                "activation" => &mut activation,
                "value" => &mut value,
                _ => return,
            };
            *member = Some(raw).filter(|raw| !json::is_null(raw));
        })?;
        if let Shape::Other(found) = shape {
            return Err(BadRequest::WrongType {
                field: "The request body",
                found,
                needed: "an object with \"init\", \"activation\" and \"value\"",
            });
        }
    }
    let only_init = init.is_some() && activation.is_none() && value.is_none();
    let init = init.map(Initialisation::of).transpose()?;
    let mut metadata = activation
        .map(Metadata::of)
        .transpose()?
        .unwrap_or_default();
    let name = init.as_ref().and_then(|init| init.init.name.clone());
    if metadata
        .action_name
        .as_deref()
        .unwrap_or_default()
        .is_empty()
    {
        metadata.action_name = name;
    }
    let activation = (!only_init).then_some(Activation { metadata, value });
    Ok(Envelope { init, activation })
}

impl<'a> Initialisation<'a> {
    fn of(raw: &'a str) -> Result<Self, BadRequest> {
        let init = super::init::decode_value("init", raw)?;
        let mut flag = None;
        json::members(raw, |key, raw| {
            if key == "raw" {
                flag = Some(raw);
            }
        })?;
        let raw_action = match flag {
            None | Some("null" | "false") => false,
            Some("true") => true,
            Some(other) => {
                return Err(BadRequest::WrongType {
                    field: "init.raw",
                    found: json::kind(other),
                    needed: "true or false",
                });
            }
        };
        let mut hasher = DefaultHasher::new();
        raw.hash(&mut hasher);
        let note = Note {
            digest: hasher.finish().max(1),
            raw: raw_action,
        };
        Ok(Self { init, note })
    }
}

impl<'a> Activation<'a> {
    /// The parameters as they came; `{}` when there are none.
    pub fn parameters(&self) -> Result<Cow<'a, str>, NotRun> {
        let value = self.value.unwrap_or("{}");
        if value.starts_with(['{', '[']) {
            Ok(Cow::Borrowed(value))
        } else {
            Err(NotRun::ValueNotContainer)
        }
    }

    /// The HTTP request as OpenWhisk's raw web actions get it: a string as it is, other bodies as base64.
    pub fn raw_parameters(&self, request: &Request) -> String {
        let body = match self.value {
            None => String::new(),
            Some(value) => {
                json::string(value).map_or_else(|| STANDARD.encode(value), Cow::into_owned)
            }
        };
        let headers = request.headers.iter();
        let headers: Map<String, Value> = headers
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        let user = self.metadata.namespace.as_deref().unwrap_or_default();
        serde_json::json!({
            "__ow_method": request.method.to_ascii_lowercase(),
            "__ow_headers": headers,
            "__ow_path": "",
            "__ow_user": user,
            "__ow_query": request.query,
            "__ow_body": body,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(body: &str) -> Envelope<'_> {
        decode(body.as_bytes()).expect(body)
    }

    #[test]
    fn all_three_parts() {
        let both = envelope(
            r#"{"init":{"name":"n","main":"m","code":"AAAA","binary":true,"raw":true},
                "activation":{"activation_id":"i","deadline":5,"x":"y"},"value":{ "a":1e3}}"#,
        );
        let init = both.init.expect("an init");
        assert_eq!(init.init.entry_point, "m");
        assert!(init.note.raw);
        let activation = both.activation.expect("a run");
        assert_eq!(activation.parameters().as_deref(), Ok("{ \"a\":1e3}"));
        assert_eq!(activation.metadata.deadline_ms(), Some(5));
        assert_eq!(activation.metadata.action_name.as_deref(), Some("n"));
        assert_eq!(activation.metadata.others, [("x".into(), "y".into())]);
    }

    #[test]
    fn what_is_absent() {
        for body in [
            "",
            "{}",
            "null",
            r#"{"init":null,"activation":null}"#,
            "{\"value\":null}",
        ] {
            let run = envelope(body);
            assert_eq!(run.init, None, "{body}");
            let activation = run.activation.expect(body);
            assert_eq!(activation.parameters().as_deref(), Ok("{}"), "{body}");
        }
        assert!(envelope(r#"{"init":{}}"#).activation.is_none());
        assert!(envelope(r#"{"init":{},"value":{}}"#).activation.is_some());
    }

    #[test]
    fn refusals() {
        for (body, start) in [
            ("[]", "The request body is an array;"),
            ("{bad", "The request body is not JSON"),
            ("{\"init\":5}", "init is a number; it must be an object"),
            ("{\"init\":{\"raw\":1}}", "init.raw is a number;"),
            ("{\"init\":{\"code\":1}}", "value.code is a number;"),
            ("{\"activation\":\"x\"}", "activation is a string;"),
        ] {
            let refusal = decode(body.as_bytes()).expect_err(body);
            assert!(refusal.to_string().starts_with(start), "{refusal}");
        }
        let scalar = envelope("{\"value\":5}");
        assert_eq!(
            scalar.activation.expect("a run").parameters(),
            Err(NotRun::ValueNotContainer)
        );
    }

    #[test]
    fn digests_tell_one_init_from_another() {
        let digest = |body| envelope(body).init.expect(body).note.digest;
        assert_eq!(
            digest(r#"{"init":{"code":"AAAA"}}"#),
            digest(r#"{ "value":{}, "init" : {"code":"AAAA"}}"#)
        );
        assert_ne!(
            digest(r#"{"init":{"code":"AAAA"}}"#),
            digest(r#"{"init":{"code":"AAAB"}}"#)
        );
    }

    #[test]
    fn raw_actions_get_the_request() {
        let request = Request {
            method: "POST".into(),
            query: "a=1".into(),
            headers: vec![("x".into(), "y".into())],
        };
        let parameters = |body| {
            let activation = envelope(body).activation.expect(body);
            let text = activation.raw_parameters(&request);
            serde_json::from_str::<Value>(&text).expect("JSON")
        };
        let object = parameters(r#"{"activation":{"namespace":"ns"},"value":{"a":1}}"#);
        assert_eq!(
            object,
            serde_json::json!({"__ow_method":"post","__ow_headers":{"x":"y"},"__ow_path":"",
                "__ow_user":"ns","__ow_query":"a=1","__ow_body":"eyJhIjoxfQ=="})
        );
        assert_eq!(parameters(r#"{"value":"text"}"#)["__ow_body"], "text");
        assert_eq!(parameters("{}")["__ow_body"], "");
    }
}
