//! What a library or a program is and whether it would load or run here, found out without running any of its code.
//!
//! The same reading as before a load (`package::Code`), so that a build step can fail instead of a deployment. The
//! entry points of a Rust library are known to its root module only: whoever loads it fills them in.

mod report;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Status;
use crate::package::elf::{self, Binary, Host};
use crate::package::{Code, search};
use crate::refusal::LoadRefusal;
use report::Report;

/// The flags of `inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Inspect {
    /// The library or program
    library: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Inspect {
    /// Exit status 0: it would load, or run, here; 1: it would not.
    pub(super) fn execute(self) -> ExitCode {
        let mut report = report(&self.library);
        // A Rust library's root module says what its entry points are, and whether its types match ours.
        if report.would_load && report.entry_points.is_none() {
            match super::invoke::entry_points(&self.library) {
                Ok(names) => report.entry_points = Some(names),
                Err(refusal) => report.refuse(&refusal),
            }
        }
        let text = match self.json {
            true => serde_json::to_string_pretty(&report).unwrap_or_default() + "\n",
            false => report.to_string(),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        match report.would_load {
            true => ExitCode::SUCCESS,
            false => Status::No.into(),
        }
    }
}

/// Inspects a file.
fn report(path: &Path) -> Report {
    let mut report = Report::empty(path);
    match Code::open(path) {
        Ok(code) => {
            let host = Host::current();
            report.describe(&code, &host, path);
            if let Err(refusal) = verdict(&code, &host, path) {
                report.refuse(&refusal);
            }
        }
        Err(refusal) => report.refuse(&refusal),
    }
    report
}

/// Any entry point will do: which one is asked for is `main`'s business.
fn verdict(code: &Code, host: &Host, path: &Path) -> Result<(), LoadRefusal> {
    match code {
        Code::Library(library) => {
            let first = library.entry_points().into_iter().next();
            elf::check(library, first.as_deref().unwrap_or("main"), host)?;
            let missing = search::missing(library, path);
            if !missing.is_empty() {
                return Err(search::missing_libraries(missing));
            }
        }
        Code::Program(program) => program.check(path, host)?,
    }
    code.binary()
        .map_or(Ok(()), |binary| versions(binary, path))
}

/// Do the libraries that would be taken define the versions that are needed of them?
fn versions(binary: &Binary, path: &Path) -> Result<(), LoadRefusal> {
    for name in &binary.needed {
        let wanted = binary
            .versions
            .iter()
            .filter(|version| version.library == *name);
        let Some(file) = search::find(name, binary, path) else {
            continue;
        };
        let Ok(provided) = elf::provided_by(&file) else {
            continue;
        };
        // A library without versions serves every version, as for the loader.
        if provided.is_empty() {
            continue;
        }
        for version in wanted {
            if !provided.contains(&version.version) {
                return Err(LoadRefusal::SymbolVersion {
                    library: name.clone(),
                    version: version.version.clone(),
                    symbol: version
                        .symbol
                        .clone()
                        .unwrap_or_else(|| "the library".to_owned()),
                    here: file.display().to_string(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
