//! Where a program is started from.

use std::io;
use std::path::{Path, PathBuf};

use super::spawn::Launch;
use crate::action::Context;
use crate::package::{Program, Stamp, stamp};
use crate::refusal::NoAnswer;

/// A file, and perhaps its copy.
pub(super) struct Place {
    path: PathBuf,
    copy: Option<PathBuf>,
    /// The file as it was when it was looked at.
    seen: Option<Stamp>,
}

impl Place {
    pub(super) fn new(path: &Path, program: &Program) -> Self {
        Self {
            path: for_others(path),
            copy: program.copy.as_deref().map(for_others),
            seen: stamp(path),
        }
    }

    /// The program with this run's variables. It inherits the rest. It is the file itself, so that it finds what lies
    /// beside it; the copy when the file has changed, or cannot be executed.
    pub(super) fn launch(&self, context: &Context<'_>) -> Launch {
        let mut launch = match &self.copy {
            Some(copy) if stamp(&self.path) != self.seen => Launch::new(&[copy]),
            Some(copy) => Launch::new(&[&self.path, copy]),
            None => Launch::new(&[&self.path]),
        };
        for (name, value) in context.members() {
            launch.variable(&format!("__OW_{}", name.to_uppercase()), Some(&value));
        }
        launch
    }

    /// Why there is no process.
    pub(super) fn not_started(&self, source: io::Error) -> NoAnswer {
        let path = self.path.display().to_string();
        NoAnswer::NotStarted { path, source }
    }
}

/// A path by which other processes find what is in this one's memory: the interpreter of a script, for one.
fn for_others(path: &Path) -> PathBuf {
    match path.strip_prefix("/proc/self") {
        Ok(rest) => Path::new("/proc")
            .join(std::process::id().to_string())
            .join(rest),
        Err(_) => path.to_owned(),
    }
}
