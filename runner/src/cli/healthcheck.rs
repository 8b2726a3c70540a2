//! `healthcheck`: asks a runner on this machine whether it serves. For images that have no shell.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{Status, values};
use crate::refusal;

// The flags of `healthcheck`.
#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    /// Where the runner listens
    #[arg(env = "ACTION_RUNNER_LISTEN", default_value = "127.0.0.1:8080", value_parser = values::address, hide_env_values = true)]
    address: SocketAddr,
    /// Where its admin port is; if there is one, it is asked instead
    #[arg(long, value_name = "ADDRESS", env = "ACTION_RUNNER_ADMIN", value_parser = values::admin_address, hide_env_values = true)]
    admin: Option<SocketAddr>,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    wait: u64,
}

impl Healthcheck {
    /// Exit status 0: it serves; 1: it does not.
    pub(super) fn execute(self) -> ExitCode {
        let wait = Duration::from_secs(self.wait.max(1));
        let address = here(self.admin.unwrap_or(self.address));
        // A run in progress keeps its worker busy, but the kernel accepts for it.
        let outcome = TcpStream::connect_timeout(&address, wait).and_then(|stream| {
            self.admin
                .map_or(Ok(None), |_| ask(&stream, wait).map(Some))
        });
        let problem = match outcome {
            Ok(None) => return ExitCode::SUCCESS,
            Ok(Some(answer)) if answer.starts_with("HTTP/1.1 200 ") => return ExitCode::SUCCESS,
            Ok(Some(answer)) => {
                let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                format!("the runner at {address} is not ready: {}", body.trim())
            }
            Err(error) => format!("nothing answers at {address}: {error}."),
        };
        refusal::report(&problem);
        Status::No.into()
    }
}

/// What listens on every interface is asked on this machine's own.
fn here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn ask(mut stream: &TcpStream, wait: Duration) -> io::Result<String> {
    const LONGEST: u64 = 16 * 1024;
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: runner\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
