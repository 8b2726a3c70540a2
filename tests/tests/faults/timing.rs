//! How long each death takes: from the fault to its caller's 502, and from there to the next caller's right answer. Printed,
//! not asserted: machines differ. `make fault-times` runs it.

use std::time::{Duration, Instant};

use black_box::http::request;
use black_box::{Gate, Runner};
use serde_json::{Value, json};

use super::DEATHS;

const ROUNDS: usize = 41;

#[test]
#[ignore = "prints figures; wants a machine of its own"]
fn of_each_death() {
    print_row(
        "how",
        ["to its 502, ms", "90 %", "to the next answer, ms", "90 %"],
    );
    print_row("---", ["---"; 4]);
    for (how, _) in DEATHS {
        let (mut told, mut again) = (Vec::new(), Vec::new());
        let runner = Runner::with("die");
        for _ in 0..ROUNDS {
            let (first, second) = once(&runner, how);
            told.push(first);
            again.push(second);
        }
        let cells = [&mut told, &mut again].map(|times| {
            times.sort();
            [times[ROUNDS / 2], times[ROUNDS * 9 / 10]].map(milliseconds)
        });
        let [[a, b], [c, d]] = &cells;
        print_row(how, [a, b, c, d].map(String::as_str));
    }
}

/// The run stands at the gate; the byte that lets it go is the beginning of the fault.
fn once(runner: &Runner, how: &str) -> (Duration, Duration) {
    let gate = Gate::open();
    let mut connection = runner.connect();
    connection.send(&run(&json!({ "how": how, "port": gate.port() })));
    let mut visit = gate.arrival();
    let start = Instant::now();
    visit.release();
    let reply = connection.reply();
    let told = start.elapsed();
    reply.assert_status(502);
    let start = Instant::now();
    let mut next = runner.connect();
    next.send(&run(&json!({ "after": how })));
    let reply = next.reply();
    let again = start.elapsed();
    reply.assert_ok(&json!({ "after": how }));
    (told, again)
}

fn run(value: &Value) -> Vec<u8> {
    let body = json!({ "value": value }).to_string();
    request("POST", "/run", &[], body.as_bytes())
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn print_row(how: &str, cells: [&str; 4]) {
    println!("| {how} | {} |", cells.join(" | "));
}
