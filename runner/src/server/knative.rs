//! Knative's single entry point, `POST /`: initialises if it has to, then runs, and gives one answer.
//!
//! A dedicated process finds its code in the environment and takes none from callers.

use std::env;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Request, Response};

use super::body;
use super::body::Payload;
use super::handlers::{perform, respond, respond_web, trace};
use crate::engine::Engine;
use crate::process::connection::Caller;
use crate::protocol::answer::Answer;
use crate::protocol::envelope::{self, Envelope, Initialisation, Note};
use crate::protocol::init::Init;
use crate::protocol::run::{self, Run};
use crate::protocol::web;
use crate::refusal;

/// The action of a dedicated process.
#[derive(Debug)]
pub(super) struct Dedicated {
    code: Option<String>,
    main: String,
    name: Option<String>,
    raw: bool,
}

/// What the environment says. Called before any action is loaded, which might change it.
pub(super) fn dedicated() -> &'static Dedicated {
    let text = |name| env::var(name).ok().filter(|text| !text.is_empty());
    let is_true = |text: &String| text.eq_ignore_ascii_case("true");
    Box::leak(Box::new(Dedicated {
        code: text("__OW_ACTION_CODE"),
        main: text("__OW_ACTION_MAIN").unwrap_or_else(|| "main".to_owned()),
        name: text("__OW_ACTION_NAME"),
        raw: text("__OW_ACTION_RAW").as_ref().is_some_and(is_true),
    }))
}

impl Dedicated {
    /// Does the process find its code in the environment?
    pub(super) fn has_code(&self) -> bool {
        self.code.is_some()
    }

    /// Sees to it that such a process is initialised; otherwise the answer to what it was asked.
    pub(super) fn initialise(&self, engine: &Engine, caller: Caller) -> Option<Answer> {
        let answer = engine.init_once(caller, &self.initialisation()?);
        (answer.status != 200).then_some(answer)
    }

    fn initialisation(&self) -> Option<Initialisation<'_>> {
        let init = Init {
            entry_point: self.main.as_str().into(),
            code: Some(self.code.as_deref()?.into()),
            binary: None,
            env: Vec::new(),
            name: self.name.as_deref().map(Into::into),
        };
        // There is no other: its digest need not tell it from any.
        let note = Note {
            digest: 0,
            raw: self.raw,
        };
        Some(Initialisation { init, note })
    }
}

/// `POST /init` to a process that takes no code from callers.
pub(super) async fn refuse(request: Request<Body>) -> Response<Body> {
    body::discard(request).await;
    refusal::report(refusal::DEDICATED);
    respond(Answer::dedicated())
}

/// `POST /run` of a dedicated process: it initialises itself if it has to.
pub(super) async fn run(
    engine: &'static Engine,
    dedicated: &'static Dedicated,
    caller: Caller,
    request: Request<impl Payload>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match body::read(&head.headers, body, caller, engine).await {
        Ok(body) => body,
        Err(answer) => return respond(engine.unread(answer)),
    };
    if let Some(answer) = dedicated.initialise(engine, caller) {
        return respond(answer);
    }
    let run = move || {
        let request = run::decode(&body).map_err(|refusal| Answer::from(&refusal));
        engine.run(caller, request, trace(&head.headers))
    };
    respond(perform(engine, run).await)
}

/// `POST /`.
pub(super) async fn enter(
    State(engine): State<&'static Engine>,
    Extension(dedicated): Extension<&'static Dedicated>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match body::read(&head.headers, body, caller, engine).await {
        Ok(body) => body,
        Err(answer) => return respond(engine.unread(answer)),
    };
    match prepare(engine, dedicated, caller, &body) {
        Next::Answer(answer) => respond(answer),
        Next::Run => {
            let run = move || enter_run(engine, dedicated, caller, &head, &body);
            respond_web(web::into_http(perform(engine, run).await, 200))
        }
    }
}

enum Next {
    Answer(Answer),
    Run,
}

/// Everything that comes before the run.
fn prepare(engine: &Engine, dedicated: &Dedicated, caller: Caller, body: &[u8]) -> Next {
    let Envelope { init, activation } = match envelope::decode(body) {
        Ok(envelope) => envelope,
        Err(refusal) => {
            return Next::Answer(engine.unread(Answer::from(&refusal)));
        }
    };
    if init.is_some() && dedicated.has_code() {
        return Next::Answer(Answer::dedicated());
    }
    let Some(init) = init.or_else(|| dedicated.initialisation()) else {
        return Next::Run;
    };
    let answer = engine.init_once(caller, &init);
    match activation {
        Some(_) if answer.status == 200 => Next::Run,
        _ => Next::Answer(answer),
    }
}

fn enter_run(
    engine: &Engine,
    dedicated: &Dedicated,
    caller: Caller,
    head: &Parts,
    body: &Bytes,
) -> Answer {
    let envelope = envelope::decode(body).map(|envelope| envelope.activation);
    let mut activation = match envelope {
        Ok(activation) => activation.unwrap_or_default(),
        Err(refusal) => return engine.unread(Answer::from(&refusal)),
    };
    if activation.metadata.action_name.is_none() {
        activation.metadata.action_name = dedicated.name.as_deref().map(Into::into);
    }
    let raw = dedicated.raw || engine.note().is_some_and(|note| note.raw);
    let value = if raw {
        Ok(activation.raw_parameters(&request(head)).into())
    } else {
        activation
            .parameters()
            .map_err(|refusal| Answer::from(&refusal))
    };
    let request = value.as_ref().map_err(Clone::clone).map(|value| Run {
        value,
        metadata: activation.metadata,
    });
    engine.run(caller, request, trace(&head.headers))
}

fn request(head: &Parts) -> envelope::Request {
    let headers = head.headers.iter();
    envelope::Request {
        method: head.method.to_string(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers
            .map(|(name, value)| {
                let text = String::from_utf8_lossy(value.as_bytes());
                (name.to_string(), text.into_owned())
            })
            .collect(),
    }
}
