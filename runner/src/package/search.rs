//! Where the dynamic loader would look for the libraries that a library or a program needs.
//!
//! Follows its order: DT_RPATH (only without DT_RUNPATH), LD_LIBRARY_PATH, DT_RUNPATH, the folders of the system's
//! configuration, the default folders. A library that is in this process already is not looked for. The loader's
//! cache is not read: its folders are those of the configuration.

use super::elf::{self, Binary};
use crate::refusal::LoadRefusal;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The libraries that would not be found, its own and those that its libraries need.
pub fn missing(binary: &Binary, path: &Path) -> Vec<String> {
    let system = System::read();
    let mut missing = Vec::new();
    let mut seen = HashSet::new();
    let mut waiting = vec![(binary.clone(), path.to_owned())];
    while let Some((library, path)) = waiting.pop() {
        for name in &library.needed {
            if !seen.insert(name.clone()) {
                continue;
            }
            match system.find(name, &library, &path) {
                Found::Loaded => {}
                Found::File(path, found) => waiting.push((*found, path)),
                Found::Nowhere => missing.push(name.clone()),
            }
        }
    }
    missing
}

/// The file that the loader would take for one needed library; `None` when there is none.
pub fn find(name: &str, binary: &Binary, path: &Path) -> Option<PathBuf> {
    let system = System::read();
    match system.find(name, binary, path) {
        Found::File(path, _) => Some(path),
        Found::Loaded => elf::mapped(name),
        Found::Nowhere => None,
    }
}

/// What the loader's own message means, as a refusal that says what to do.
pub fn explain(loader: &str, library: &Binary, library_path: &Path) -> LoadRefusal {
    let missing = missing(library, library_path);
    if !missing.is_empty() {
        return missing_libraries(missing);
    }
    if let Some((name, _)) = loader.split_once(": cannot open shared object file") {
        let name = name.rsplit([' ', '/']).next().unwrap_or(name);
        return missing_libraries(vec![name.to_owned()]);
    }
    if let Some(symbol) = after(loader, "undefined symbol: ") {
        return LoadRefusal::UndefinedSymbol {
            symbol: symbol.split([',', ' ']).next().unwrap_or(symbol).to_owned(),
        };
    }
    if let Some(refusal) = version_too_new(loader, library) {
        return refusal;
    }
    LoadRefusal::Dlopen {
        why: loader.trim().trim_end_matches('.').to_owned(),
    }
}

/// `/lib/libX.so: version `V' not found (required by …)`
fn version_too_new(loader: &str, library: &Binary) -> Option<LoadRefusal> {
    let (file, rest) = loader.split_once(": version `")?;
    let (version, _) = rest.split_once("' not found")?;
    let needed = library
        .versions
        .iter()
        .find(|needed| needed.version == version);
    let symbol = needed.and_then(|needed| needed.symbol.clone());
    Some(LoadRefusal::SymbolVersion {
        library: file.rsplit('/').next().unwrap_or(file).to_owned(),
        version: version.to_owned(),
        symbol: symbol.unwrap_or_else(|| "the library".to_owned()),
        here: file.to_owned(),
    })
}

/// The refusal for libraries that are not there, with the advice that fits the first that is known.
pub fn missing_libraries(libraries: Vec<String>) -> LoadRefusal {
    const USUAL: &str = "Put it into the archive beside the library, linked with -Wl,-rpath,'$ORIGIN', or link it statically.";
    const KNOWN: [(&str, &str); 5] = [
        (
            "libstdc++.so",
            "Use the image with the tag action-runner:cc, or link with -static-libstdc++ -static-libgcc.",
        ),
        (
            "libgomp.so",
            "Use the image with the tag action-runner:cc, or link it statically.",
        ),
        (
            "libc.musl",
            "It was built for musl: build it for glibc (a target that ends in -gnu).",
        ),
        (
            "ld-musl",
            "It was built for musl: build it for glibc (a target that ends in -gnu).",
        ),
        (
            "libssl.so",
            "Link OpenSSL statically (feature vendored in Rust), or use rustls.",
        ),
    ];
    let advice = libraries
        .iter()
        .find_map(|name| KNOWN.iter().find(|(start, _)| name.starts_with(start)));
    LoadRefusal::MissingLibrary {
        hint: advice.map_or(USUAL, |(_, hint)| hint),
        libraries,
    }
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

enum Found {
    Loaded,
    File(PathBuf, Box<Binary>),
    Nowhere,
}

/// What does not depend on the library.
struct System {
    preferred: Vec<PathBuf>,
    usual: Vec<PathBuf>,
    /// The file names of what is mapped into this process.
    loaded: HashSet<String>,
}

impl System {
    fn read() -> Self {
        let preferred = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        let mut usual = configured(Path::new("/etc/ld.so.conf"), 4);
        let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
        for root in ["/lib", "/usr/lib"] {
            usual.push(Path::new(root).join(&triplet));
        }
        usual.extend(["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(PathBuf::from));
        Self {
            preferred: std::env::split_paths(&preferred)
                .filter(|path| path.is_absolute())
                .collect(),
            usual,
            loaded: loaded(),
        }
    }

    fn find(&self, name: &str, library: &Binary, library_path: &Path) -> Found {
        if self.loaded.contains(name) {
            return Found::Loaded;
        }
        let usable = |path: &Path| {
            let found = elf::open(path).ok()?;
            (found.machine == library.machine)
                .then(|| Found::File(path.to_owned(), Box::new(found)))
        };
        if name.contains('/') {
            return usable(Path::new(name)).unwrap_or(Found::Nowhere);
        }
        let own = |folders: &[String]| -> Vec<PathBuf> {
            folders
                .iter()
                .map(|folder| expand(folder, library_path))
                .collect()
        };
        let old = if library.runpath.is_empty() {
            own(&library.rpath)
        } else {
            Vec::new()
        };
        let new = own(&library.runpath);
        let folders = old
            .iter()
            .chain(&self.preferred)
            .chain(&new)
            .chain(&self.usual);
        folders
            .map(|folder| folder.join(name))
            .find_map(|path| usable(&path))
            .unwrap_or(Found::Nowhere)
    }
}

/// Puts the library's own folder in the place of `$ORIGIN`.
fn expand(folder: &str, library_path: &Path) -> PathBuf {
    let path = fs::canonicalize(library_path).unwrap_or_else(|_| library_path.to_owned());
    let origin = path
        .parent()
        .unwrap_or(Path::new("/"))
        .display()
        .to_string();
    let folder = folder
        .replace("${ORIGIN}", &origin)
        .replace("$ORIGIN", &origin);
    let lib = "lib64";
    PathBuf::from(folder.replace("${LIB}", lib).replace("$LIB", lib))
}

/// The folders that a configuration file of the loader names, and those of the files it includes.
fn configured(file: &Path, depth: u8) -> Vec<PathBuf> {
    let Some(depth) = depth.checked_sub(1) else {
        return Vec::new();
    };
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim());
    lines
        .filter(|line| !line.is_empty())
        .flat_map(|line| match line.strip_prefix("include") {
            Some(pattern) => included(pattern.trim())
                .iter()
                .flat_map(|file| configured(file, depth))
                .collect(),
            None => vec![PathBuf::from(line)],
        })
        .collect()
}

/// The files that a pattern such as `/etc/ld.so.conf.d/*.conf` names, in order.
fn included(pattern: &str) -> Vec<PathBuf> {
    let Some((folder, suffix)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.as_os_str()
                .as_encoded_bytes()
                .ends_with(suffix.as_bytes())
        })
        .collect();
    files.sort_unstable();
    files
}

fn loaded() -> HashSet<String> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines()
        .filter_map(|line| line.rsplit('/').next())
        .filter(|name| name.contains(".so"))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
