//! What a library is and whether it would load here, found out without running any of its code.
//!
//! The same reading as before a load (`package::elf`), so that a build step can fail instead of a deployment. The
//! entry points of a Rust library are known to its root module only: whoever loads it fills them in.

use crate::package::elf::{self, Dialect, Host, Library};
use crate::package::search;
use crate::refusal::LoadRefusal;
use serde::Serialize;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Status;

/// The flags of `inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Inspect {
    /// The library
    library: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Inspect {
    /// Exit status 0: it would load here; 1: it would not.
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

/// All that can be said about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    path: String,
    /// Bytes of the file.
    size: Option<u64>,
    architecture: Option<String>,
    /// "Rust" or "C".
    dialect: Option<String>,
    /// The first is the default. `None` while only loading can tell.
    entry_points: Option<Vec<String>>,
    needed: Vec<Needed>,
    glibc: Option<Glibc>,
    build_id: Option<String>,
    soname: Option<String>,
    would_load: bool,
    /// Why not.
    because: Option<String>,
}

/// A library it is linked against, and the file that would be taken here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Needed {
    name: String,
    found: Option<String>,
}

/// The newest glibc it needs, the function that needs it, and the glibc that is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Glibc {
    needed: String,
    symbol: Option<String>,
    here: Option<String>,
}

/// Inspects a file.
pub(super) fn report(path: &Path) -> Report {
    let mut report = Report::empty(path);
    match elf::open(path) {
        Ok(library) => {
            let host = Host::current();
            report.describe(&library, &host, path);
            if let Err(refusal) = verdict(&library, &host, path) {
                report.refuse(&refusal);
            }
        }
        Err(refusal) => report.refuse(&refusal),
    }
    report
}

impl Report {
    fn empty(path: &Path) -> Self {
        Self {
            path: path.display().to_string(),
            size: path.metadata().ok().map(|metadata| metadata.len()),
            architecture: None,
            dialect: None,
            entry_points: None,
            needed: Vec::new(),
            glibc: None,
            build_id: None,
            soname: None,
            would_load: true,
            because: None,
        }
    }

    /// The verdict is no, for this reason.
    fn refuse(&mut self, refusal: &LoadRefusal) {
        self.would_load = false;
        self.because = Some(refusal.to_string());
    }

    fn describe(&mut self, library: &Library, host: &Host, path: &Path) {
        self.architecture = Some(library.machine.to_string());
        self.dialect = library.dialect.map(|dialect| dialect.to_string());
        self.entry_points = match library.dialect {
            Some(Dialect::Rust) => None,
            Some(Dialect::C) | None => Some(library.entry_points()),
        };
        self.needed = library
            .needed
            .iter()
            .map(|name| needed(name, library, path))
            .collect();
        self.glibc = library.newest_glibc().map(|(version, numbers)| Glibc {
            needed: format!("{}.{}", numbers.0, numbers.1),
            symbol: version.symbol.clone(),
            here: host.glibc.map(|(major, minor)| format!("{major}.{minor}")),
        });
        self.build_id.clone_from(&library.build_id);
        self.soname.clone_from(&library.soname);
    }
}

fn needed(name: &str, library: &Library, path: &Path) -> Needed {
    let found = search::find(name, library, path);
    Needed {
        name: name.to_owned(),
        found: found.map(|file| file.display().to_string()),
    }
}

/// Any entry point will do: which one is asked for is `main`'s business.
fn verdict(library: &Library, host: &Host, path: &Path) -> Result<(), LoadRefusal> {
    let first = library.entry_points().into_iter().next();
    elf::check(library, first.as_deref().unwrap_or("main"), host)?;
    let missing = search::missing(library, path);
    if !missing.is_empty() {
        return Err(search::missing_libraries(missing));
    }
    versions(library, path)
}

/// Do the libraries that would be taken define the versions that are needed of them?
fn versions(library: &Library, path: &Path) -> Result<(), LoadRefusal> {
    for name in &library.needed {
        let wanted = library
            .versions
            .iter()
            .filter(|version| version.library == *name);
        let Some(file) = search::find(name, library, path) else {
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

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.path)?;
        let mut line = |label: &str, text: &str| writeln!(f, "  {label:<13} {text}");
        if let Some(architecture) = &self.architecture {
            line(
                "file",
                &format!(
                    "shared library for {architecture}, {}",
                    bytes(self.size.unwrap_or(0))
                ),
            )?;
            line("dialect", self.dialect.as_deref().unwrap_or("none"))?;
            line("entry points", &self.entry_point_text())?;
        }
        for (place, needed) in self.needed.iter().enumerate() {
            let found = needed.found.as_deref().unwrap_or("not found");
            line(
                if place == 0 { "needs" } else { "" },
                &format!("{:<20} {found}", needed.name),
            )?;
        }
        if let Some(glibc) = &self.glibc {
            line("glibc", &glibc.to_string())?;
        }
        if let Some(build_id) = &self.build_id {
            line("build-id", build_id)?;
        }
        match &self.because {
            None => writeln!(f, "  would load here: yes"),
            Some(reason) => writeln!(f, "  would load here: no: {reason}"),
        }
    }
}

impl Report {
    fn entry_point_text(&self) -> String {
        match self.entry_points.as_deref() {
            None => "known once it is loaded".to_owned(),
            Some([]) => "none".to_owned(),
            Some(names) => names.join(", "),
        }
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or newer", self.needed)?;
        if let Some(symbol) = &self.symbol {
            write!(f, ", for {symbol}")?;
        }
        match &self.here {
            Some(here) => write!(f, " (here: {here})"),
            None => Ok(()),
        }
    }
}

/// A size as people read it, in steps of a thousand.
fn bytes(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} bytes"),
        1_000..1_000_000 => format!("{} kB", size / 1_000),
        _ => format!("{}.{} MB", size / 1_000_000, size / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests;
