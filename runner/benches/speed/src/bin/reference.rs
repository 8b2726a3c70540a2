//! The reference: a bare axum server that answers the bytes of `value`, as anybody would write it. No action, no logs.
//!
//! `--runtime current` takes tokio's runtime of one thread instead of the default one; `--sentinels` writes a line to
//! stdout and stderr for each run; `--reverse` does the work of the reverse action in the handler; `--any-size` takes
//! bodies of more than 2 MB.

use std::io::Write;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const SENTINEL: &[u8] = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n";

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
}

#[derive(Deserialize)]
struct Parameters {
    payload: String,
}

#[derive(Serialize)]
struct Reversed {
    reversed: String,
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let told = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let mut runtime = match told("current") {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    let (sentinels, reverse) = (told("--sentinels"), told("--reverse"));
    let any_size = told("--any-size");
    runtime.enable_all().build()?.block_on(async move {
        let run = move |body: Bytes| async move {
            let answer = if reverse { reversed(&body) } else { value(&body) };
            if sentinels {
                // As a server that knows nothing better would do it.
                let _ = std::io::stdout().write_all(SENTINEL);
                let _ = std::io::stderr().write_all(SENTINEL);
            }
            answer.unwrap_or_else(|| StatusCode::BAD_REQUEST.into_response())
        };
        let address = arguments.last().map_or("127.0.0.1:0", String::as_str);
        let listener = tokio::net::TcpListener::bind(address).await?;
        eprintln!("reference: listening on {}", listener.local_addr()?);
        let mut router = Router::new().route("/run", post(run));
        if any_size {
            router = router.layer(DefaultBodyLimit::disable());
        }
        axum::serve(listener, router).await
    })
}

/// The bytes of `value`, where they came in.
fn value(body: &Bytes) -> Option<Response> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let bytes = body.slice_ref(envelope.value.get().as_bytes());
    Some(([(CONTENT_TYPE, "application/json")], bytes).into_response())
}

fn reversed(body: &[u8]) -> Option<Response> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let parameters: Parameters = serde_json::from_str(envelope.value.get()).ok()?;
    let reversed = parameters.payload.chars().rev().collect();
    let answer = serde_json::to_vec(&Reversed { reversed }).ok()?;
    Some(([(CONTENT_TYPE, "application/json")], answer).into_response())
}
