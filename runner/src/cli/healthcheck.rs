//! `healthcheck`: asks a runner on this machine whether it accepts connections. For images that have no shell.

use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::Status;
use crate::refusal;

/// The flags of `healthcheck`.
#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    /// Where the runner listens
    #[arg(default_value = "127.0.0.1:8080")]
    address: SocketAddr,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    wait: u64,
}

impl Healthcheck {
    /// Exit status 0: it accepts connections; 1: it does not.
    pub(super) fn execute(self) -> ExitCode {
        // A run in progress keeps its worker busy, but the kernel accepts for it.
        match TcpStream::connect_timeout(&self.address, Duration::from_secs(self.wait.max(1))) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => {
                refusal::complain(&format!("nothing answers at {}: {error}.", self.address));
                Status::No.into()
            }
        }
    }
}
