//! What a project consists of, language by language: its files, and how it is built, tested and debugged. A table; the
//! templates are in the binary.

/// A language that a project can be written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Lang {
    Rust,
    C,
    Cpp,
    Go,
    Zig,
}

/// One file of a project, relative to its folder.
pub(super) struct File {
    pub(super) path: &'static str,
    pub(super) template: &'static str,
}

/// The files of a language, and what its README says.
pub(super) struct Project {
    /// What stands in no other project.
    pub(super) files: &'static [File],
    /// What must be installed.
    pub(super) needs: &'static str,
    pub(super) build: &'static str,
    pub(super) test: &'static str,
    pub(super) source: &'static str,
    pub(super) library: &'static str,
    /// Builds what a debugger understands.
    pub(super) debug: &'static str,
    pub(super) debug_library: &'static str,
}

macro_rules! files {
    ($($path:literal = $template:literal),+ $(,)?) => {
        &[$(File { path: $path, template: include_str!($template) }),+]
    };
}

/// What stands in every project.
pub(super) const SHARED: &[File] = files! {
    "README.md" = "../../templates/shared/README.md",
    "params.json" = "../../templates/shared/params.json",
    ".vscode/launch.json" = "../../templates/shared/launch.json",
    ".vscode/tasks.json" = "../../templates/shared/tasks.json",
};

/// With the crate action-abi itself, which no registry has to have.
const RUST: Project = Project {
    files: files! {
        "Cargo.toml" = "../../templates/rust/Cargo.toml.in",
        "src/lib.rs" = "../../templates/rust/src/lib.rs",
        "Dockerfile" = "../../templates/rust/Dockerfile",
        ".dockerignore" = "../../templates/rust/dockerignore",
        ".gitignore" = "../../templates/rust/gitignore",
        "action-abi/Cargo.toml" = "../../../../action-abi/Cargo.toml",
        "action-abi/build.rs" = "../../../../action-abi/build.rs",
        "action-abi/src/lib.rs" = "../../../../action-abi/src/lib.rs",
        "action-abi/src/context.rs" = "../../../../action-abi/src/context.rs",
        "action-abi/src/error.rs" = "../../../../action-abi/src/error.rs",
        "action-abi/src/export.rs" = "../../../../action-abi/src/export.rs",
        "action-abi/src/ffi.rs" = "../../../../action-abi/src/ffi.rs",
        "action-abi/src/ffi/calls.rs" = "../../../../action-abi/src/ffi/calls.rs",
        "action-abi/src/ffi/given.rs" = "../../../../action-abi/src/ffi/given.rs",
        "action-abi/src/handler.rs" = "../../../../action-abi/src/handler.rs",
        "action-abi/src/panics.rs" = "../../../../action-abi/src/panics.rs",
        "action-abi/src/run.rs" = "../../../../action-abi/src/run.rs",
        "action-abi/src/state.rs" = "../../../../action-abi/src/state.rs",
        "action-abi/src/test.rs" = "../../../../action-abi/src/test.rs",
        "action-abi/src/wait.rs" = "../../../../action-abi/src/wait.rs",
    },
    needs: "cargo",
    build: "cargo build --release",
    test: "cargo test",
    source: "src/lib.rs",
    library: "target/release/libaction.so",
    debug: "cargo build",
    debug_library: "target/debug/libaction.so",
};

const C: Project = Project {
    files: files! {
        "action.c" = "../../templates/c/action.c",
        "test.c" = "../../templates/c/test.c",
        "Makefile" = "../../templates/c/Makefile",
        "action.h" = "../../../../action-abi/include/action.h",
        "Dockerfile" = "../../templates/shared/Dockerfile",
        ".dockerignore" = "../../templates/shared/dockerignore",
        ".gitignore" = "../../templates/shared/gitignore",
    },
    needs: "cc, make",
    source: "action.c",
    ..MADE
};

const CPP: Project = Project {
    files: files! {
        "action.cpp" = "../../templates/cpp/action.cpp",
        "test.cpp" = "../../templates/cpp/test.cpp",
        "Makefile" = "../../templates/cpp/Makefile",
        "action.h" = "../../../../action-abi/include/action.h",
        "action.hpp" = "../../../../action-abi/include/action.hpp",
        "Dockerfile" = "../../templates/shared/Dockerfile",
        ".dockerignore" = "../../templates/shared/dockerignore",
        ".gitignore" = "../../templates/shared/gitignore",
    },
    needs: "c++ or g++, make",
    source: "action.cpp",
    ..MADE
};

const GO: Project = Project {
    files: files! {
        "main.go" = "../../templates/go/main.go",
        "main_test.go" = "../../templates/go/main_test.go",
        "go.mod" = "../../templates/go/go.mod.in",
        "Makefile" = "../../templates/go/Makefile",
        "action/go.mod" = "../../../../actions/go/action/go.mod",
        "action/register.go" = "../../../../actions/go/action/register.go",
        "action/activation.go" = "../../../../actions/go/action/activation.go",
        "action/environment.go" = "../../../../actions/go/action/environment.go",
        "action/export.go" = "../../../../actions/go/action/export.go",
        "action/entry.h" = "../../../../actions/go/action/entry.h",
        "action/action.h" = "../../../../action-abi/include/action.h",
        "Dockerfile" = "../../templates/go/Dockerfile",
        ".dockerignore" = "../../templates/shared/dockerignore",
        ".gitignore" = "../../templates/shared/gitignore",
    },
    needs: "go, cc, make",
    source: "main.go",
    ..MADE
};

const ZIG: Project = Project {
    files: files! {
        "action.zig" = "../../templates/zig/action.zig",
        "Makefile" = "../../templates/zig/Makefile",
        "Dockerfile" = "../../templates/zig/Dockerfile",
        ".dockerignore" = "../../templates/shared/dockerignore",
        ".gitignore" = "../../templates/shared/gitignore",
    },
    needs: "zig or python3 -m ziglang, make",
    source: "action.zig",
    ..MADE
};

/// What the projects with a Makefile have in common.
const MADE: Project = Project {
    files: &[],
    needs: "",
    build: "make",
    test: "make test",
    source: "",
    library: "./libaction.so",
    debug: "make debug",
    debug_library: "debug/libaction.so",
};

impl Lang {
    pub(super) const fn project(self) -> &'static Project {
        match self {
            Self::Rust => &RUST,
            Self::C => &C,
            Self::Cpp => &CPP,
            Self::Go => &GO,
            Self::Zig => &ZIG,
        }
    }
}
