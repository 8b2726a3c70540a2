//! What a library or a program is and whether it would load or run here.
//!
//! First the same reading as before a load (`package::Code`), which runs none of its code, so that a build step can fail
//! instead of a deployment. A library that passes is then loaded, in a process of its own: only so can it be known
//! whether its ABI fits, and what its entry points say of themselves.

mod report;
mod schema;
mod trial;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Status;
use crate::package::elf::{self, Binary, Host};
use crate::package::{Code, search};
use crate::refusal::LoadRefusal;
use report::Report;

// The flags of `inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Inspect {
    /// The library or program
    library: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Load it, in this very process, and tell the parent what it says of itself
    #[arg(long, value_name = "ENTRY_POINT", hide = true)]
    trial: Option<String>,
}

impl Inspect {
    /// Exit status 0: it would load, or run, here; 1: it would not.
    pub(super) fn execute(self) -> ExitCode {
        if let Some(entry_point) = &self.trial {
            return trial::answer(&self.library, entry_point);
        }
        let mut report = report(&self.library);
        if report.would_load && report.dialect.is_some() {
            let first = report.entry_points.as_ref().and_then(|names| names.first());
            let entry_point = first.map_or("main", String::as_str);
            match trial::load(&self.library, entry_point) {
                Some(Ok(known)) => report.add(known),
                Some(Err(why)) => report.refuse(&why),
                None => {}
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
