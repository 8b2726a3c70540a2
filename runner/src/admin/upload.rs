//! `PUT /action`: another action, or an archive with one, takes the place of the one that serves.
//!
//! It is looked at here; then the master tries it. The caller is answered once it serves, or why it does not.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use rustix::process::{Signal, kill_process};
use tokio::sync::Mutex;
use tokio::time::{Duration, sleep};

use super::{JSON, Token, respond, text};
use crate::action;
use crate::package::{self, Limits, Package, Refused};
use crate::process::SideProcess;
use crate::process::upload::Verdict;
use crate::protocol::answer::Answer;
use crate::refusal::{BadRequest, CannotAdmit, LoadRefusal};

/// How the token is announced, in any case.
const SCHEME: &[u8] = b"Bearer ";
/// How often the answer is looked for while the library is tried.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
/// How long the caller waits. Workers may have to leave first.
const SWAP_TIMEOUT: Duration = Duration::from_secs(60);

/// The folders that archives were unpacked to. Held by one upload at a time.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::const_new(Vec::new());
/// How many of them may be in use: the one that serves, and the one before, whose worker may still finish a run.
const IN_USE: usize = 2;

pub(super) async fn upload(
    State(side): State<SideProcess>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    if let Err(refusal) = admit(side, &head.headers) {
        return respond(Answer::from(&refusal));
    }
    let limit = side.config.max_body;
    let body = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return respond(Answer::from(&BadRequest::Oversized { limit }));
        }
        Err(_) => return respond(Answer::body_cut_off()),
    };
    let mut folders = FOLDERS.lock().await;
    let (file, package) = match receive(side, &body) {
        Ok(received) => received,
        Err(refused) => return respond(Answer::error(422, &refused.to_string())),
    };
    drop(body);
    let verdict = try_out(side, &file).await;
    if let (Some(Verdict::Refused(_)), Some(folder)) = (&verdict, &package.directory) {
        let _ = std::fs::remove_dir_all(folder);
    } else {
        folders.extend(package.directory);
        if folders.len() > IN_USE {
            let _ = std::fs::remove_dir_all(folders.remove(0));
        }
    }
    match verdict {
        Some(Verdict::Serves(library)) => {
            let generation = side.shared.generation.load(Acquire);
            let body = serde_json::json!({ "generation": generation, "library": library });
            text(200, JSON, Body::from(body.to_string()))
        }
        Some(Verdict::Refused(why)) => respond(Answer::error(422, &why)),
        None => respond(Answer::from(&CannotAdmit::Late)),
    }
}

fn admit(side: SideProcess, headers: &HeaderMap) -> Result<(), CannotAdmit> {
    let Some(path) = &side.config.admin_token_file else {
        return Err(CannotAdmit::Off);
    };
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given.and_then(|value| {
        let (scheme, token) = value.split_at_checked(SCHEME.len())?;
        scheme.eq_ignore_ascii_case(SCHEME).then_some(token)
    });
    if !given.is_some_and(|given| Token::read(path).is_ok_and(|token| token.is(given.trim_ascii())))
    {
        Token::read(path)?;
        return Err(CannotAdmit::Token);
    }
    if side.shared.delivered.load(Acquire) != 0 {
        return Err(CannotAdmit::Delivered);
    }
    Ok(())
}

/// Everything that can be known about the upload without running any of it.
fn receive(side: SideProcess, body: &[u8]) -> Result<(OwnedFd, Package), Refused> {
    let config = side.config;
    let mut package = package::from_bytes(body, &config.scratch, &Limits::default())?;
    let opened = action::check(&package.path, &package.code, &config.entry_point).and_then(|()| {
        package.file.take().map_or_else(
            || {
                let unreadable = |error: std::io::Error| LoadRefusal::Unreadable {
                    path: package.origin.clone(),
                    why: error.to_string(),
                };
                File::open(&package.path)
                    .map(OwnedFd::from)
                    .map_err(unreadable)
            },
            Ok,
        )
    });
    match opened {
        Ok(file) => Ok((file, package)),
        Err(refusal) => {
            if let Some(folder) = &package.directory {
                let _ = std::fs::remove_dir_all(folder);
            }
            Err(refusal.into())
        }
    }
}

/// Has the master try the library. `None`: it takes too long.
async fn try_out(side: SideProcess, file: &OwnedFd) -> Option<Verdict> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Relaxed);
    let until = Instant::now() + SWAP_TIMEOUT;
    side.uploads.ask(number, file).ok()?;
    let _ = kill_process(side.master, Signal::USR2);
    while Instant::now() < until {
        if let Some(verdict) = side.uploads.verdict(number) {
            return Some(verdict);
        }
        sleep(LOOK_INTERVAL).await;
    }
    None
}
