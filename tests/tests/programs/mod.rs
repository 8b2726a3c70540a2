//! Actions of the older contracts: programs that are started, where a library is loaded.
//!
//! `basic` is group A of the cases for both contracts, `delivery` and `baked` how a program gets into a runner,
//! `docker_sdk` and `actionloop` what either contract says and what a program may do about it, `life` what happens
//! around a program: deadlines, several runs at once, swaps, the end.

mod actionloop;
mod baked;
mod basic;
mod delivery;
mod docker_sdk;
mod life;

use std::path::{Path, PathBuf};

use black_box::{Init, Launch, Runner, fixtures};
use serde_json::{Value, json};

const NOT_A_DICTIONARY: &str = "The action did not return a dictionary or array.";

/// A process for each run.
fn sdk() -> PathBuf {
    fixtures::program("sdk", &[])
}

/// A process for all runs, which says when it is ready.
fn looped() -> PathBuf {
    fixtures::program("loop", &[])
}

/// The same, as OpenWhisk's Rust runtime has it: it says nothing.
fn mute() -> PathBuf {
    fixtures::program("loop", &["-DMUTE"])
}

/// A runner to which the program was sent.
#[track_caller]
fn sent(program: &Path) -> Runner {
    sent_to(Launch::empty(), program)
}

#[track_caller]
fn sent_to(launch: Launch, program: &Path) -> Runner {
    let runner = launch.start();
    runner
        .init(&Init::library(program))
        .assert_ok(&json!({ "ok": true }));
    runner
}

/// What a program does is what the parameters say.
fn how(how: &str) -> Value {
    json!({ "how": how })
}
