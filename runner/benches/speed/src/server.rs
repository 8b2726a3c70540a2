//! A server under measurement, as its container would run it: stdout and stderr are pipes that are read. And what the
//! kernel says of its whole process tree.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};

/// How long a server may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts it and waits until it has said where it listens, and does.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || read_away(stdout));
        }
        let stderr = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut stderr = BufReader::new(stderr);
        let mut line = String::new();
        stderr.read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().and_then(|text| text.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            return Err(io::Error::other(format!(
                "{command:?} does not listen, it says: {line}"
            )));
        };
        thread::spawn(move || read_away(stderr));
        let server = Self { child, address };
        let start = Instant::now();
        while let Err(error) = TcpStream::connect(address) {
            if start.elapsed() > PATIENCE {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(server)
    }

    /// All its processes.
    pub fn tree(&self) -> Vec<u32> {
        let mut tree = vec![self.child.id()];
        let mut next = 0;
        while let Some(parent) = tree.get(next).copied() {
            for task in tasks(parent) {
                let children = fs::read_to_string(format!("/proc/{parent}/task/{task}/children"));
                let children = children.unwrap_or_default();
                tree.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
            }
            next += 1;
        }
        tree
    }

    /// CPU time of the tree so far, in microseconds. With `ended` that of processes that are gone as well, which the
    /// kernel counts in hundredths of a second only.
    pub fn cpu(&self, ended: bool) -> f64 {
        self.tree()
            .into_iter()
            .map(|process| if ended { coarse(process) } else { fine(process) })
            .sum()
    }

    /// Proportional memory of the tree, in KiB.
    pub fn memory(&self) -> u64 {
        self.tree().into_iter().map(memory).sum()
    }

    /// Ends the server that a tracer started, which then ends as well.
    pub fn end_traced(&self) {
        end(self.tree().get(1).copied());
    }

    /// Keeps the tree on one core, or lets it go anywhere.
    pub fn pin(&self, core: Option<usize>) {
        for process in self.tree() {
            for task in tasks(process) {
                pin(i32::try_from(task).ok().and_then(Pid::from_raw), core);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(Some(self.child.id()));
        let start = Instant::now();
        while let Ok(None) = self.child.try_wait() {
            if start.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Keeps a thread (`None`: this one) on one core, or lets it go anywhere.
pub fn pin(task: Option<Pid>, core: Option<usize>) {
    let mut cores = CpuSet::new();
    let all = 0..thread::available_parallelism()
        .map_or(1, std::num::NonZero::get)
        .max(CpuSet::MAX_CPU.min(64));
    for each in all.filter(|each| core.is_none_or(|core| core == *each)) {
        cores.set(each);
    }
    // Without it the figures are as noisy as the others; there is nothing else to do.
    let _ = sched_setaffinity(task, &cores);
}

fn end(process: Option<u32>) {
    if let Some(id) = process.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        let _ = kill_process(id, Signal::TERM);
    }
}

fn read_away(mut pipe: impl Read) {
    let mut buffer = vec![0; 64 << 10];
    while matches!(pipe.read(&mut buffer), Ok(1..)) {}
}

fn tasks(process: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn fine(process: u32) -> f64 {
    let time = |task: u32| {
        let text = fs::read_to_string(format!("/proc/{process}/task/{task}/schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    tasks(process).into_iter().filter_map(time).sum::<f64>() / 1000.0
}

fn coarse(process: u32) -> f64 {
    const TICK: f64 = 10_000.0;
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name, which may hold anything: state is the first field, utime the twelfth.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        * TICK
}

fn memory(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
