//! The requests of an invoker, as the conformance cases write them: I(code, main, env, binary) and R(value, extra).

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{archive, fixtures};

/// The body of an `/init` request.
#[derive(Clone)]
pub struct Init(Value);

impl Init {
    /// A C fixture, by its name.
    #[track_caller]
    pub fn of(fixture: &str) -> Self {
        Self::library(&fixtures::c(fixture))
    }

    /// A library file.
    #[track_caller]
    pub fn library(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::bytes(&bytes)
    }

    /// A zip archive.
    pub fn zip(entries: &[archive::Entry]) -> Self {
        Self::bytes(&archive::zip(entries))
    }

    /// Any bytes, encoded as the CLI would.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::code(&STANDARD.encode(bytes)).binary(true)
    }

    /// Any text as code.
    pub fn code(code: &str) -> Self {
        Self(json!({ "code": code, "main": "main", "binary": false, "env": null }))
    }

    pub fn main(self, main: &str) -> Self {
        self.with("main", json!(main))
    }

    pub fn env(self, env: Value) -> Self {
        self.with("env", env)
    }

    pub fn binary(self, binary: bool) -> Self {
        self.with("binary", json!(binary))
    }

    /// Sets any field of `value`.
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.0[field] = value;
        self
    }

    /// Takes a field of `value` away.
    pub fn without(mut self, field: &str) -> Self {
        self.0.as_object_mut().unwrap().remove(field);
        self
    }

    pub fn value(&self) -> Value {
        json!({ "value": self.0 })
    }

    pub fn body(&self) -> Vec<u8> {
        self.value().to_string().into_bytes()
    }
}

/// The body of a `/run` request: R(value, extra).
pub fn run_body(value: &Value, extra: &Value) -> Vec<u8> {
    let mut body = json!({ "value": value });
    for (key, metadata) in extra.as_object().into_iter().flatten() {
        body[key] = metadata.clone();
    }
    body.to_string().into_bytes()
}

/// Text to bytes, for cases that look inside.
pub fn decoded(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}
