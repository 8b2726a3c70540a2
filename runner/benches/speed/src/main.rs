//! Measures the runner against a bare axum server: `speed [COMMAND] [--quick] [--document FILE] --runner … --rust … …`.
//!
//! - without a command: everybody against everybody (`compare`)
//! - `cores`: more workers, and more runs at once
//! - `growth`: how cost grows
//! - `fleet`: a simulation
//! - `drive --address ADDRESS [--callers N] [--size N] [--milliseconds N]` only sends runs, to whatever listens there
//!
//! Each prints its tables, and writes them into the document between its marks.

mod built;
mod caller;
mod callers;
mod chart;
mod compare;
mod contestant;
mod cores;
mod document;
mod figure;
mod findings;
mod flags;
mod fleet;
mod goals;
mod growth;
mod load;
mod once;
mod paced;
mod peers;
mod plot;
mod random;
mod report;
mod request;
mod scenario;
mod server;
mod stats;
mod tables;
mod trial;

use std::io;
use std::time::Duration;

use caller::Expect;
use flags::Flags;
use load::Load;
use request::Request;

fn main() -> io::Result<()> {
    let (command, flags) = Flags::read();
    match command.as_str() {
        "" => compare::run(&flags),
        "cores" => cores::run(&flags),
        "growth" => growth::run(&flags),
        "fleet" => fleet::run(&flags),
        "drive" => drive(&flags),
        unknown => Err(io::Error::other(format!("there is no command {unknown}"))),
    }
}

/// Only sends runs to a server that was started otherwise, under a profiler for example.
fn drive(flags: &Flags) -> io::Result<()> {
    let address = flags.text("--address").unwrap_or_default();
    let address = address.parse().map_err(io::Error::other)?;
    let time = Duration::from_millis(flags.number("--milliseconds").unwrap_or(5000) as u64);
    let load = Load::kept(flags.number("--callers").unwrap_or(16), time);
    let mut request = Request::run(flags.number("--size").unwrap_or(100));
    let sample = load.drive(address, &mut request, Expect::Anything)?;
    println!(
        "{:.0} runs per second, p50 {:.1} µs",
        sample.per_second(),
        sample.percentile(0.5)
    );
    Ok(())
}
