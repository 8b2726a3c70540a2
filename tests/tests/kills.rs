//! Processes of the tree are killed and stopped at random under load, one at a time, and the next when a whole pair serves
//! again: no answer is wrong, lost, doubled or missing.
//!
//! `KILLS` says how many (60 when nobody says), `KILLS_SEED` repeats a run.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::time::{Duration, Instant};

use black_box::http::request;
use black_box::{Connection, LIMIT, Launch, Runner, fixtures, processes};
use rustix::process::Signal;
use serde_json::json;

use crate::soak::{Dice, report, setting};

/// Callers with kept connections, and callers with a new one for each run.
const CALLERS: usize = 4;
/// How long a process is stopped.
const STOPPED: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Tally {
    right: AtomicU64,
    /// 502 with a cause, or 503: as documented.
    told: AtomicU64,
    bad: Mutex<Vec<String>>,
}

impl Tally {
    fn fail(&self, why: String) {
        self.bad.lock().unwrap().push(why);
    }
}

/// What is done to whom.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Blow {
    KillWorker,
    KillKeeper,
    StopWorker,
    StopKeeper,
}

#[test]
fn under_load() {
    strike("under load", 0);
}

#[test]
fn between_runs() {
    strike("between runs", 20);
}

/// `pause`: how long callers wait between two runs, in milliseconds; so a worker is mostly idle.
fn strike(name: &str, pause: u64) {
    let kills = setting("KILLS", 60).div_ceil(2);
    let seed = setting("KILLS_SEED", u64::from(std::process::id())).max(1);
    report(&format!("{name}: {kills} kills, KILLS_SEED={seed}"));
    let runner = Launch::baked(&fixtures::c("identity"))
        .args(&["--sentinels", "off"])
        .start();
    let (tally, end) = (Tally::default(), AtomicBool::new(false));
    let mut counts = [0_u64; 4];
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (runner, tally, end) = (&runner, &tally, &end);
            scope.spawn(move || call(runner, caller, pause, tally, end));
        }
        let mut dice = Dice(seed ^ pause);
        for _ in 0..kills {
            std::thread::sleep(Duration::from_micros(dice.roll(5000) as u64)); // the case itself: the moment
            // A stop takes a second: there are few of them.
            let blow = match dice.roll(200) {
                0 => Blow::StopWorker,
                1 => Blow::StopKeeper,
                number if number % 3 == 0 => Blow::KillKeeper,
                _ => Blow::KillWorker,
            };
            counts[blow as usize] += 1;
            deal(&runner, blow);
            until_whole(&runner);
        }
        end.store(true, Release);
    });
    let bad = tally.bad.into_inner().unwrap();
    report(&format!(
        "{name}: workers {}, keepers {}, stops {}; right {}, told {}, bad {}",
        counts[0],
        counts[1],
        counts[2] + counts[3],
        tally.right.load(Relaxed),
        tally.told.load(Relaxed),
        bad.len()
    ));
    assert!(bad.is_empty(), "KILLS_SEED={seed}: {bad:#?}");
    assert!(tally.right.load(Relaxed) > kills);
    runner.finish();
}

fn deal(runner: &Runner, blow: Blow) {
    let victims = match blow {
        Blow::KillWorker | Blow::StopWorker => processes::workers(runner.pid()),
        Blow::KillKeeper | Blow::StopKeeper => processes::keepers(runner.pid()),
    };
    let Some(victim) = victims.last().copied() else {
        return;
    };
    match blow {
        Blow::KillWorker | Blow::KillKeeper => processes::signal(victim, Signal::KILL),
        Blow::StopWorker | Blow::StopKeeper => {
            processes::signal(victim, Signal::STOP);
            std::thread::sleep(STOPPED); // the case itself
            processes::signal(victim, Signal::CONT);
        }
    }
}

/// Waits until one worker and its keeper are all there is, and a run is answered.
fn until_whole(runner: &Runner) {
    let since = Instant::now();
    loop {
        let (workers, keepers) = (
            processes::workers(runner.pid()),
            processes::keepers(runner.pid()),
        );
        let mut connection = runner.connect();
        let is_whole = workers.len() == 1 && keepers.len() == 1;
        if is_whole && ask(&mut connection, "whole").is_ok_and(|status| status == 200) {
            return;
        }
        assert!(
            since.elapsed() < LIMIT,
            "no whole pair: {:#?}",
            runner.tree()
        );
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn ask(connection: &mut Connection, mark: &str) -> Result<u16, String> {
    let value = json!({ "mark": mark });
    let body = json!({ "value": value }).to_string();
    connection.send(&request("POST", "/run", &[], body.as_bytes()));
    let reply = connection.try_reply("POST")?;
    let is_told = match reply.status {
        200 => reply.json() == value,
        502 => reply.error().starts_with("The action "),
        503 => reply.error().contains("again"),
        _ => false,
    };
    match is_told {
        true => Ok(reply.status),
        false => Err(format!("{mark}: {reply}")),
    }
}

/// One run after the other; every other caller keeps its connection for as long as it is kept.
fn call(runner: &Runner, caller: usize, pause: u64, tally: &Tally, end: &AtomicBool) {
    let mut connection = runner.connect();
    let mut round = 0;
    while !end.load(Acquire) {
        round += 1;
        match ask(&mut connection, &format!("{caller}-{round}")) {
            Ok(200) => {
                tally.right.fetch_add(1, Relaxed);
            }
            Ok(_) => {
                tally.told.fetch_add(1, Relaxed);
                connection = runner.connect();
            }
            Err(why) => {
                tally.fail(why);
                connection = runner.connect();
            }
        }
        if caller.is_multiple_of(2) {
            connection = runner.connect();
            std::thread::sleep(Duration::from_millis(1)); // as many as ports allow
        }
        std::thread::sleep(Duration::from_millis(pause)); // the case itself: nobody runs
    }
}
