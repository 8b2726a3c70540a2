//! What a file is that is to be an action. Its bytes say so, never its name.

use super::elf::{self, Binary};
use super::memory::open_regular;
use super::program::{Form, Program, is_script};
use crate::refusal::LoadRefusal;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The two kinds of action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// Loaded and called.
    Library(Binary),
    /// Started, and talked to over pipes.
    Program(Program),
}

impl Code {
    /// From its bytes.
    pub fn read(mut bytes: &[u8]) -> Result<Self, LoadRefusal> {
        let form = match is_script(bytes) {
            true => Form::script(bytes),
            false => Form::Binary(Box::new(elf::read(bytes)?)),
        };
        Ok(Self::of(form, &mut bytes))
    }

    /// From its file, of which a library is read only in parts.
    pub fn open(path: &Path) -> Result<Self, LoadRefusal> {
        let unreadable = |error: std::io::Error| LoadRefusal::Unreadable {
            path: path.display().to_string(),
            why: error.to_string(),
        };
        let mut start = [0; 256];
        let count = open_regular(path).map_err(unreadable)?.read(&mut start);
        let start = &start[..count.unwrap_or(0)];
        let form = match is_script(start) {
            true => Form::script(start),
            false => Form::Binary(Box::new(elf::open(path)?)),
        };
        let mut file = File::open(path).map_err(|error| LoadRefusal::Unreadable {
            path: path.display().to_string(),
            why: error.to_string(),
        })?;
        Ok(Self::of(form, &mut file))
    }

    fn of(form: Form, contents: &mut dyn Read) -> Self {
        match form {
            Form::Binary(library) if !library.is_program => Self::Library(*library),
            form => Self::Program(Program::new(form, contents)),
        }
    }

    /// What the file says about itself; `None`: it is a script.
    pub fn binary(&self) -> Option<&Binary> {
        match self {
            Self::Library(binary) => Some(binary),
            Self::Program(program) => program.binary(),
        }
    }
}
