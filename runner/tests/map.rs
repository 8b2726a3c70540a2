//! The map at the head of `src/lib.rs`, held to: which room may know what, and where unsafe code may stand.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, the other rooms that it may use, and the crates that it must not.
const ROOMS: &[(&str, &[&str], &[&str])] = &[
    (
        "cli",
        &[
            "action", "admin", "config", "package", "process", "protocol", "refusal", "server",
            "watch",
        ],
        &["tokio", "axum", "hyper", "libloading", "abi_stable"],
    ),
    ("config", &[], ALL),
    ("process", &["config", "logs", "package", "refusal"], ALL),
    (
        "server",
        &["config", "engine", "process", "protocol", "refusal"],
        &["libloading", "abi_stable"],
    ),
    (
        "engine",
        &[
            "action",
            "config",
            "environment",
            "package",
            "process",
            "protocol",
            "refusal",
        ],
        ALL,
    ),
    ("protocol", &["refusal"], ALL),
    ("package", &["refusal"], ALL),
    (
        "action",
        &["environment", "package", "protocol", "refusal"],
        &["tokio", "axum", "hyper"],
    ),
    ("logs", &["process"], ALL),
    ("environment", &["protocol"], ALL),
    (
        "admin",
        &[
            "action", "config", "package", "process", "protocol", "refusal",
        ],
        &["libloading", "abi_stable"],
    ),
    ("watch", &["package", "process", "refusal"], ALL),
    ("refusal", &[], ALL),
];

/// Most rooms know neither how requests travel nor how libraries are loaded.
const ALL: &[&str] = &["tokio", "axum", "hyper", "libloading", "abi_stable"];

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

/// The files of a room: `room.rs`, and what lies in the folder of that name.
fn files_of(room: &str) -> Vec<PathBuf> {
    let places = [source().join(format!("{room}.rs")), source().join(room)];
    let there = places.iter().filter(|place| place.exists());
    there.flat_map(|place| files(place)).collect()
}

/// The rooms that this code names: after `crate::`, one or several in braces.
fn named(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => rest
                .split([':', ';', ',', ' ', ')', '>'])
                .next()
                .unwrap_or_default(),
        };
        let words = list.split(',').map(|word| word.trim().split("::").next());
        names.extend(
            words
                .flatten()
                .filter(|it| !it.is_empty())
                .map(str::to_owned),
        );
    }
    names
}

#[test]
fn rooms_know_what_they_may() {
    let rooms: Vec<&str> = ROOMS.iter().map(|(room, ..)| *room).collect();
    for (room, others, crates) in ROOMS {
        let found = files_of(room);
        assert!(!found.is_empty(), "{room} is empty");
        for path in found {
            let code = code(&path);
            for name in named(&code) {
                let is_room = rooms.contains(&name.as_str());
                let may = !is_room || name == *room || others.contains(&name.as_str());
                assert!(may, "{} must not know {name}", path.display());
            }
            for word in *crates {
                let is_used = |line: &&str| {
                    line.contains(&format!("{word}::")) || line.contains(&format!("use {word}"))
                };
                let uses = code.lines().find(is_used);
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

/// The map at the head of `lib.rs` has all rooms.
#[test]
fn the_map_has_every_room() {
    let map = fs::read_to_string(source().join("lib.rs")).expect("lib.rs");
    for (room, ..) in ROOMS {
        assert!(map.contains(&format!("[`{room}`]")), "{room}");
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
