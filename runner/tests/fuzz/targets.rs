//! What is fed, and what must hold whatever it is fed with.

use action_runner::package::{self, Limits, elf};
use action_runner::protocol::{container, init, run};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use std::fs;
use std::path::PathBuf;

const LIMITS: Limits = Limits {
    size: 1 << 20,
    entries: 50,
};

/// What the environment is given can be set.
pub(crate) fn init_body(input: &[u8]) -> String {
    match init::decode(input) {
        Ok(init) => {
            assert!(!init.entry_point.is_empty());
            assert!(init.code.as_deref() != Some(""));
            for (name, value) in &init.env {
                assert!(!name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0'));
            }
            format!("{:?} {}", init.code.is_some(), init.env.len().min(3))
        }
        Err(refusal) => refusal.to_string(),
    }
}

/// The value is JSON, and the checks agree with serde_json about what is.
pub(crate) fn run_body(input: &[u8]) -> String {
    let theirs = serde_json::from_slice::<&RawValue>(input);
    let is_container = theirs
        .as_ref()
        .is_ok_and(|json| json.get().starts_with(['{', '[']));
    assert_eq!(container::check_result(input).is_ok(), is_container);
    match run::decode(input) {
        Ok(run) => {
            assert!(container::check_result(run.value.as_bytes()).is_ok());
            let known = [
                &run.metadata.activation_id,
                &run.metadata.deadline,
                &run.metadata.namespace,
            ];
            format!(
                "{:?} {}",
                known.map(Option::is_some),
                run.metadata.others.len().min(3)
            )
        }
        Err(refusal) => refusal.to_string(),
    }
}

/// What is accepted is what a plain decoder makes of the text without its white space.
pub(crate) fn base64_text(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let place = Place::new("base64");
    let said = match package::receive(&text, &place.scratch(), &LIMITS) {
        Ok(_) => "a package".to_owned(),
        Err(refused) => refused.to_string(),
    };
    let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if STANDARD.decode(&plain).is_ok() {
        assert!(
            !said.starts_with("value.code is not valid base64"),
            "{said}"
        );
    }
    said
}

/// Nothing is written outside, and nothing stays after a refusal.
pub(crate) fn archive(input: &[u8]) -> String {
    let place = Place::new("zip");
    let said = match package::from_bytes(input, &place.scratch(), &LIMITS) {
        Ok(package) => {
            if let Some(folder) = &package.directory {
                assert!(folder.starts_with(place.scratch()));
                assert!(fs::canonicalize(&package.path).is_ok());
            }
            let exports = package.code.binary().map_or(0, |it| it.exports.len());
            format!("{} {}", package.directory.is_some(), exports.min(3))
        }
        Err(refused) => {
            assert!(!place.scratch().exists(), "{refused} left something");
            refused.to_string()
        }
    };
    let inside: Vec<_> = fs::read_dir(&place.0)
        .expect("there")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert!(
        inside.iter().all(|path| *path == place.scratch()),
        "{inside:?}"
    );
    said
}

/// Any bytes are a library or a sentence, and a library can be checked.
pub(crate) fn library(input: &[u8]) -> String {
    let host = elf::Host {
        machine: elf::Host::machine(),
        glibc: Some((2, 36)),
    };
    let library = match elf::read(input) {
        Ok(library) => library,
        Err(refusal) => return refusal.to_string(),
    };
    for main in ["main", "other", "action_init"] {
        if let Err(refusal) = elf::check(&library, main, &host) {
            return format!("{:?} {refusal}", library.dialect);
        }
    }
    format!(
        "{:?} {} {}",
        library.dialect,
        library.needed.len().min(3),
        library.versions.len().min(3)
    )
}

/// An empty folder with room for a scratch folder; removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("action-fuzz-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
