//! Actions that are programs: which of the two older contracts one keeps, and whether it would start here.
//!
//! Nothing in the format of a program says which contract it keeps. The loops that OpenWhisk's compilers put into one
//! do, by words that hardly anybody else would write. A program without them is started for each run. The variables of
//! ActionLoop's proxies, in the container's environment, make any program a loop.

use super::elf::{self, Binary, Host};
use super::search;
use crate::refusal::LoadRefusal;
use memchr::memchr_iter;
use rustix::fs::{Access, access};
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Words of loops, and whether those say when they are ready.
const MARKS: [(&str, bool); 6] = [
    // The variable that asks them to; Go's by now do so unasked.
    ("__OW_WAIT_FOR_ACK", true),
    ("{ \"ok\": true}%s", true),
    // Go's before that; Rust's, of two generations; Swift's.
    ("'<<<%s'<<<", false),
    ("Error writing on fd3", false),
    ("Error writting on fd3", false),
    (
        "Action handler callback did not return response or error.",
        false,
    ),
];
/// No mark is longer.
const LONGEST: usize = 64;
/// How much of a file is searched at a time.
const BLOCK: usize = 64 * 1024;

/// A file that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub contract: Contract,
    pub form: Form,
    /// A copy that nobody can write over, to be started when the file is no longer what it was.
    pub copy: Option<PathBuf>,
}

/// How a program wants to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contract {
    /// The Docker SDK's: started for each run.
    DockerSdk,
    /// ActionLoop's: started once, a line for each run. `acknowledges`: it says when it is ready.
    ActionLoop { acknowledges: bool },
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DockerSdk => "Docker SDK",
            Self::ActionLoop { .. } => "ActionLoop",
        })
    }
}

/// What the kernel makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    Binary(Box<Binary>),
    /// Begins with `#!` and the path of what reads it.
    Script {
        interpreter: String,
    },
}

pub(super) fn is_script(start: &[u8]) -> bool {
    start.starts_with(b"#!")
}

impl Form {
    /// Of a script that starts with these bytes.
    pub(super) fn script(start: &[u8]) -> Self {
        let line = start.split(|byte| *byte == b'\n').next();
        let words = line.and_then(|line| line.get(2..)).unwrap_or_default();
        let mut words = words
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|word| !word.is_empty());
        let path = String::from_utf8_lossy(words.next().unwrap_or_default());
        Self::Script {
            interpreter: path.into_owned(),
        }
    }
}

impl Program {
    /// One whose contents can be read once more, to find its contract in.
    pub(super) fn new(form: Form, contents: &mut dyn Read) -> Self {
        Self {
            // What cannot be read cannot be started either, and then there is an error to tell.
            contract: contract(contents).unwrap_or(Contract::DockerSdk),
            form,
            copy: None,
        }
    }

    /// `None`: it is a script.
    pub fn binary(&self) -> Option<&Binary> {
        match &self.form {
            Form::Binary(binary) => Some(binary),
            Form::Script { .. } => None,
        }
    }

    /// What the kernel starts in its stead; `None`: it needs nothing.
    pub fn interpreter(&self) -> Option<&str> {
        match &self.form {
            Form::Binary(binary) => binary.interpreter.as_deref(),
            Form::Script { interpreter } => Some(interpreter),
        }
    }

    /// Would it start here? All that can be known without starting it; `path` is where it is.
    pub fn check(&self, path: &Path, host: &Host) -> Result<(), LoadRefusal> {
        if let Some(binary) = self.binary() {
            elf::fits(binary, host)?;
        }
        if let Some(interpreter) = self.interpreter()
            && !Path::new(interpreter).is_file()
        {
            return Err(LoadRefusal::NoInterpreter {
                interpreter: interpreter.to_owned(),
                script: self.binary().is_none(),
            });
        }
        if self.copy.is_none() && access(path, Access::EXEC_OK).is_err() {
            return Err(LoadRefusal::NotExecutable {
                path: path.display().to_string(),
            });
        }
        let missing = self.missing_libraries(path);
        if !missing.is_empty() {
            return Err(search::missing_libraries(missing));
        }
        Ok(())
    }

    /// Another C library's loader looks elsewhere: it has the last word then.
    fn missing_libraries(&self, path: &Path) -> Vec<String> {
        let is_glibcs = |loader: &str| {
            let name = loader.rsplit('/').next();
            name.is_some_and(|name| name.starts_with("ld-linux"))
        };
        match self.binary() {
            Some(binary) if self.interpreter().is_none_or(is_glibcs) => {
                search::missing(binary, path)
            }
            _ => Vec::new(),
        }
    }
}

fn contract(contents: &mut dyn Read) -> io::Result<Contract> {
    let declared = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut acknowledges = declared("OW_WAIT_FOR_ACK");
    let mut loops = acknowledges || declared("OW_EXECUTION_ENV");
    let mut block = vec![0; BLOCK];
    let mut kept = 0;
    while !acknowledges {
        let count = contents.read(&mut block[kept..])?;
        if count == 0 {
            break;
        }
        let end = kept + count;
        for (mark, says_so) in &MARKS {
            let is_there = holds(&block[..end], mark.as_bytes());
            loops |= is_there;
            acknowledges |= is_there && *says_so;
        }
        // A mark may lie across the end.
        kept = end.min(LONGEST);
        block.copy_within(end - kept..end, 0);
    }
    Ok(match loops {
        true => Contract::ActionLoop { acknowledges },
        false => Contract::DockerSdk,
    })
}

/// Does the mark stand in these bytes?
fn holds(bytes: &[u8], mark: &[u8]) -> bool {
    let begins = |place: usize| bytes[place..].starts_with(mark);
    mark.first()
        .is_some_and(|first| memchr_iter(*first, bytes).any(begins))
}

#[cfg(test)]
mod tests;
