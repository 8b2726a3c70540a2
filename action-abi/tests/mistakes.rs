//! What the compiler says about mistakes in an action: one error for each, which names it. `UPDATE_SNAPSHOTS=1 cargo
//! test -p action-abi --test mistakes` writes the sentences anew.

#![allow(clippy::unwrap_used)]
// A compiler without these says something else.
#![cfg(all(diagnostics, not(feature = "schema"), not(feature = "tokio")))]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A crate in which each mistake is an example.
fn project(cases: &Path) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistakes");
    let _ = fs::remove_dir_all(folder.join("examples"));
    fs::create_dir_all(folder.join("examples")).unwrap();
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/lib.rs"), "").unwrap();
    let manifest = format!(
        "[package]\nname = \"mistakes\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n\
         [dependencies]\nserde_json = \"1\"\naction-abi = {{ path = {:?} }}\n",
        here
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::copy(here.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    for case in fs::read_dir(cases)
        .unwrap()
        .map(|case| case.unwrap().path())
    {
        if case.extension().map_or(false, |it| it == "rs") {
            // A cdylib has no main; an example must.
            let text = fs::read_to_string(&case).unwrap() + "\nfn main() {}\n";
            fs::write(
                folder.join("examples").join(case.file_name().unwrap()),
                text,
            )
            .unwrap();
        }
    }
    folder
}

/// The errors of each example: the sentence, and the notes that stand below it.
fn errors(folder: &Path) -> BTreeMap<String, String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "check",
            "--offline",
            "--examples",
            "--keep-going",
            "--message-format=json",
        ])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .unwrap();
    let mut errors = BTreeMap::<_, String>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (target, message) = (&line["target"]["name"], &line["message"]);
        if message["level"] != "error" || message["spans"].as_array().map_or(true, Vec::is_empty) {
            continue;
        }
        let text = errors
            .entry(target.as_str().unwrap().to_owned())
            .or_default();
        text.push_str(&format!(
            "error: {}\n",
            message["message"].as_str().unwrap()
        ));
        for child in message["children"].as_array().unwrap() {
            let note = child["message"].as_str().unwrap();
            let of_the_compiler = ["required for", "the full name", "consider using"];
            if child["level"] == "note" && !of_the_compiler.iter().any(|it| note.starts_with(it)) {
                text.push_str(&format!("note: {}\n", note));
            }
        }
    }
    assert!(
        !errors.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    errors
}

#[test]
fn every_mistake_is_named_once() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let errors = errors(&project(&cases));
    for (case, text) in &errors {
        let expected = cases.join(case).with_extension("txt");
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&expected, text).unwrap();
        }
        assert_eq!(
            text,
            &fs::read_to_string(&expected).unwrap_or_default(),
            "{}",
            case
        );
        assert_eq!(text.matches("error: ").count(), 1, "{}", text);
    }
    let cases = fs::read_dir(cases).unwrap().flatten();
    let cases = cases.filter(|case| case.path().extension().map_or(false, |it| it == "rs"));
    assert_eq!(errors.len(), cases.count());
}
