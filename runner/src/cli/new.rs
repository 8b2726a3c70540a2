//! `new`: writes a project that builds, with a test, a Dockerfile and a README. All that a project needs of ours is in
//! the binary, so that it needs no network; it asks nothing and never overwrites. What a project consists of is the
//! business of `projects`.

mod list;
mod projects;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use projects::{Lang, SHARED};

// The flags of `new`.
#[derive(Debug, clap::Args)]
pub(super) struct New {
    /// The project's name, and that of the folder it is written to
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// The language of the action
    #[arg(long, value_enum, default_value = "rust")]
    lang: Lang,
    /// Print the languages, and what each needs
    #[arg(long, conflicts_with = "name")]
    list: bool,
    /// With --list: print them as JSON
    #[arg(long, requires = "list", conflicts_with = "name")]
    json: bool,
}

impl New {
    pub(super) fn execute(self) -> std::process::ExitCode {
        let Some(name) = self.name else {
            list::print(self.json);
            return std::process::ExitCode::SUCCESS;
        };
        match execute(&name, self.lang) {
            Ok(()) => std::process::ExitCode::SUCCESS,
            Err(error) => {
                crate::refusal::report(&error);
                super::Status::No.into()
            }
        }
    }
}

/// Why no project was written.
#[derive(Debug, Error)]
pub(super) enum NewError {
    #[error(
        "{name:?} cannot name a project: it must begin with a letter and go on with letters, digits, '-' or '_'. Choose another name."
    )]
    Name { name: String },
    #[error(
        "{name:?} is the name of what the project depends on, and cannot name the project itself. Choose another name."
    )]
    Taken { name: String },
    #[error("{} is there already, and nothing is overwritten. Choose another name, or move it away.", path.display())]
    Exists { path: PathBuf },
    #[error("{} could not be written. See that the folder is writable and has room.", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Writes the project into a new folder `name` here, and prints what to type next: the last line that it prints is the
/// action's first result.
fn execute(name: &str, lang: Lang) -> Result<(), NewError> {
    write_project(&PathBuf::from(name), name, lang)?;
    let project = lang.project();
    // A closed stdout does not undo what was written.
    let _ = writeln!(
        io::stdout(),
        "cd {name} && {} && {} invoke {} @params.json",
        project.build,
        own_name(),
        project.library,
    );
    Ok(())
}

/// What calls this program in a shell: its name where that finds it, else its path.
fn own_name() -> String {
    let name = "action-runner";
    let Ok(own) = std::env::current_exe() else {
        return name.to_owned();
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file());
    match found.and_then(|program| program.canonicalize().ok()) {
        Some(program) if program == own => name.to_owned(),
        _ => quoted(&own.to_string_lossy()),
    }
}

/// As one word of a shell.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+".contains(letter);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn write_project(folder: &Path, name: &str, lang: Lang) -> Result<(), NewError> {
    check_name(name)?;
    let project = lang.project();
    fs::create_dir(folder).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => NewError::Exists {
            path: folder.to_owned(),
        },
        _ => NewError::Write {
            path: folder.to_owned(),
            source,
        },
    })?;
    for file in project.files.iter().chain(SHARED) {
        let text = filled_in(file.template, name, lang);
        let path = folder.join(file.path);
        write_file(&path, &text).map_err(|source| NewError::Write { path, source })?;
    }
    Ok(())
}

fn filled_in(template: &str, name: &str, lang: Lang) -> String {
    let project = lang.project();
    template
        .replace("@NAME@", name)
        .replace("@BUILD@", project.build)
        .replace("@TEST@", project.test)
        .replace("@SOURCE@", project.source)
        .replace("@LIBRARY@", project.library)
        .replace("@DEBUG@", project.debug)
        .replace("@DEBUG_LIBRARY@", project.debug_library)
        // action-abi's manifest, which is in our workspace here and in none there.
        .replace("license.workspace = true", "license = \"Apache-2.0\"")
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::File::create_new(path)?.write_all(text.as_bytes())
}

fn check_name(name: &str) -> Result<(), NewError> {
    let begins_with_letter = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if !begins_with_letter || !name.chars().all(allowed) {
        return Err(NewError::Name {
            name: name.to_owned(),
        });
    }
    if ["action", "action-abi", "serde"].contains(&name) {
        return Err(NewError::Taken {
            name: name.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
