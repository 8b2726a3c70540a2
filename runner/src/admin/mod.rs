//! Health, metrics and uploads, on a port of their own and in a process of its own: answered also while every worker
//! computes, is being replaced, or crashes in a loop. It reads the shared pages; of requests to the action it sees
//! nothing. What it tells the master is one thing: that an upload is there.

mod health;
mod metrics;
mod token;
mod upload;

pub use token::Token;

use std::io;
use std::net::TcpListener;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use axum::routing::{get, put};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::Duration;
use tower_service::Service;

use crate::process::SideProcess;
use crate::{protocol::answer::Answer, refusal};

/// Connections at once: a scraper, some probes and an upload.
const CONNECTIONS: usize = 32;
/// How long a caller may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A pause after `accept` failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const JSON: &str = "application/json";

/// The life of the process that answers on the admin port. Returns its exit status.
pub fn work(side: SideProcess) -> i32 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build();
    let outcome = runtime.and_then(|runtime| runtime.block_on(serve(side)));
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            refusal::report(&format!("The admin port cannot be served: {error}."));
            1
        }
    }
}

async fn serve(side: SideProcess) -> io::Result<()> {
    let Some(listener) = side.listener else {
        return Ok(());
    };
    let listener = TcpListener::from(listener.try_clone_to_owned()?);
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = router(side);
    let room: &'static Semaphore = Box::leak(Box::new(Semaphore::new(CONNECTIONS)));
    loop {
        let Ok(place) = room.acquire().await else {
            return Ok(());
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let router = router.clone();
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                router.clone().call(request)
            });
            // An error means that the caller went away: there is nobody to tell.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn router(side: SideProcess) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .route("/action", put(upload::upload))
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .with_state(side)
}

async fn nowhere() -> Response<Body> {
    respond(Answer::error(404, refusal::NOT_FOUND_ADMIN))
}

async fn wrong_method() -> Response<Body> {
    respond(Answer::method_not_allowed())
}

fn respond(answer: Answer) -> Response<Body> {
    text(answer.status, JSON, Body::from(answer.body))
}

fn text(status: u16, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
