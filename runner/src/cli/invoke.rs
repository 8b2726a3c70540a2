//! `invoke`: calls an action in this very process, without server or fork, so that debuggers and profilers see it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Status;
use crate::action::{self, Action, Context, Outcome};
use crate::package::Code;
use crate::protocol::container;
use crate::refusal::{self, LoadRefusal};

// The flags of `invoke`.
#[derive(Debug, Args)]
pub(super) struct Invoke {
    /// The library or program
    library: PathBuf,
    /// The parameters: JSON, @FILE, or - for stdin [default: {}]
    json: Option<String>,
    /// The entry point to call
    #[arg(long, value_name = "NAME", default_value = "main")]
    main: String,
    /// One parameter; a value that is not JSON is taken as a string
    #[arg(long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// Call it this many times, and print median and spread of the time to stderr
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,
}

impl Invoke {
    /// The result goes to stdout, everything else to stderr.
    pub(super) fn execute(self) -> ExitCode {
        let params = match self.parameters() {
            Ok(params) => params,
            Err(mistake) => {
                refusal::report(&mistake);
                return Status::Usage.into();
            }
        };
        // What the action prints is for people; stdout is for the result.
        let Ok(result) = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3) else {
            return Status::Usage.into();
        };
        let _ = rustix::stdio::dup2_stdout(rustix::stdio::stderr());
        let action = match load(&self.library, &self.main) {
            Ok(action) => action,
            Err(refusal) => {
                refusal::report(&refusal);
                return Status::CannotLoad.into();
            }
        };
        let (outcome, times) = call(&*action, &params, self.repeat.max(1));
        if self.repeat > 1 {
            report(times);
        }
        let (bytes, status) = judge(&outcome);
        let mut text = bytes.to_vec();
        text.push(b'\n');
        let _ = fs::File::from(result).write_all(&text);
        status
    }

    fn parameters(&self) -> Result<String, String> {
        let text = match self.json.as_deref() {
            None => "{}".to_owned(),
            Some("-") => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .map_err(|error| format!("stdin cannot be read: {error}."))?;
                text
            }
            Some(text) => match text.strip_prefix('@') {
                Some(path) => fs::read_to_string(path)
                    .map_err(|error| format!("{path} cannot be read: {error}."))?,
                None => text.to_owned(),
            },
        };
        let raw: Box<RawValue> = serde_json::from_str(&text)
            .map_err(|error| format!("the parameters are not JSON: {error}."))?;
        if !raw.get().starts_with(['{', '[']) {
            return Err("the parameters must be a JSON object or array.".to_owned());
        }
        if self.params.is_empty() {
            return Ok(raw.get().to_owned());
        }
        let mut object: Map<String, Value> = serde_json::from_str(raw.get())
            .map_err(|_| "--param needs parameters that are an object.".to_owned())?;
        for param in &self.params {
            let (key, value) = param
                .split_once('=')
                .ok_or_else(|| format!("--param {param} has no '=': write KEY=VALUE."))?;
            object.insert(
                key.to_owned(),
                serde_json::from_str(value).unwrap_or_else(|_| value.into()),
            );
        }
        Ok(Value::Object(object).to_string())
    }
}

fn load(path: &Path, entry_point: &str) -> Result<Box<dyn Action>, LoadRefusal> {
    let action = open(path, entry_point)?;
    action.init(&Context::default())?;
    Ok(action)
}

/// Opens an action. A library's `init` is not run.
pub(super) fn open(path: &Path, entry_point: &str) -> Result<Box<dyn Action>, LoadRefusal> {
    let code = Code::open(path)?;
    // Without a slash the loader would look in the system's folders only.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if let (Code::Program(_), Some(folder)) = (&code, path.parent()) {
        // Where it runs when it is served.
        let _ = std::env::set_current_dir(folder);
    }
    action::load(&path, &code, entry_point)
}

fn call(action: &dyn Action, params: &str, repeat: u32) -> (Outcome, Vec<Duration>) {
    let mut times = Vec::new();
    loop {
        let start = Instant::now();
        let outcome = action.invoke(params, &Context::default());
        times.push(start.elapsed());
        if times.len() >= repeat as usize {
            return (outcome, times);
        }
    }
}

fn report(mut times: Vec<Duration>) {
    times.sort_unstable();
    let (Some(low), Some(high)) = (times.first(), times.last()) else {
        return;
    };
    let median = times[times.len() / 2];
    refusal::report(&format!(
        "{} calls: median {median:?}, lowest {low:?}, highest {high:?}",
        times.len()
    ));
}

/// Does the result say that it is an error, as a platform would read it: by a member of that name, whatever its value?
fn is_error(result: &[u8]) -> bool {
    let members = serde_json::from_slice::<BTreeMap<Cow<'_, str>, &RawValue>>(result);
    members.is_ok_and(|members| members.contains_key("error"))
}

fn judge(outcome: &Outcome) -> (&[u8], ExitCode) {
    match outcome {
        Outcome::Json(result) | Outcome::Unchecked(result) => {
            match container::check_result(result.as_ref()) {
                Ok(()) if is_error(result.as_ref()) => (result.as_ref(), Status::No.into()),
                Ok(()) => (result.as_ref(), ExitCode::SUCCESS),
                Err(_) => {
                    refusal::report(refusal::NOT_A_CONTAINER_OUT);
                    (result.as_ref(), Status::No.into())
                }
            }
        }
        Outcome::Error(error) => (error.as_ref(), Status::No.into()),
        Outcome::Panicked(message) => {
            refusal::report("the action panicked.");
            (message.as_ref(), Status::Crashed.into())
        }
    }
}
