//! Where the action that the runner was started with, or that took its place, is loaded from.
//!
//! A library: from a private copy in memory, since the file may be written over while it is mapped. One that looks for
//! its companions beside itself (`$ORIGIN`) has to be loaded from its folder: it is replaced by renaming, never in place.
//! A program is started where it lies, and its private copy once something else lies there.

use std::fs;
use std::path::{Path, PathBuf};

use super::Engine;
use crate::package::{self, Code, Program, elf};
use crate::refusal::LoadRefusal;

/// An action that has been looked at.
pub(super) struct Configured {
    pub path: PathBuf,
    pub code: Code,
    /// The working directory, if it came with companions, or is a program.
    pub directory: Option<PathBuf>,
}

impl Engine {
    /// Is there such an action?
    pub(super) fn has_library(&self) -> bool {
        self.worker.config.library.is_some() || self.worker.has_library()
    }

    /// Finds it and reads what it says about itself.
    pub(super) fn configured(&self) -> Result<Configured, LoadRefusal> {
        let Some(memory) = self.memory() else {
            let path = self.worker.config.library.as_deref();
            let path = path.unwrap_or(Path::new(""));
            return Ok(in_its_place(path, Code::open(path)?));
        };
        if let Some((path, folder)) = self.unpacked(&memory) {
            return Ok(Configured {
                code: Code::open(&path)?,
                path,
                directory: Some(folder),
            });
        }
        let code = Code::open(&memory)?;
        let file = has_a_place(&code).then(|| self.file_of(&memory)).flatten();
        Ok(match (file, code) {
            (Some(file), Code::Program(program)) => {
                let copy = Some(memory);
                in_its_place(file, Code::Program(Program { copy, ..program }))
            }
            (Some(file), library) => in_its_place(file, library),
            (None, code) => Configured {
                path: memory,
                code,
                directory: None,
            },
        })
    }

    /// The refusal with the path of the file, if it is the file's: people know it by that, not by its copy.
    pub(super) fn named(&self, refusal: LoadRefusal) -> LoadRefusal {
        let file = match self.memory() {
            Some(memory) => self.file_of(&memory),
            None => self.worker.config.library.as_deref(),
        };
        match file {
            Some(file) => refusal.of(file),
            None => refusal,
        }
    }

    /// The private copy.
    fn memory(&self) -> Option<PathBuf> {
        self.worker.whole_library().as_ref().map(package::path_of)
    }

    /// The file that this is the copy of; `None`: it was uploaded, or the file has changed since.
    fn file_of(&self, memory: &Path) -> Option<&Path> {
        let file = self.worker.config.library.as_deref();
        file.filter(|file| package::is_same(file, memory))
    }

    /// The file behind the descriptor and the folder that it was unpacked to with its companions, if it was.
    fn unpacked(&self, memory: &Path) -> Option<(PathBuf, PathBuf)> {
        let path = fs::read_link(memory).ok()?;
        let scratch = &self.worker.config.scratch;
        let folder = path.strip_prefix(scratch).ok()?.components().next()?;
        Some((path.clone(), scratch.join(folder)))
    }
}

/// A program runs in the folder it lies in.
fn in_its_place(path: &Path, code: Code) -> Configured {
    let folder = path.parent().map(Path::to_owned);
    Configured {
        directory: folder.filter(|_| matches!(code, Code::Program(_))),
        path: path.to_owned(),
        code,
    }
}

/// Is there something beside it that it may look for?
fn has_a_place(code: &Code) -> bool {
    match code {
        Code::Library(library) => looks_beside_itself(library),
        Code::Program(_) => true,
    }
}

fn looks_beside_itself(library: &elf::Binary) -> bool {
    let mut folders = library.rpath.iter().chain(&library.runpath);
    folders.any(|folder| folder.contains("$ORIGIN") || folder.contains("${ORIGIN}"))
}
