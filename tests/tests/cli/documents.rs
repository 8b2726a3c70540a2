//! The fenced blocks of the documents, done as they stand.

use std::fs;
use std::path::{Path, PathBuf};

use black_box::{fixtures, launch};

use super::new::shell;
use super::{assert_exit, text};

/// The blocks of a document that are written in this language, in their order.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(fixtures::workspace().join(document)).unwrap();
    let fence = format!("\n```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts
        .map(|part| part.split("\n```").next().unwrap().to_owned())
        .collect()
}

/// The one block with these words in it.
#[track_caller]
fn block(document: &str, language: &str, words: &str) -> String {
    let mut found = blocks(document, language);
    found.retain(|block| block.contains(words));
    assert_eq!(found.len(), 1, "{document}: {language} with {words:?}");
    found.remove(0)
}

/// A folder that looks like the repository to the commands in the documents.
fn folder(name: &str) -> PathBuf {
    let folder = fixtures::workspace()
        .join("target/fixtures/documents")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for part in ["action-abi", "actions", "target"] {
        std::os::unix::fs::symlink(fixtures::workspace().join(part), folder.join(part)).unwrap();
    }
    folder
}

/// The last line that these commands print. The runner is in the `PATH`, as after `make build`.
#[track_caller]
fn last_line(commands: &str, folder: &Path) -> String {
    let runner = launch::binary();
    let bin = runner.parent().unwrap().display();
    let commands = commands.replace("make build\n", "");
    let output = shell(&format!("set -e\nPATH={bin}:$PATH\n{commands}"), folder);
    assert_exit(&output, 0);
    text(&output.stdout)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn readme_in_c() {
    let folder = folder("readme-c");
    fs::write(folder.join("action.c"), block("README.md", "c", "invoke")).unwrap();
    let commands = block("README.md", "sh", "cc -shared");
    assert_eq!(last_line(&commands, &folder), r#"{"hello":"world"}"#);
}

#[test]
fn readme_try_it() {
    let folder = folder("readme-try");
    let commands = block("README.md", "sh", "make build");
    assert_eq!(last_line(&commands, &folder), r#"{"reversed":"desserts"}"#);
}

#[test]
fn abi_in_c() {
    let folder = folder("abi-c");
    fs::write(folder.join("action.c"), block("docs/abi.md", "c", "invoke")).unwrap();
    let commands = blocks("docs/abi.md", "")
        .into_iter()
        .find(|block| block.starts_with("cc "))
        .unwrap();
    let commands = commands + "\naction-runner invoke ./libaction.so";
    assert_eq!(last_line(&commands, &folder), r#"{"greeting":"hello"}"#);
}

#[test]
fn languages_in_cpp() {
    let folder = folder("languages-cpp");
    let source = block("docs/languages.md", "cpp", "ACTION_EXPORT_HANDLER");
    fs::write(folder.join("action.cpp"), source).unwrap();
    let commands = block("docs/languages.md", "sh", "g++");
    let commands = commands + "\naction-runner invoke ./libaction.so || true";
    assert!(last_line(&commands, &folder).contains("nobody asked"));
}

/// The whole action of README and abi.md, in the project that `new` writes.
#[test]
fn rust_in_readme_and_abi() {
    let source = block("README.md", "rust", "export!(reverse)");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let other = block("docs/abi.md", "rust", "export!(reverse)");
    assert_eq!(words(&source), words(&other));
    let folder = folder("readme-rust");
    let commands = "action-runner new hello >/dev/null && cp lib.rs hello/src/lib.rs && cd hello
        cargo build --release --target-dir ../target/fixtures/new/cargo
        action-runner invoke ../target/fixtures/new/cargo/release/libaction.so '{\"payload\":\"ab\"}'";
    fs::write(folder.join("lib.rs"), source).unwrap();
    // The target folder of new's own test, whose last result is the same file.
    let _alone = super::new::CARGO.lock();
    assert_eq!(last_line(commands, &folder), r#"{"reversed":"ba"}"#);
}
