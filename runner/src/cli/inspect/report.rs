//! All that can be said about one file, for people and as JSON.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::schema;
use super::trial::Known;
use crate::package::elf::{Binary, Dialect, Host};
use crate::package::{Code, search};

/// What was found out. What does not apply, or is not known, is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    pub(super) path: String,
    /// Bytes of the file.
    pub(super) size: Option<u64>,
    /// "library", "program" or "script".
    pub(super) kind: Option<String>,
    pub(super) architecture: Option<String>,
    /// Of a library: "Rust" or "C".
    pub(super) dialect: Option<String>,
    /// Of a library; the first is the default. `None` while only loading can tell.
    pub(super) entry_points: Option<Vec<String>>,
    /// What entry points say of themselves, by name: `{"description":…,"parameters":…,"result":…}`.
    pub(super) descriptions: Map<String, Value>,
    /// Of a program or script: "Docker SDK" or "ActionLoop".
    pub(super) contract: Option<String>,
    /// What the kernel starts for a program or script.
    pub(super) interpreter: Option<String>,
    pub(super) needed: Vec<Needed>,
    pub(super) glibc: Option<Glibc>,
    pub(super) build_id: Option<String>,
    pub(super) soname: Option<String>,
    /// Would it load, or run, here?
    pub(super) would_load: bool,
    /// Why not.
    pub(super) because: Option<String>,
}

/// A library it is linked against, and the file that would be taken here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Needed {
    pub(super) name: String,
    pub(super) found: Option<String>,
}

/// The newest glibc it needs, the function that needs it, and the glibc that is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Glibc {
    pub(super) needed: String,
    pub(super) symbol: Option<String>,
    pub(super) here: Option<String>,
}

impl Report {
    pub(super) fn empty(path: &Path) -> Self {
        Self {
            path: path.display().to_string(),
            size: path.metadata().ok().map(|metadata| metadata.len()),
            kind: None,
            architecture: None,
            dialect: None,
            entry_points: None,
            descriptions: Map::new(),
            contract: None,
            interpreter: None,
            needed: Vec::new(),
            glibc: None,
            build_id: None,
            soname: None,
            would_load: true,
            because: None,
        }
    }

    /// The verdict is no, for this reason.
    pub(super) fn refuse(&mut self, why: &impl fmt::Display) {
        self.would_load = false;
        self.because = Some(why.to_string());
    }

    /// What only the loaded library could say.
    pub(super) fn add(&mut self, known: Known) {
        self.entry_points = Some(known.entry_points);
        self.descriptions = known.descriptions;
    }

    pub(super) fn describe(&mut self, code: &Code, host: &Host, path: &Path) {
        match code {
            Code::Library(library) => {
                self.kind = Some("library".to_owned());
                self.dialect = library.dialect.map(|dialect| dialect.to_string());
                self.entry_points = match library.dialect {
                    Some(Dialect::Rust) => None,
                    Some(Dialect::C) | None => Some(library.entry_points()),
                };
            }
            Code::Program(program) => {
                self.kind = Some(program.binary().map_or("script", |_| "program").to_owned());
                self.contract = Some(program.contract.to_string());
                self.interpreter = program.interpreter().map(str::to_owned);
                self.entry_points = Some(Vec::new());
            }
        }
        if let Some(binary) = code.binary() {
            self.describe_binary(binary, host, path);
        }
    }

    fn describe_binary(&mut self, binary: &Binary, host: &Host, path: &Path) {
        let needed = |name: &String| Needed {
            name: name.clone(),
            found: search::find(name, binary, path).map(|file| file.display().to_string()),
        };
        self.architecture = Some(binary.machine.to_string());
        self.needed = binary.needed.iter().map(needed).collect();
        self.glibc = binary.newest_glibc().map(|(version, numbers)| Glibc {
            needed: format!("{}.{}", numbers.0, numbers.1),
            symbol: version.symbol.clone(),
            here: host.glibc.map(|(major, minor)| format!("{major}.{minor}")),
        });
        self.build_id.clone_from(&binary.build_id);
        self.soname.clone_from(&binary.soname);
    }

    fn kind_text(&self) -> Option<String> {
        let kind = match self.kind.as_deref()? {
            "library" => "shared library",
            other => other,
        };
        let for_what = self.architecture.as_ref().or(self.interpreter.as_ref())?;
        let size = bytes(self.size.unwrap_or(0));
        Some(format!("{kind} for {for_what}, {size}"))
    }

    fn entry_point_text(&self) -> String {
        match self.entry_points.as_deref() {
            None => "known once it is loaded".to_owned(),
            Some([]) => "none".to_owned(),
            Some(names) => names.join(", "),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.path)?;
        let mut line = |label: &str, text: &str| writeln!(f, "  {label:<13} {text}");
        if let Some(kind) = self.kind_text() {
            line("file", &kind)?;
        }
        match (&self.kind, &self.contract) {
            (_, Some(contract)) => line("contract", contract)?,
            (Some(_), None) => {
                line("dialect", self.dialect.as_deref().unwrap_or("none"))?;
                line("entry points", &self.entry_point_text())?;
                for (name, description) in &self.descriptions {
                    for (place, text) in schema::lines(description).iter().enumerate() {
                        line(if place == 0 { name } else { "" }, text)?;
                    }
                }
            }
            (None, None) => {}
        }
        if let (Some(interpreter), Some(_)) = (&self.interpreter, &self.architecture) {
            line("interpreter", interpreter)?;
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
        let would = if self.contract.is_some() {
            "would run here"
        } else {
            "would load here"
        };
        match &self.because {
            None => writeln!(f, "  {would}: yes"),
            Some(reason) => writeln!(f, "  {would}: no: {reason}"),
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
pub(super) fn bytes(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} bytes"),
        1_000..1_000_000 => format!("{} kB", size / 1_000),
        _ => format!("{}.{} MB", size / 1_000_000, size / 100_000 % 10),
    }
}
