//! Why an upload on the admin port is not taken.

use std::io;

use thiserror::Error;

/// The upload never reached the master.
#[derive(Debug, Error)]
pub enum CannotAdmit {
    #[error("The token file {path} cannot be read: {source}. Check --admin-token-file.")]
    TokenFile { path: String, source: io::Error },
    #[error("The token file {path} is empty. Write a token into it.")]
    NoToken { path: String },
    #[error("Uploads are off: start the runner with --admin-token-file.")]
    Off,
    #[error("The token is missing or wrong: send it as Authorization: Bearer TOKEN.")]
    Token,
    #[error(
        "The action came with /init, and an upload cannot take its place: start a new container."
    )]
    Delivered,
    #[error("The new library was not ready in time; it may still take over. Ask /readyz.")]
    Late,
}
