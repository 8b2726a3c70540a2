//! Everything at once for a while: callers with payloads of their own, faults of every kind in random order, the library
//! swapped every second. Wrong, lost, hung and leaked must end as zeros.
//!
//! `SOAK_SECONDS` says how long the three soaks take together (12 when nobody says), `SOAK_SEED` repeats a run.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use black_box::http::request;
use black_box::shelf::{Shelf, dying, refusing};
use black_box::{Connection, LIMIT, Launch, Reply, Runner, fixtures, processes};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Callers that only want their answers.
const CALLERS: u64 = 4;
/// How long a caller keeps a connection at least: closed ones take up the machine's ports for a minute.
const KEPT: Duration = Duration::from_millis(20);
/// How a run of the fixture ends its process, or does not end.
const FAULTS: [&str; 16] = [
    "segv",
    "bus",
    "ill",
    "fpe",
    "abort",
    "exit",
    "exit0",
    "rawexit",
    "exit_thread",
    "stackoverflow",
    "stackoverflow_thread",
    "kill",
    "term",
    "spin",
    "sleep",
    "deadlock",
];
/// What the tree may grow by in memory, for good: 2 MB.
const GROWTH: u64 = 2 << 20;

#[derive(Default)]
struct Tally {
    right: AtomicU64,
    faults: AtomicU64,
    swaps: AtomicU64,
    /// 503: the process was shared with a run that ended it. The caller sends it again.
    again: AtomicU64,
    /// 502 for a run that shared its process with a thread that an earlier run had left behind, or with a run that ended it
    /// in a way that names nobody.
    struck: AtomicU64,
    wrong: AtomicU64,
    lost: AtomicU64,
    hung: AtomicU64,
}

impl Tally {
    fn fail(&self, counter: &AtomicU64, what: &str) {
        if counter.fetch_add(1, Relaxed) < 5 {
            report(what);
        }
    }

    /// An answer, or why there is none.
    fn received(&self, reply: Result<Reply, String>) -> Option<Reply> {
        match reply {
            Ok(reply) => return Some(reply),
            Err(why) if why.starts_with("nothing within") => self.fail(&self.hung, &why),
            Err(why) => self.fail(&self.lost, &why),
        }
        None
    }
}

#[expect(clippy::print_stderr, reason = "the figures are what a soak is for")]
pub(crate) fn report(line: &str) {
    eprintln!("soak: {line}");
}

/// A generator of numbers that a seed repeats (xorshift64*).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % sides
    }
}

pub(crate) fn setting(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn one_run_at_a_time() {
    soak("one run at a time", &[]);
}

#[test]
fn two_workers() {
    soak("two workers", &["--workers", "2"]);
}

#[test]
fn three_runs_at_once() {
    soak("three runs at once", &["--concurrency", "3"]);
}

fn soak(name: &str, arguments: &[&str]) {
    // One after the other: each has the machine for itself.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    let seconds = setting("SOAK_SECONDS", 12).div_ceil(3);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = setting("SOAK_SEED", now.as_secs()).max(1);
    report(&format!("{name}: {seconds} s, SOAK_SEED={seed}"));
    let libraries = [fixtures::c("die"), fixtures::c_with("die", &["-g"])];
    let shelf = Shelf::with(&libraries[0]);
    let runner = Launch::baked(&shelf.library)
        .args(&[
            "--timeout",
            "200ms",
            "--grace",
            "100ms",
            "--sentinels",
            "off",
        ])
        .args(arguments)
        .start();
    let tally = Tally::default();
    let end = AtomicBool::new(false);
    fault(&runner, "segv", 0, &tally);
    ask(&mut runner.connect(), &json!({}), &tally);
    // The one that died may not have a successor yet where another answers.
    let pairs = if arguments.contains(&"--workers") {
        2
    } else {
        1
    };
    runner.until_tree(|tree| {
        let named = |name: &str| tree.iter().filter(|it| it.name == name).count();
        named("worker") == pairs && named("keeper") == pairs
    });
    let before = Usage::of(&runner);
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (runner, tally, end) = (&runner, &tally, &end);
            scope.spawn(move || call(runner, caller, tally, end));
        }
        scope.spawn(|| attack(&runner, Dice(seed), &tally, &end));
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut dice = Dice(seed ^ 0x9e37_79b9);
        while Instant::now() < until {
            swap(&runner, &shelf, &libraries, &mut dice, &tally);
            std::thread::sleep(Duration::from_secs(1)); // the soak itself: a swap a second
        }
        end.store(true, Release);
    });
    // The last word is a good library's.
    shelf.put(&libraries[0]);
    runner.signal(Signal::HUP);
    // A thread that was left behind may still strike.
    std::thread::sleep(Duration::from_millis(10));
    ask(&mut runner.connect(), &json!({ "the": "end" }), &tally);
    let leaked = leaks(&runner, &before);
    let count = |counter: &AtomicU64| counter.load(Relaxed);
    let zeros = [count(&tally.wrong), count(&tally.lost), count(&tally.hung)];
    report(&format!(
        "{name}: right {}, struck {}, faults answered {}, swaps {}, sent again {}; wrong {}, lost {}, hung {}, leaked {}",
        count(&tally.right),
        count(&tally.struck),
        count(&tally.faults),
        count(&tally.swaps),
        count(&tally.again),
        zeros[0],
        zeros[1],
        zeros[2],
        leaked.len()
    ));
    assert!(count(&tally.right) > 0 && count(&tally.faults) > 0);
    assert_eq!(zeros, [0; 3], "SOAK_SEED={seed}; wrong, lost, hung");
    assert!(leaked.is_empty(), "SOAK_SEED={seed}; leaked: {leaked:?}");
    runner.finish();
}

/// An ordinary caller: one connection for some requests, then another one.
fn call(runner: &Runner, caller: u64, tally: &Tally, end: &AtomicBool) {
    let mut connection = runner.connect();
    let mut since = Instant::now();
    let mut round = 0_u64;
    while !end.load(Acquire) {
        let pad = "x".repeat(usize::try_from(round * 37 % 3000).unwrap());
        let value = json!({ "caller": caller, "round": round, "pad": pad });
        let is_over = !ask(&mut connection, &value, tally);
        if caller == 0 {
            std::thread::sleep(KEPT); // It comes with a connection for each run, as many as ports allow.
        }
        if is_over || (since.elapsed() >= KEPT && round.is_multiple_of(caller * 16 + 1)) {
            connection = runner.connect();
            since = Instant::now();
        }
        round += 1;
    }
}

/// Asks until there is an answer that is not "send it again". False: the connection is of no more use.
fn ask(connection: &mut Connection, value: &Value, tally: &Tally) -> bool {
    let body = json!({ "value": value }).to_string();
    connection.send(&request("POST", "/run", &[], body.as_bytes()));
    let Some(reply) = tally.received(connection.try_reply("POST")) else {
        return false;
    };
    match reply.status {
        200 if reply.json() == *value => tally.right.fetch_add(1, Relaxed),
        503 => {
            tally.again.fetch_add(1, Relaxed);
            return false;
        }
        502 if is_death(&reply) => {
            tally.struck.fetch_add(1, Relaxed);
            return false;
        }
        _ => {
            tally.fail(&tally.wrong, &format!("{value}: {reply}"));
            0
        }
    };
    true
}

/// One fault after the other.
fn attack(runner: &Runner, mut dice: Dice, tally: &Tally, end: &AtomicBool) {
    while !end.load(Acquire) {
        let how = FAULTS[dice.roll(FAULTS.len())];
        // Every fourth one after its run, whatever happens then.
        let later = if dice.roll(4) == 0 {
            dice.roll(3000)
        } else {
            0
        };
        fault(runner, how, later, tally);
        std::thread::sleep(Duration::from_millis(dice.roll(40) as u64));
    }
}

/// Is it the cause of a death, its own or that of a run that shared its process?
fn is_death(reply: &Reply) -> bool {
    let error = reply.error();
    error.starts_with("The action ") || error.starts_with("Another run exceeded")
}

fn fault(runner: &Runner, how: &str, later: usize, tally: &Tally) {
    let body = json!({ "value": { "how": how, "later": later } }).to_string();
    let mut connection = runner.connect();
    connection.send(&request("POST", "/run", &[], body.as_bytes()));
    let Some(reply) = tally.received(connection.try_reply("POST")) else {
        return;
    };
    match reply.status {
        502 if is_death(&reply) => tally.faults.fetch_add(1, Relaxed),
        200 if later != 0 => tally.faults.fetch_add(1, Relaxed),
        503 => tally.again.fetch_add(1, Relaxed),
        _ => {
            tally.fail(&tally.wrong, &format!("{how}: {reply}"));
            0
        }
    };
}

/// Puts another library in place, sometimes one that will not do.
fn swap(runner: &Runner, shelf: &Shelf, good: &[PathBuf], dice: &mut Dice, tally: &Tally) {
    match dice.roll(6) {
        0 => shelf.put(&refusing()),
        1 => shelf.put(&dying()),
        2 => shelf.put_bytes(b"no library"),
        number => shelf.put(&good[number % good.len()]),
    }
    runner.signal(Signal::HUP);
    tally.swaps.fetch_add(1, Relaxed);
}

/// What the tree holds.
struct Usage {
    processes: usize,
    /// Of the master, and of the tables that keepers share with their workers.
    descriptors: [usize; 2],
    /// Of master and keepers: no action runs in them.
    memory: u64,
}

impl Usage {
    fn of(runner: &Runner) -> Self {
        let master = runner.pid();
        let keepers = processes::keepers(master);
        let of_keepers = keepers.iter().map(|keeper| descriptors(*keeper));
        let keepers_memory = keepers.iter().map(|keeper| private_memory(*keeper));
        Self {
            processes: runner.tree().len(),
            descriptors: [descriptors(master), of_keepers.sum()],
            memory: private_memory(master) + keepers_memory.sum::<u64>(),
        }
    }
}

fn descriptors(process: i32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

fn private_memory(process: i32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let lines = rollup.lines().filter(|line| line.starts_with("Private_"));
    let kilobytes = lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.sum::<u64>() << 10
}

/// What is more than before. Callers that hung up need a moment to be noticed: it is looked at until all is well.
fn leaks(runner: &Runner, before: &Usage) -> Vec<String> {
    let start = Instant::now();
    loop {
        let now = Usage::of(runner);
        let mut leaked = Vec::new();
        let mut compare = |what: &str, now: u64, limit: u64| {
            if now > limit {
                leaked.push(format!("{what}: {now}, at most {limit} expected"));
            }
        };
        compare("processes", now.processes as u64, before.processes as u64);
        compare(
            "descriptors of the master",
            now.descriptors[0] as u64,
            before.descriptors[0] as u64,
        );
        compare(
            "descriptors of the keepers",
            now.descriptors[1] as u64,
            before.descriptors[1] as u64,
        );
        compare("memory", now.memory, before.memory + GROWTH);
        if leaked.is_empty() || start.elapsed() > LIMIT {
            return leaked;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
