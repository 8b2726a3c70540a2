//! Actions that are programs, of the two older contracts: started and talked to over pipes, where a library is called.
//!
//! `docker_sdk` starts a process for each run, `actionloop` one that lives from run to run. `place` and `spawn` are from
//! where and how either is started, `exchange` how it is talked to.

mod actionloop;
mod docker_sdk;
mod exchange;
mod place;
mod spawn;

use std::borrow::Cow;
use std::path::Path;

use super::{Action, Context};
use crate::package::{Contract, Program};
use actionloop::ActionLoop;
use docker_sdk::DockerSdk;
use place::Place;

/// Makes the program at `path` ready to be called. Nothing is started yet.
pub(super) fn open(path: &Path, program: &Program) -> Box<dyn Action> {
    let place = Place::new(path, program);
    match program.contract {
        Contract::DockerSdk => Box::new(DockerSdk::new(place)),
        Contract::ActionLoop { acknowledges } => Box::new(ActionLoop::new(place, acknowledges)),
    }
}

impl Context<'_> {
    /// What is given, by the platform's own names: as programs are told it, in variables or beside the parameters.
    fn members(&self) -> Vec<(&str, Cow<'_, str>)> {
        let mut members = vec![
            ("activation_id", Cow::Borrowed(self.activation_id)),
            ("transaction_id", self.transaction_id.into()),
            ("namespace", self.namespace.into()),
            ("action_name", self.action_name.into()),
            ("action_version", self.action_version.into()),
            ("api_key", self.api_key.into()),
            ("api_host", self.api_host.into()),
        ];
        members.retain(|(_, value)| !value.is_empty());
        if self.deadline_ms != 0 {
            members.push(("deadline", self.deadline_ms.to_string().into()));
        }
        for (name, value) in self.others {
            members.push((name, Cow::Borrowed(value)));
        }
        members
    }
}

#[cfg(test)]
mod tests;
