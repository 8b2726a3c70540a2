//! Every sentence the product can say to somebody outside, in one place.
//!
//! One enum for each room: a request that cannot be read, a package that holds no library, a library that cannot be
//! loaded, an action that died. `Display` is the sentence: what was found, what was needed, what to do. Which HTTP
//! status goes with it is decided in `protocol::answer` and nowhere else.

use std::fmt;
use std::path::Path;
use thiserror::Error;

mod admit;
mod death;
mod program;
mod report;
mod web;
pub use admit::CannotAdmit;
pub use death::{Death, Phase};
pub use program::NoAnswer;
pub use report::{CannotServe, Scarce, report};
pub use web::*;

/// Sentences that carry no data. The first six are fixed by the action protocol, to the letter.
pub const NO_ACTION_YET: &str = "no action defined yet";
pub const NO_CODE: &str = "Missing main/no code to execute.";
pub const INIT_TWICE: &str = "Cannot initialize the action more than once.";
pub const NOT_A_CONTAINER_IN: &str =
    "The action did not receive a dictionary or array as an argument.";
pub const NOT_A_CONTAINER_OUT: &str = "The action did not return a dictionary or array.";
pub const NO_VALID_RESPONSE: &str =
    "The action did not produce a valid response and exited unexpectedly.";
pub const NOT_FOUND: &str =
    "There is nothing at this path: an action runner answers POST /init and POST /run.";
pub const NOT_FOUND_ADMIN: &str =
    "There is nothing at this path: here are GET /healthz, /readyz and /metrics, and PUT /action.";
pub const METHOD_NOT_ALLOWED: &str =
    "This path takes POST requests only: send the JSON body with POST.";
pub const SHUTTING_DOWN: &str =
    "The runner is shutting down and takes no new runs: send the request to another instance.";
pub const SEND_AGAIN: &str =
    "The process that was reading this request ended before the action was called: send it again.";
pub const SEND_INIT_AGAIN: &str =
    "The process that was reading this init ended before it was looked at: send it again.";
pub const NEIGHBOUR_OVERRAN: &str = "Another run exceeded its time limit and was ended, with the process that it shared with this run: send the request again.";
/// Beside the cause of a death that any of several runs may have brought about.
pub const MAY_BE_ANOTHERS: &str = "Another run in the same process may have brought it about.";
pub const INIT_FAILED_BEFORE: &str = "Another init has just failed in the process that read this one: send it again, and it finds a fresh process.";
pub const LOADED_BEFORE: &str =
    "another library has been loaded in this process: send the request again";
pub const TOO_SLOW: &str =
    "The request did not arrive in time: send its header and body without long pauses.";
pub const BODY_CUT_OFF: &str =
    "The request body ended early, or its chunks are broken: send all of the announced length.";
pub const ENCODED_BODY: &str =
    "The request body is compressed: send it as plain JSON, without Content-Encoding.";

/// What stands on stderr beside [`NO_CODE`].
#[derive(Debug, Error)]
#[error(
    "The /init brought no code, and there is no action at {}. Send the code, or put the action there.",
    .places.join(", ")
)]
pub struct NothingToExecute {
    pub places: &'static [&'static str],
}

/// Why an `/init` or an upload brought no action.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    #[error(transparent)]
    Request(#[from] BadRequest),
    #[error(transparent)]
    Package(#[from] PackageRefusal),
    #[error(transparent)]
    Library(#[from] LoadRefusal),
}

/// The request itself is at fault (400; `Oversized` is 413).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadRequest {
    #[error("The request body is empty; a JSON object is needed: send {{\"value\":{{…}}}}.")]
    Empty,
    #[error("The request body is not JSON: {problem}. Send one JSON object.")]
    NotJson { problem: String },
    #[error("{field} is {found}; it must be {needed}.")]
    WrongType {
        field: &'static str,
        found: &'static str,
        needed: &'static str,
    },
    #[error(
        "The environment variable {name:?} in value.env cannot be set: a name must not be empty, contain '=' or a NUL character. Rename it."
    )]
    VariableName { name: String },
    #[error(
        "The environment variable {name:?} in value.env cannot be set: its value contains a NUL character. Remove it."
    )]
    VariableValue { name: String },
    #[error(
        "value.code is not valid base64: {found:?} at offset {offset} is not in its alphabet. Send the library, or a zip with it, encoded as base64."
    )]
    Base64Character { found: char, offset: usize },
    #[error(
        "value.code is not valid base64: it ends in the middle of a group, at offset {offset}. Send all of the text."
    )]
    Base64CutOff { offset: usize },
    #[error(
        "value.code is not valid base64: the padding at offset {offset} is misplaced. Send the text of one base64 encoding."
    )]
    Base64Padding { offset: usize },
    #[error(
        "The request body is larger than the limit of {limit} bytes: send less, or start the runner with a larger --max-body."
    )]
    Oversized { limit: usize },
}

/// What was delivered is no package that holds one action (502).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PackageRefusal {
    #[error(
        "The code is {found}; this runner needs a compiled shared library (ELF .so), a program, or a zip archive with one, as base64. Compile the action with crate-type cdylib (Rust) or -shared (C), zip it and upload the zip."
    )]
    NotAPackage { found: &'static str },
    #[error(
        "The code is source text; this runner takes compiled shared libraries and programs. Compile the action with crate-type cdylib (Rust) or -shared (C), zip the .so file and upload the zip."
    )]
    SourceText,
    #[error(
        "The code is {found} that was sent as text, which destroys it. Upload the library in a zip archive, or a file that holds its base64 text."
    )]
    Mangled { found: &'static str },
    #[error(
        "The code was encoded as base64 twice: decoded once it is still base64 text. Encode the file once."
    )]
    EncodedTwice,
    #[error(
        "The code is 0 bytes long after decoding; a shared library or a zip archive with one is needed. Upload the file again."
    )]
    Nothing,
    #[error(
        "The zip archive is empty; it must contain one shared library. Put libaction.so at its root."
    )]
    EmptyArchive,
    #[error(
        "Unable to decompress package: the zip archive is damaged or cut off ({why}). Make it again and upload all of it."
    )]
    DamagedArchive { why: String },
    #[error(
        "Unable to decompress package: {entry:?} in the zip archive is damaged ({why}). Make the archive again."
    )]
    DamagedEntry { entry: String, why: String },
    #[error(
        "{entry:?} in the zip archive is encrypted; nobody here has the password. Make the archive without one."
    )]
    Encrypted { entry: String },
    #[error(
        "{entry:?} in the zip archive is compressed with method {method}; only stored and deflated entries can be read. Make the archive with the usual zip tool."
    )]
    Compression { entry: String, method: String },
    #[error(
        "The zip archive has an unsafe path, {entry:?} ({why}); nothing was unpacked. Use relative paths that stay inside the archive."
    )]
    UnsafePath { entry: String, why: &'static str },
    #[error(
        "The link {entry:?} in the zip archive points to {target:?}, outside of it; nothing was unpacked. Put the file itself into the archive."
    )]
    LinkOutside { entry: String, target: String },
    #[error(
        "{entry:?} stands more than once in the zip archive, or is both file and folder. Make the archive again with one of them."
    )]
    Ambiguous { entry: String },
    #[error(
        "The zip archive has several entries of the same name. Make the archive again with one of each."
    )]
    DuplicateNames,
    #[error(
        "The zip archive would unpack to more than the limit of {limit} bytes. Leave out what the action does not need."
    )]
    TooLarge { limit: u64 },
    #[error(
        "The zip archive has {found} entries; the limit is {limit}. Leave out what the action does not need."
    )]
    TooManyEntries { found: usize, limit: usize },
    #[error(
        "Zip file does not include a shared library: libaction.so at its root is expected, or a program named exec; it has {}. Add the compiled action.",
        Names(.entries)
    )]
    NoLibrary { entries: Vec<String> },
    #[error(
        "The zip archive has several shared libraries ({}); which one is the action? Name it libaction.so, at the root.",
        Names(.candidates)
    )]
    SeveralLibraries { candidates: Vec<String> },
    #[error(
        "The zip archive could not be unpacked under {folder}: {why}. Give the runner a writable folder there, or upload the library alone."
    )]
    NowhereToUnpack { folder: String, why: String },
    #[error("The action could not be copied into memory: {why}. Give the container more memory.")]
    NoMemory { why: String },
}

/// A library or program was found and cannot be loaded or started here (502).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoadRefusal {
    /// Any of the others, of a file whose path says something to people.
    #[error("{path}: {refusal}")]
    Of {
        path: String,
        refusal: Box<LoadRefusal>,
    },
    #[error("The file {path} cannot be read: {why}. Check the path and its permissions.")]
    Unreadable { path: String, why: String },
    #[error(
        "The file is {found}; a shared library (ELF .so) is needed, or a program. Compile the action with crate-type cdylib (Rust) or -shared (C)."
    )]
    NotAnAction { found: &'static str },
    #[error(
        "The file is built for {found}; this runner runs on {needed}. Compile the action for that target."
    )]
    OtherArchitecture { found: String, needed: String },
    #[error(
        "The file is cut off: it has {found} bytes and says that it needs {needed}. Copy or upload the whole file."
    )]
    Truncated { found: u64, needed: u64 },
    #[error("The file is damaged: {why}. Compile it again and upload the whole file.")]
    Damaged { why: &'static str },
    #[error(
        "The library exports neither {} (written by action_abi::export!) nor {} (declared in action.h); it exports {}. {}",
        RUST_SYMBOL, C_SYMBOL, Names(.exports), way_to_export(.exports)
    )]
    NoAbi { exports: Vec<String> },
    #[error(
        "The library was built for version {found} of action.h; this runner needs version {needed}. Compile it with that version's header, or use a runner that speaks {found}."
    )]
    CAbiVersion { found: u32, needed: u32 },
    #[error(
        "The library was built with version {found} of the Rust action ABI; this runner needs {needed}. Compile it with a matching action-abi, or use a newer runner."
    )]
    RustAbiVersion { found: String, needed: String },
    #[error(
        "The library's types do not match this runner's version {needed} of the Rust action ABI: {why}. Compile it with a matching action-abi, and do not switch its layout check off."
    )]
    RustLayout { why: String, needed: String },
    #[error(
        "The library has no entry point {}; it has {}. {}",
        Quoted(.name), Names(.available), way_to_an_entry_point(.available)
    )]
    EntryPointMissing {
        name: String,
        available: Vec<String>,
    },
    #[error(
        "{name:?} is reserved by the action ABI and cannot be an entry point; there is {}. Set main to one of them.",
        Names(.available)
    )]
    EntryPointReserved {
        name: String,
        available: Vec<String>,
    },
    #[error(
        "The action needs {}, which is not on this machine. {hint}",
        Names(.libraries)
    )]
    MissingLibrary {
        libraries: Vec<String>,
        hint: &'static str,
    },
    #[error(
        "The action needs {version} of {library} (for {symbol}); here is {here}. Compile it on an older system, or use a runner image that has the newer one."
    )]
    SymbolVersion {
        library: String,
        version: String,
        symbol: String,
        here: String,
    },
    #[error(
        "The library uses {symbol}, which neither it nor the libraries it names define. Link the library that defines it."
    )]
    UndefinedSymbol { symbol: String },
    #[error("The library could not be loaded: {why}. Look at it with action-runner inspect.")]
    Dlopen { why: String },
    #[error(
        "The program needs {} to start it, which is not on this machine. {}",
        Quoted(.interpreter),
        if *.script { "Use an image that has it, or compile the action." } else { "Link it statically, or build it for glibc." }
    )]
    NoInterpreter { interpreter: String, script: bool },
    #[error(
        "The program {path} may not be executed: give it the permission (chmod +x), on a file system that allows it."
    )]
    NotExecutable { path: String },
    #[error("The action's init failed: {why}")]
    InitFailed { why: String },
    #[error("The action's init panicked: {why}")]
    InitPanicked { why: String },
}

impl LoadRefusal {
    /// The same, with the path of the file if it is not in it.
    #[must_use]
    pub fn of(self, path: &Path) -> Self {
        match self {
            Self::Unreadable { .. } | Self::Of { .. } => self,
            refusal => Self::Of {
                path: path.display().to_string(),
                refusal: Box::new(refusal),
            },
        }
    }
}

/// The symbols by which the two dialects are recognised.
pub const RUST_SYMBOL: &str = "_1as_0lib_1header_0root_bmodule_bloader";
pub const C_SYMBOL: &str = "action_abi_version";

/// What to do about a library that exports neither symbol.
fn way_to_export(exports: &[String]) -> &'static str {
    // `_Z` begins every name that a C++ compiler has made; the name it was made from stands in it.
    let is_mangled = |name: &String| {
        name.starts_with("_Z") && ["action_", "invoke"].iter().any(|own| name.contains(own))
    };
    if exports.iter().any(is_mangled) {
        "C++ has changed the names: put ACTION_EXPORT (extern \"C\") before these functions."
    } else {
        "Export the action with one of them."
    }
}

/// What to do about an entry point that is not among the `available`.
fn way_to_an_entry_point(available: &[String]) -> &'static str {
    if available.is_empty() {
        "Export that function, with ACTION_EXPORT before it."
    } else {
        "Set main to one of them."
    }
}

/// A list in a sentence: the first dozen names, and how many more there are.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (position, name) in self.0.iter().take(SHOWN).enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            Quoted(name).fmt(f)?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// A name from outside: control characters escaped, cut when it is very long.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 80;
        for (place, character) in self.0.chars().enumerate() {
            match character {
                _ if place == SHOWN => return f.write_str("…"),
                '"' | '\'' => write!(f, "{character}")?,
                other => write!(f, "{}", other.escape_debug())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
