//! `new`: writes a project that builds, with a test, a Dockerfile and a README. The templates are in the binary, so
//! that it needs no network; it asks nothing and never overwrites. Serving and building are somebody else's.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A language that a project can be written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Lang {
    Rust,
    C,
    Cpp,
    Go,
    Zig,
}

// The flags of `new`.
#[derive(Debug, clap::Args)]
pub(super) struct New {
    /// The project's name, and that of the folder it is written to
    name: String,
    /// The language of the action
    #[arg(long, value_enum, default_value = "rust")]
    lang: Lang,
    /// A folder with action-abi, for a project that uses it from there
    #[arg(long, value_name = "PATH")]
    abi_path: Option<PathBuf>,
}

impl New {
    pub(super) fn execute(self) -> std::process::ExitCode {
        match execute(&self.name, self.lang, self.abi_path.as_deref()) {
            Ok(()) => std::process::ExitCode::SUCCESS,
            Err(error) => {
                crate::refusal::complain(&error);
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
    #[error("--abi-path {} is no folder with a crate in it (Cargo.toml is missing). Give the folder of action-abi.", path.display())]
    AbiPath { path: PathBuf },
    #[error("{} could not be written. See that the folder is writable and has room.", path.display())]
    Write { path: PathBuf, source: io::Error },
}

struct File {
    path: &'static str,
    template: &'static str,
}

/// The files of a language, and what its README says.
struct Project {
    files: &'static [File],
    build: &'static str,
    test: &'static str,
    source: &'static str,
    library: &'static str,
}

macro_rules! files {
    ($($path:literal = $template:literal),+ $(,)?) => {
        &[$(File { path: $path, template: include_str!($template) }),+]
    };
}

const SHARED: &[File] = files! {
    "README.md" = "../templates/shared/README.md",
    "params.json" = "../templates/shared/params.json",
    ".vscode/launch.json" = "../templates/shared/launch.json",
};

const RUST: Project = Project {
    files: files! {
        "Cargo.toml" = "../templates/rust/Cargo.toml.in",
        "src/lib.rs" = "../templates/rust/src/lib.rs",
        "Dockerfile" = "../templates/rust/Dockerfile",
        ".gitignore" = "../templates/rust/gitignore",
    },
    build: "cargo build --release",
    test: "cargo test",
    source: "src/lib.rs",
    library: "target/release/libaction.so",
};

const C: Project = Project {
    files: files! {
        "action.c" = "../templates/c/action.c",
        "test.c" = "../templates/c/test.c",
        "Makefile" = "../templates/c/Makefile",
        "action.h" = "../../../action-abi/include/action.h",
        "Dockerfile" = "../templates/shared/Dockerfile",
        ".gitignore" = "../templates/shared/gitignore",
    },
    source: "action.c",
    ..MADE
};

const CPP: Project = Project {
    files: files! {
        "action.cpp" = "../templates/cpp/action.cpp",
        "test.cpp" = "../templates/cpp/test.cpp",
        "Makefile" = "../templates/cpp/Makefile",
        "action.h" = "../../../action-abi/include/action.h",
        "action.hpp" = "../../../action-abi/include/action.hpp",
        "Dockerfile" = "../templates/shared/Dockerfile",
        ".gitignore" = "../templates/shared/gitignore",
    },
    source: "action.cpp",
    ..MADE
};

const GO: Project = Project {
    files: files! {
        "main.go" = "../templates/go/main.go",
        "main_test.go" = "../templates/go/main_test.go",
        "go.mod" = "../templates/go/go.mod.in",
        "Makefile" = "../templates/go/Makefile",
        "action/go.mod" = "../../../actions/go/action/go.mod",
        "action/register.go" = "../../../actions/go/action/register.go",
        "action/activation.go" = "../../../actions/go/action/activation.go",
        "action/environment.go" = "../../../actions/go/action/environment.go",
        "action/export.go" = "../../../actions/go/action/export.go",
        "action/entry.h" = "../../../actions/go/action/entry.h",
        "action/action.h" = "../../../action-abi/include/action.h",
        "Dockerfile" = "../templates/shared/Dockerfile",
        ".gitignore" = "../templates/shared/gitignore",
    },
    source: "main.go",
    ..MADE
};

const ZIG: Project = Project {
    files: files! {
        "action.zig" = "../templates/zig/action.zig",
        "Makefile" = "../templates/zig/Makefile",
        "Dockerfile" = "../templates/shared/Dockerfile",
        ".gitignore" = "../templates/shared/gitignore",
    },
    source: "action.zig",
    ..MADE
};

/// What the projects with a Makefile have in common.
const MADE: Project = Project {
    files: &[],
    build: "make",
    test: "make test",
    source: "",
    library: "./libaction.so",
};

impl Lang {
    const fn project(self) -> &'static Project {
        match self {
            Self::Rust => &RUST,
            Self::C => &C,
            Self::Cpp => &CPP,
            Self::Go => &GO,
            Self::Zig => &ZIG,
        }
    }
}

/// Writes the project into a new folder `name` here, and prints what to type next. `abi_path`: where a Rust project
/// finds action-abi, if not in the registry.
pub(super) fn execute(name: &str, lang: Lang, abi_path: Option<&Path>) -> Result<(), NewError> {
    let folder = PathBuf::from(name);
    write_project(&folder, name, lang, abi_path)?;
    let project = lang.project();
    // A closed stdout does not undo what was written.
    let _ = writeln!(
        io::stdout(),
        "cd {name} && {} && action-runner invoke {} @params.json",
        project.build,
        project.library,
    );
    Ok(())
}

fn write_project(
    folder: &Path,
    name: &str,
    lang: Lang,
    abi_path: Option<&Path>,
) -> Result<(), NewError> {
    check_name(name)?;
    let abi = dependency(abi_path)?;
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
        let text = file
            .template
            .replace("@NAME@", name)
            .replace("@ABI@", &abi)
            .replace("@BUILD@", project.build)
            .replace("@TEST@", project.test)
            .replace("@SOURCE@", project.source)
            .replace("@LIBRARY@", project.library);
        let path = folder.join(file.path);
        write_file(&path, &text).map_err(|source| NewError::Write { path, source })?;
    }
    Ok(())
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

/// The value of `action-abi = …` in a Rust project: this runner's own version, or a folder.
fn dependency(abi_path: Option<&Path>) -> Result<String, NewError> {
    let Some(path) = abi_path else {
        return Ok(format!("{:?}", env!("CARGO_PKG_VERSION")));
    };
    let missing = || NewError::AbiPath {
        path: path.to_owned(),
    };
    let absolute = path.canonicalize().map_err(|_| missing())?;
    if !absolute.join("Cargo.toml").is_file() {
        return Err(missing());
    }
    Ok(format!("{{ path = {:?} }}", absolute.display().to_string()))
}

#[cfg(test)]
mod tests;
