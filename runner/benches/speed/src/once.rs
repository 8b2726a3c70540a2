//! What is measured once and not by load: start, memory, faults, system calls.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::contestant::Contestant;
use crate::load::Load;
use crate::request::Request;
use crate::server::Server;
use crate::stats::Series;

const PATIENCE: Duration = Duration::from_secs(20);

/// A number of runs, however long they take.
pub fn runs(callers: usize, runs: usize) -> Load {
    Load {
        runs,
        ..Load::kept(callers, Duration::from_secs(60))
    }
}

/// From the start of the process until its port accepts, and until the first answer is there, in milliseconds.
pub fn start(who: &Contestant, port_open: &mut Series, answered: &mut Series) -> io::Result<()> {
    let address = free_address();
    let mut request = Request::run(100);
    let mut command = who.command(address.port());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begin = Instant::now();
    let child = Ended(command.spawn()?);
    // Looked for often, but not without a pause: there may be no more than one core to spare.
    while TcpStream::connect(address).is_err() {
        if begin.elapsed() > PATIENCE {
            return Err(io::Error::other(format!("{} does not start", who.name)));
        }
        thread::sleep(Duration::from_micros(20));
    }
    port_open.0.push(begin.elapsed().as_secs_f64() * 1e3);
    ask(address, &mut request)?;
    answered.0.push(begin.elapsed().as_secs_f64() * 1e3);
    drop(child);
    Ok(())
}

/// A port that is free, and none that the kernel gives to callers: one that calls itself would be connected at once.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let offset = NEXT.fetch_add(1, Relaxed).wrapping_add(std::process::id() as u16) % 10_000;
        let address = SocketAddr::from(([127, 0, 0, 1], 20_000 + offset));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

fn ask(address: SocketAddr, request: &mut Request) -> io::Result<u16> {
    let mut caller = Caller::connect(address, Vec::new())?;
    caller.ask(request)?;
    while !caller.read()? {}
    Ok(caller.status())
}

/// Proportional memory of the tree in KiB: idle, after 10 000 runs, after twenty of 1 MB.
pub fn memory(who: &Contestant) -> io::Result<[u64; 3]> {
    let server = Server::start(who.command(0))?;
    let mut small = Request::run(100);
    let mut large = Request::run(1_000_000);
    let (first, second) = (Request::run(100), Request::run(1_000_000));
    runs(1, 1).drive(server.address, &mut small, who.expect(&first))?;
    let idle = server.memory();
    runs(4, 10_000).drive(server.address, &mut small, who.expect(&first))?;
    let after = server.memory();
    runs(1, 20).drive(server.address, &mut large, who.expect(&second))?;
    Ok([idle, after, server.memory()])
}

/// How many runs there were, each with an id of its own, and how many KiB the tree has grown in the second half of them.
pub fn long(who: &Contestant, count: usize) -> io::Result<(usize, i64)> {
    let server = Server::start(who.command(0))?;
    let mut request = Request::run(100);
    let expected = Request::run(100);
    let half = runs(16, count / 2);
    let first = half.drive(server.address, &mut request, who.expect(&expected))?;
    let before = server.memory() as i64;
    let second = half.drive(server.address, &mut request, who.expect(&expected))?;
    let growth = server.memory() as i64 - before;
    Ok((first.latencies.len() + second.latencies.len(), growth))
}

/// An action dies: milliseconds from the request to the 502, and from there to the next good answer.
pub fn fault(address: SocketAddr, how: &str, told: &mut Series, again: &mut Series) -> io::Result<()> {
    let mut deadly = Request::with_value(&format!("{{\"how\":\"{how}\"}}"));
    let mut caller = Caller::connect(address, Vec::new())?;
    let begin = Instant::now();
    caller.ask(&mut deadly)?;
    while !caller.read()? {}
    told.0.push(begin.elapsed().as_secs_f64() * 1e3);
    if caller.status() != 502 {
        return Err(io::Error::other(format!("{how}: {} instead of 502", caller.status())));
    }
    let begin = Instant::now();
    let status = ask(address, &mut Request::with_value("{}"))?;
    again.0.push(begin.elapsed().as_secs_f64() * 1e3);
    if status != 200 {
        return Err(io::Error::other(format!("after {how}: {status} instead of 200")));
    }
    Ok(())
}

/// System calls of the whole tree for a run on a connection that stays, by name: those of 3000 runs less those of 1000.
pub fn system_calls(who: &Contestant, folder: &Path) -> io::Result<Vec<(String, f64)>> {
    let few = counted(who, 1000, folder)?;
    let many = counted(who, 3000, folder)?;
    let less = |name: &str| {
        few.iter()
            .find(|(other, _)| other == name)
            .map_or(0.0, |(_, count)| *count)
    };
    let mut calls: Vec<_> = many
        .iter()
        .map(|(name, count)| (name.clone(), (count - less(name)) / 2000.0))
        .collect();
    calls.retain(|(_, count)| *count > 0.005);
    calls.sort_by(|this, that| that.1.total_cmp(&this.1));
    Ok(calls)
}

fn counted(who: &Contestant, count: usize, folder: &Path) -> io::Result<Vec<(String, f64)>> {
    let table = folder.join("calls");
    let traced = who.command(0);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-c", "-U", "calls,name", "-o"])
        .arg(&table)
        .arg(traced.get_program())
        .args(traced.get_args());
    let server = Server::start(command)?;
    let mut request = Request::run(100);
    let expected = Request::run(100);
    runs(1, count).drive(server.address, &mut request, who.expect(&expected))?;
    // strace keeps signals from itself, and writes its table when the last of the tree has ended.
    server.end_traced();
    drop(server);
    let text = fs::read_to_string(&table)?;
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let count: f64 = words.next()?.parse().ok()?;
        Some((words.next().filter(|name| *name != "total")?.to_owned(), count))
    };
    Ok(text.lines().filter_map(row).collect())
}

/// A process that is ended with the scope.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(id) = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        let _ = self.0.wait();
    }
}
