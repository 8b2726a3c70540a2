//! Feeds broken input to everything that reads what strangers send: the two request bodies, base64, archives, ELF files.
//!
//! Every test replays its corpus and then changes it at random, a fixed number of times, or for as long as the variable
//! `FUZZ_SECONDS` says (`make fuzz`). What a target makes of an input steers the search: inputs that lead to a new
//! outcome are kept and changed further. An input that breaks an expectation is written to the target folder; put it
//! into `corpus/` when the fault is mended.

mod campaign;
mod mutation;
mod targets;

use campaign::run;

#[test]
fn init_body() {
    run("init", targets::init_body);
}

#[test]
fn run_body() {
    run("run", targets::run_body);
}

#[test]
fn base64_text() {
    run("base64", targets::base64_text);
}

#[test]
fn archive() {
    run("zip", targets::archive);
}

#[test]
fn library() {
    run("elf", targets::library);
}
