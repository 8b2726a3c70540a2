//! `serve`: what can be said about it, and its start.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::path::{self, Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};

use super::{Status, values};
use crate::config::{BAKED, Config, Http};
use crate::process::Roles;
use crate::{admin, process, refusal, server, watch};

/// Descriptors that are not for connections.
const RESERVED_DESCRIPTORS: u64 = 64;

// The flags of `serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The library or program to serve [default: /action/libaction.so, /action/exec or /blackbox/action if there is one; else wait for POST /init]
    #[arg(env = "ACTION_RUNNER_LIBRARY")]
    library: Option<PathBuf>,
    /// The entry point to call, for a library named here
    #[arg(
        long,
        value_name = "NAME",
        env = "ACTION_RUNNER_MAIN",
        default_value = "main",
        hide_env_values = true
    )]
    main: String,
    /// Address and port to listen on; port 0 chooses one and prints it to stderr
    #[arg(long, value_name = "ADDRESS", env = "ACTION_RUNNER_LISTEN", default_value = "0.0.0.0:8080", value_parser = values::address, hide_env_values = true)]
    listen: SocketAddr,
    /// What requests look like [default: openwhisk; knative when __OW_RUNTIME_PLATFORM=knative]
    #[arg(long, value_enum, env = "ACTION_RUNNER_HTTP", hide_env_values = true)]
    http: Option<Http>,
    /// Runs at once in a worker, on threads; for actions that wait [default: 1; 200 when __OW_ALLOW_CONCURRENT=true]
    #[arg(long, value_name = "N", env = "ACTION_RUNNER_CONCURRENCY", value_parser = clap::value_parser!(u16).range(1..=1024), hide_env_values = true)]
    concurrency: Option<u16>,
    /// Worker processes; for actions that compute, or are not thread-safe [default: 1; one for each core with --http plain]
    #[arg(long, value_name = "N", env = "ACTION_RUNNER_WORKERS", value_parser = clap::value_parser!(u16).range(1..=256), hide_env_values = true)]
    workers: Option<u16>,
    /// How long a run may take that comes without a deadline, as 60 or 60s; 0 = for ever
    #[arg(long, value_name = "TIME", env = "ACTION_RUNNER_TIMEOUT", default_value = "0", value_parser = values::duration, hide_env_values = true)]
    timeout: Duration,
    /// What a run gets beyond its limit before it is ended, and all runs together after SIGTERM
    #[arg(long, value_name = "TIME", env = "ACTION_RUNNER_GRACE", default_value = "5s", value_parser = values::duration, hide_env_values = true)]
    grace: Duration,
    /// How long new runs are still accepted after SIGTERM
    #[arg(long, value_name = "TIME", env = "ACTION_RUNNER_DRAIN_DELAY", default_value = "0", value_parser = values::duration, hide_env_values = true)]
    drain_delay: Duration,
    /// The largest request body
    #[arg(long, value_name = "SIZE", env = "ACTION_RUNNER_MAX_BODY", default_value = "64MiB", value_parser = values::size, hide_env_values = true)]
    max_body: u64,
    /// A caller that sends nothing for this long in the middle of a request, or takes nothing of its answer, is let go
    #[arg(long, value_name = "TIME", env = "ACTION_RUNNER_READ_TIMEOUT", default_value = "60s", value_parser = values::duration, hide_env_values = true)]
    read_timeout: Duration,
    /// End the log of each run with a line on stdout and stderr, as OpenWhisk needs it [default: on; off with --http plain]
    #[arg(
        long,
        value_enum,
        env = "ACTION_RUNNER_SENTINELS",
        hide_env_values = true
    )]
    sentinels: Option<Switch>,
    /// Ask for another worker process after this many runs, and serve on until that one does; 0 = never
    #[arg(
        long,
        value_name = "N",
        env = "ACTION_RUNNER_MAX_RUNS",
        default_value_t = 0,
        hide_env_values = true
    )]
    max_runs: u32,
    /// The same for a worker process that has grown beyond this size; 0 = never
    #[arg(long, value_name = "SIZE", env = "ACTION_RUNNER_MAX_RSS", default_value = "0", value_parser = values::size, hide_env_values = true)]
    max_rss: u64,
    /// Load the library anew whenever its file changes, beside the one that serves
    #[arg(long, env = "ACTION_RUNNER_WATCH", value_parser = BoolishValueParser::new(), hide_env_values = true)]
    watch: bool,
    /// Answer /healthz, /readyz, /metrics and PUT /action here; a port alone means this machine only [default: nowhere]
    #[arg(long, value_name = "ADDRESS", env = "ACTION_RUNNER_ADMIN", value_parser = values::admin_address, hide_env_values = true)]
    admin: Option<SocketAddr>,
    /// The file with the token that PUT /action must bring [default: no uploads]
    #[arg(
        long,
        value_name = "FILE",
        env = "ACTION_RUNNER_ADMIN_TOKEN_FILE",
        requires = "admin",
        hide_env_values = true
    )]
    admin_token_file: Option<PathBuf>,
    /// Keep going as one would in a terminal (accepted for scripts; it is the default)
    #[arg(long, hide = true, action = ArgAction::SetTrue)]
    foreground: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Serve {
    /// Serves until told to stop.
    pub(super) fn execute(self) -> ExitCode {
        let config: &'static Config = Box::leak(Box::new(self.config()));
        if let Some(problem) = config
            .admin_token_file
            .as_deref()
            .and_then(|path| admin::Token::read(path).err())
        {
            refusal::report(&problem);
            return Status::Usage.into();
        }
        let roles = Roles {
            worker: server::work,
            admin: admin::work,
            watch: watch::work,
            tell: server::tell,
        };
        match process::run(config, roles) {
            Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
            Err(error) => {
                refusal::report(&error);
                Status::No.into()
            }
        }
    }

    fn config(self) -> Config {
        let platform =
            |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
        let knative = platform("__OW_RUNTIME_PLATFORM", "knative");
        let http = self.http.unwrap_or(if knative {
            Http::Knative
        } else {
            Http::Openwhisk
        });
        let plain = http == Http::Plain;
        let concurrency = if platform("__OW_ALLOW_CONCURRENT", "true") {
            200
        } else {
            1
        };
        let named = self.library.is_some();
        Config {
            library: self
                .library
                // The working directory may become another.
                .map(|library| path::absolute(&library).unwrap_or(library))
                .or_else(baked),
            library_is_named: named,
            entry_point: self.main,
            listen: self.listen,
            workers: match self.workers {
                Some(workers) => usize::from(workers),
                None if plain => cores(),
                None => 1,
            },
            concurrency: usize::from(self.concurrency.unwrap_or(concurrency)),
            timeout: Some(self.timeout).filter(|limit| !limit.is_zero()),
            grace: self.grace,
            drain_delay: self.drain_delay,
            max_body: usize::try_from(self.max_body).unwrap_or(usize::MAX),
            sentinels: self.sentinels.map_or(!plain, |switch| switch == Switch::On),
            http,
            connections: connections(),
            read_timeout: self.read_timeout.max(Duration::from_millis(40)),
            max_runs: self.max_runs,
            max_rss: self.max_rss,
            admin: self.admin,
            admin_token_file: self.admin_token_file,
            watch: self.watch,
            scratch: scratch(),
        }
    }
}

/// Asked only when it matters: the answer lies in files of the cgroup's.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The action of an image.
fn baked() -> Option<PathBuf> {
    let place = BAKED.into_iter().find(|place| Path::new(place).exists());
    place.map(PathBuf::from)
}

/// Connections that the descriptor limit leaves room for.
fn connections() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .current
        .unwrap_or(u64::MAX);
    usize::try_from(limit.saturating_sub(RESERVED_DESCRIPTORS).max(16))
        .unwrap_or(usize::MAX)
        .min(process::page::CONNECTIONS)
}

/// A folder's name that no other runner has, also where several share the place but not the process numbers.
fn scratch() -> PathBuf {
    let random = RandomState::new().build_hasher().finish();
    std::env::temp_dir().join(format!("action-runner-{random:016x}"))
}
