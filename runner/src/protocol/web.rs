//! Results as plain HTTP answers, by the rules of OpenWhisk's web actions: an object with `statusCode`, or with both
//! `headers` and `body`, says itself what the caller gets. Everything else goes out as the JSON it is.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::json::{self, Shape};
use crate::refusal::WebRefusal;

const CONTENT_TYPE: &str = "content-type";
/// Names that speak of the connection or of the length, which are the server's to say.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A whole HTTP answer. Header names are lower-case tokens, values have no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// What the caller gets for `answer`, the outcome of a run. `failed` is the status of a result that is an error but
/// no HTTP answer.
pub fn into_http(answer: Answer, failed: u16) -> WebAnswer {
    if answer.status != 200 {
        return answer.into();
    }
    let Some(result) = Returned::of(&answer.body) else {
        return answer.into();
    };
    let form = match result.error.map(|error| Returned::of(error.as_bytes())) {
        _ if result.is_form() => result,
        Some(Some(error)) if error.is_form() => error,
        Some(_) => {
            let body = answer.body;
            return Answer {
                status: failed,
                body,
            }
            .into();
        }
        None => return answer.into(),
    };
    form.dressed(&answer.body)
        .unwrap_or_else(|refusal| Answer::from(&refusal).into())
}

impl From<Answer> for WebAnswer {
    fn from(answer: Answer) -> Self {
        Self {
            status: answer.status,
            headers: vec![(CONTENT_TYPE.to_owned(), "application/json".to_owned())],
            body: answer.body,
        }
    }
}

/// The members of a result that mean something here, as JSON text. Null is absent.
#[derive(Clone, Copy, Default)]
struct Returned<'a> {
    status: Option<&'a str>,
    headers: Option<&'a str>,
    body: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Returned<'a> {
    /// `None` for what is no object.
    fn of(text: &'a [u8]) -> Option<Self> {
        let mut result = Self::default();
        let shape = json::members(std::str::from_utf8(text).ok()?, |key, raw| {
            let member = match key {
                "statusCode" => &mut result.status,
                "headers" => &mut result.headers,
                "body" => &mut result.body,
                "error" => &mut result.error,
                _ => return,
            };
            *member = Some(raw).filter(|raw| !json::is_null(raw));
        });
        (shape == Ok(Shape::Object)).then_some(result)
    }

    fn is_form(&self) -> bool {
        self.status.is_some() || (self.headers.is_some() && self.body.is_some())
    }

    fn dressed(&self, whole: &Bytes) -> Result<WebAnswer, WebRefusal> {
        let mut headers = self.headers.map(headers).transpose()?.unwrap_or_default();
        let given = take_content_type(&mut headers);
        let (body, content_type) = match self.body {
            None | Some("\"\"") => (Bytes::new(), None),
            Some(raw) => content(whole, raw, given)?,
        };
        let status = match self.status {
            Some(raw) => status(raw)?,
            None if body.is_empty() => 204,
            None => 200,
        };
        headers.extend(content_type.map(|kind| (CONTENT_TYPE.to_owned(), kind)));
        // These have none, whatever the action says.
        let body = if matches!(status, 204 | 304) {
            Bytes::new()
        } else {
            body
        };
        Ok(WebAnswer {
            status,
            headers,
            body,
        })
    }
}

fn status(raw: &str) -> Result<u16, WebRefusal> {
    let text = json::text(raw);
    let number: Option<f64> = text.trim().parse().ok();
    // Some languages write whole numbers as 200.0 or 2e2.
    match (200..=599).find(|status| number == Some(f64::from(*status))) {
        Some(status) => Ok(status),
        None => Err(WebRefusal::StatusCode {
            found: text.into_owned(),
        }),
    }
}

fn headers(raw: &str) -> Result<Vec<(String, String)>, WebRefusal> {
    let Ok(object) = serde_json::from_str::<Map<String, Value>>(raw) else {
        return Err(WebRefusal::Headers {
            found: json::kind(raw),
        });
    };
    let mut headers = Vec::with_capacity(object.len() + 1);
    for (name, value) in object {
        let name = name.to_ascii_lowercase();
        if !is_token(&name) {
            let why = "its name may only have letters, digits and !#$%&'*+-.^_`|~";
            return Err(WebRefusal::Header { name, why });
        }
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let value = header_value(&name, value)?;
            if !RESERVED.contains(&name.as_str()) {
                headers.push((name.clone(), value));
            }
        }
    }
    Ok(headers)
}

fn header_value(name: &str, value: Value) -> Result<String, WebRefusal> {
    let refused = |why| WebRefusal::Header {
        name: name.to_owned(),
        why,
    };
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => {
            return Err(refused(
                "its value must be a string, a number, a boolean or an array of these",
            ));
        }
    };
    if text
        .bytes()
        .any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f)
    {
        return Err(refused("its value has a line break or control character"));
    }
    Ok(text)
}

fn is_token(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

fn take_content_type(headers: &mut Vec<(String, String)>) -> Option<String> {
    let mut found = None;
    headers.retain(|(name, value)| {
        if name == CONTENT_TYPE {
            found.get_or_insert_with(|| value.clone());
        }
        name != CONTENT_TYPE
    });
    found
}

/// The bytes of a body, which stands somewhere in `whole`, and what they are.
fn content(
    whole: &Bytes,
    raw: &str,
    given: Option<String>,
) -> Result<(Bytes, Option<String>), WebRefusal> {
    let Some(text) = json::string(raw) else {
        let kind = given.unwrap_or_else(|| "application/json".to_owned());
        return Ok((whole.slice_ref(raw.as_bytes()), Some(kind)));
    };
    let kind = given.unwrap_or_else(|| "text/html; charset=utf-8".to_owned());
    let bytes = if is_text(&kind) {
        text.into_owned().into_bytes()
    } else {
        match BASE64.decode(text.trim_ascii()) {
            Ok(bytes) => bytes,
            Err(_) => return Err(WebRefusal::Body { content_type: kind }),
        }
    };
    Ok((bytes.into(), Some(kind)))
}

/// Is a body of this type sent as its text? Others are base64.
fn is_text(content_type: &str) -> bool {
    let kind = content_type.to_ascii_lowercase();
    let (kind, parameters) = kind.split_once(';').unwrap_or((&kind, ""));
    let Some((family, name)) = kind.trim().split_once('/') else {
        return true;
    };
    let textual = ["json", "xml", "javascript", "ecmascript", "yaml"];
    matches!(family, "text" | "multipart" | "message")
        || parameters.contains("charset")
        || textual.iter().any(|suffix| name.ends_with(suffix))
        || matches!(
            name,
            "x-www-form-urlencoded" | "x-ndjson" | "graphql" | "sql" | "toml"
        )
}

#[cfg(test)]
mod tests;
