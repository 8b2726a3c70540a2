//! What the command line and the environment come to: one checked value without options that mean "default".

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where an image has its action: a library, or else a program of the Docker SDK's images, new and old.
pub const BAKED: [&str; 3] = ["/action/libaction.so", "/action/exec", "/blackbox/action"];

/// Everything that `serve` may be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The library, or program, to load at start, if any: an absolute path.
    pub library: Option<PathBuf>,
    /// Was it named by the user? Then one that does not load ends the program; the default one is answered for.
    pub library_is_named: bool,
    /// The entry point of a library that is loaded at start.
    pub entry_point: String,
    pub listen: SocketAddr,
    /// Pairs of keeper and worker.
    pub workers: usize,
    /// Runs at once in a worker.
    pub concurrency: usize,
    /// How long a run may take that comes without a deadline; `None` = for ever.
    pub timeout: Option<Duration>,
    /// What a run gets beyond its limit, and all runs together after SIGTERM.
    pub grace: Duration,
    /// How long new runs are still accepted after SIGTERM.
    pub drain_delay: Duration,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// End each activation's log with a sentinel on both streams?
    pub sentinels: bool,
    pub http: Http,
    /// Connections at once in a worker; more wait in the kernel's queue.
    pub connections: usize,
    /// A connection is closed that sends nothing for this long in the middle of a request, or takes nothing of its answer.
    pub read_timeout: Duration,
    /// Replace a worker after this many runs; 0 = never.
    pub max_runs: u32,
    /// Replace a worker that has grown beyond this many bytes; 0 = never.
    pub max_rss: u64,
    /// Where health and metrics are answered, if anywhere.
    pub admin: Option<SocketAddr>,
    /// The file with the token that an upload must bring; `None`: no uploads.
    pub admin_token_file: Option<PathBuf>,
    /// Load the library anew whenever its file changes?
    pub watch: bool,
    /// The folder under which archives are unpacked. Made when needed, removed at the end.
    pub scratch: PathBuf,
}

/// What a request looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Http {
    /// OpenWhisk's `POST /init` and `POST /run`.
    Openwhisk,
    /// The same, and Knative's single entry point `POST /`.
    Knative,
    /// `POST /` takes the parameters as its body and answers with the result as its body.
    Plain,
}

impl Config {
    /// Is the library left unloaded until the platform's `/init` brings the environment that its initialisers should
    /// see? So it is for an image's own library under OpenWhisk; a library that somebody named is loaded at once.
    pub fn loads_lazily(&self) -> bool {
        !self.library_is_named && self.http != Http::Plain
    }
}
