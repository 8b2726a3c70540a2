//! The map at the head of `src/lib.rs`, held to: which room may know what, and where unsafe code may stand.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and words that must not occur in its code.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "process",
        &[
            "tokio",
            "axum",
            "hyper",
            "libloading",
            "abi_stable",
            "crate::engine",
            "crate::server",
        ],
    ),
    (
        "protocol",
        &[
            "tokio",
            "axum",
            "hyper",
            "libloading",
            "abi_stable",
            "crate::process",
            "crate::engine",
        ],
    ),
    (
        "package",
        &[
            "tokio",
            "axum",
            "hyper",
            "libloading",
            "abi_stable",
            "crate::process",
            "crate::engine",
        ],
    ),
    (
        "action",
        &[
            "tokio",
            "axum",
            "hyper",
            "crate::process",
            "crate::engine",
            "crate::server",
        ],
    ),
    (
        "engine",
        &[
            "tokio",
            "axum",
            "hyper",
            "libloading",
            "abi_stable",
            "crate::server",
        ],
    ),
    (
        "server",
        &[
            "libloading",
            "abi_stable",
            "crate::package",
            "crate::action",
        ],
    ),
    (
        "logs",
        &["tokio", "axum", "hyper", "crate::protocol", "crate::engine"],
    ),
    (
        "logs.rs",
        &["tokio", "axum", "hyper", "crate::protocol", "crate::engine"],
    ),
    ("refusal.rs", &["tokio", "axum", "hyper", "crate::"]),
];

/// The files that may hold unsafe code, each about one foreign contract.
const UNSAFE: &[&str] = &[
    "action/c.rs",
    "action/load.rs",
    "action/rust.rs",
    "action/program/spawn.rs",
    "environment.rs",
    "process/sys.rs",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let entries =
        fs::read_dir(place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    entries
        .flat_map(|entry| files(&entry.expect("a folder that can be listed").path()))
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}

/// The code of a file, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a file that can be read");
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn rooms_know_what_they_may() {
    for (room, forbidden) in ROOMS {
        let found = files(&source().join(room));
        assert!(!found.is_empty(), "{room} is empty");
        for path in found {
            let code = code(&path);
            for word in *forbidden {
                let uses = code.lines().find(|line| {
                    line.contains(&format!("{word}::")) || line.contains(&format!("use {word}"))
                });
                assert!(
                    uses.is_none(),
                    "{} must not know {word}: {}",
                    path.display(),
                    uses.unwrap_or_default()
                );
            }
        }
    }
}

#[test]
fn unsafe_code_stands_where_it_belongs() {
    for path in files(&source()) {
        let name = path
            .strip_prefix(source())
            .expect("a file of this source")
            .to_string_lossy()
            .into_owned();
        // The workspace denies it everywhere else.
        let has_unsafe = code(&path).contains("unsafe_code");
        let may = UNSAFE.contains(&name.as_str());
        assert!(
            may || !has_unsafe,
            "{name} has unsafe code and is not on the list of this test"
        );
    }
}
