//! The libraries under test, compiled by compilers of their own into `target/fixtures`.
//!
//! Never by the cargo call that builds the tests: shared features or a shared target folder would hide exactly the breaks
//! of the ABI that the tests look for. Each library is built at most once in a test run, on first use, and again in the
//! next run only when a source is newer. A file lock keeps two test runs apart.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

type Built = Arc<OnceLock<PathBuf>>;
static BUILT: LazyLock<Mutex<HashMap<String, Built>>> = LazyLock::new(Mutex::default);

/// The folder of the whole project.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn folder() -> PathBuf {
    let folder = workspace().join("target/fixtures");
    fs::create_dir_all(folder.join("c")).unwrap();
    folder
}

/// `actions/faults/c/NAME.c`, compiled.
pub fn c(name: &str) -> PathBuf {
    c_with(name, &[])
}

/// The same with further words for the compiler, which also make the name of the result.
pub fn c_with(name: &str, words: &[&str]) -> PathBuf {
    let source = workspace().join(format!("actions/faults/c/{name}.c"));
    let label: String = words
        .concat()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    once(&format!("c/{name}{label}.so"), |target| {
        compile(&source, words, target);
    })
}

/// `actions/faults/c/NAME.cpp`, compiled.
pub fn cpp(name: &str) -> PathBuf {
    let source = workspace().join(format!("actions/faults/c/{name}.cpp"));
    once(&format!("c/{name}.so"), |target| {
        compile(&source, &["-lstdc++"], target);
    })
}

/// `actions/faults/programs/NAME.c`, compiled to a program, with further words for the compiler.
pub fn program(name: &str, words: &[&str]) -> PathBuf {
    let source = workspace().join(format!("actions/faults/programs/{name}.c"));
    let label: String = words
        .concat()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    once(&format!("programs/{name}{label}"), |target| {
        let mut all = compiler_words();
        all.push(source.to_str().unwrap().to_owned());
        all.extend(words.iter().map(|&word| word.to_owned()));
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        cc(&all, target);
    })
}

/// The reverse action in C.
pub fn reverse_c() -> PathBuf {
    let source = workspace().join("actions/reverse/c");
    let file = first_with_extension(&source, "c");
    once("c/reverse.so", |target| compile(&file, &[], target))
}

/// A needed library that is gone by the time anybody loads this one.
pub fn missing_dependency() -> PathBuf {
    once("c/missingdep.so", |target| {
        let gone = folder().join("c/libgone.so");
        cc(
            &[
                "-shared",
                "-fPIC",
                "-Wl,-soname,libgone.so.1",
                "-x",
                "c",
                "/dev/null",
            ],
            &gone,
        );
        let source = workspace().join("actions/faults/c/identity.c");
        compile(
            &source,
            &["-Wl,--no-as-needed", gone.to_str().unwrap()],
            target,
        );
        fs::remove_file(gone).unwrap();
    })
}

/// A library that asks for a version of the C library that does not exist yet.
pub fn future_libc() -> PathBuf {
    once("c/futurelibc.so", |target| {
        let stub = folder().join("c/future-stub.so");
        let script = workspace().join("actions/faults/c/future_stub.map");
        let source = workspace().join("actions/faults/c/future_stub.c");
        let version = format!("-Wl,--version-script={}", script.display());
        let words = [
            "-shared",
            "-fPIC",
            "-nostdlib",
            "-Wl,-soname,libc.so.6",
            &version,
            source.to_str().unwrap(),
        ];
        cc(&words, &stub);
        let source = workspace().join("actions/faults/c/future_libc.c");
        compile(&source, &[stub.to_str().unwrap()], target);
    })
}

/// A good library with some bytes of its header changed: another machine, another word size, another type.
pub fn patched(name: &str, changes: &[(usize, u8)]) -> PathBuf {
    once(&format!("c/{name}.so"), |target| {
        let mut bytes = fs::read(c("identity")).unwrap();
        for &(offset, byte) in changes {
            bytes[offset] = byte;
        }
        fs::write(target, bytes).unwrap();
    })
}

/// An ELF for another machine (AArch64 where we are x86-64, and the other way round).
pub fn wrong_machine() -> PathBuf {
    let other = if cfg!(target_arch = "aarch64") {
        62
    } else {
        183
    };
    patched("wrongarch", &[(18, other)])
}

/// `actions/faults/rust`: Rust entry points that misbehave.
pub fn rust() -> PathBuf {
    cargo("actions/faults/rust", &[])
}

/// `actions/reverse/rust`.
pub fn reverse_rust() -> PathBuf {
    cargo("actions/reverse/rust", &[])
}

/// `actions/greeter`.
pub fn greeter() -> PathBuf {
    cargo("actions/greeter", &[])
}

/// A Rust action, built by a cargo of its own, release, with these features.
pub fn cargo(crate_folder: &str, features: &[&str]) -> PathBuf {
    let name = crate_folder.replace('/', "-") + &features.concat();
    once(&format!("rust/{name}.so"), |target| {
        let manifest = workspace().join(crate_folder).join("Cargo.toml");
        // One folder for all of them, so that what they depend on is compiled once; one at a time, since two sets of
        // features of one crate make the same file.
        let output = folder().join("cargo");
        let lock = File::create(folder().join("cargo.lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let mut command = Command::new("cargo");
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("CARGO") && variable != "CARGO_HOME" {
                command.env_remove(variable);
            }
        }
        command.args(["build", "--release", "--quiet", "--manifest-path"]);
        command.arg(&manifest).arg("--target-dir").arg(&output);
        command.args(["--features", &features.join(",")]);
        succeed(&mut command);
        let library = format!("lib{}.so", package(&manifest).replace('-', "_"));
        fs::copy(output.join("release").join(library), target).unwrap();
    })
}

/// The package's name, from its manifest.
fn package(manifest: &Path) -> String {
    let text = fs::read_to_string(manifest).unwrap();
    let name = text.lines().find_map(|line| line.strip_prefix("name = "));
    name.unwrap().trim_matches('"').to_owned()
}

/// Builds `target` once in this process, under a lock that other processes respect.
fn once(name: &str, build: impl FnOnce(&Path)) -> PathBuf {
    let cell = BUILT
        .lock()
        .unwrap()
        .entry(name.to_owned())
        .or_default()
        .clone();
    let built = cell.get_or_init(|| {
        let target = folder().join(name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let lock = File::create(target.with_extension("lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        // Built beside and renamed: a library that some other process has mapped is never written over.
        let draft = target.with_extension("draft");
        build(&draft);
        if draft.exists() {
            fs::rename(draft, &target).unwrap();
        }
        target
    });
    built.clone()
}

fn compile(source: &Path, words: &[&str], draft: &Path) {
    let newest = headers()
        .into_iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap().flatten())
        .map(|entry| entry.path());
    let newest = newest
        .filter(|path| path.extension().is_some_and(|it| it == "h"))
        .chain([source.to_owned()]);
    let newest = newest.filter_map(|path| modified(&path)).max();
    if words.is_empty() && modified(&draft.with_extension("so")) > newest {
        return;
    }
    let common = compiler_words();
    let mut all = vec!["-shared", "-fPIC"];
    all.extend(common.iter().map(String::as_str));
    all.push(source.to_str().unwrap());
    all.extend_from_slice(words);
    cc(&all, draft);
}

/// What every C fixture is compiled with.
fn compiler_words() -> Vec<String> {
    let words = ["-O1", "-Wall", "-Wextra", "-Werror", "-pthread"].map(str::to_owned);
    let includes = headers().map(|folder| format!("-I{}", folder.display()));
    words.into_iter().chain(includes).collect()
}

fn headers() -> [PathBuf; 2] {
    ["action-abi/include", "actions/faults/c"].map(|folder| workspace().join(folder))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}

fn cc(words: &[&str], target: &Path) {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    succeed(Command::new(compiler).args(words).arg("-o").arg(target));
}

fn succeed(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn first_with_extension(folder: &Path, extension: &str) -> PathBuf {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths = entries.flatten().map(|entry| entry.path());
    let found = paths.find(|path| path.extension().is_some_and(|it| it == extension));
    found.unwrap_or_else(|| panic!("no .{extension} in {}", folder.display()))
}
