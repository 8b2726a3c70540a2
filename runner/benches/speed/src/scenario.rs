//! What is done to everybody, and one round of it.

use std::io;
use std::time::Duration;

use crate::contestant::Contestant;
use crate::load::Load;
use crate::request::Request;
use crate::server::{Server, pin};
use crate::trial::Seen;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    pub name: &'static str,
    pub size: usize,
    pub callers: usize,
    pub fresh: bool,
    /// Also in the short edition.
    pub quick: bool,
}

const fn scenario(name: &'static str, size: usize, callers: usize, fresh: bool, quick: bool) -> Scenario {
    Scenario {
        name,
        size,
        callers,
        fresh,
        quick,
    }
}

pub const SCENARIOS: [Scenario; 16] = [
    scenario("1 caller, 100 B", 100, 1, false, true),
    scenario("16 callers, 100 B", 100, 16, false, true),
    scenario("64 callers, 100 B", 100, 64, false, true),
    scenario("1 caller, 10 KB", 10_000, 1, false, false),
    scenario("16 callers, 10 KB", 10_000, 16, false, false),
    scenario("64 callers, 10 KB", 10_000, 64, false, false),
    scenario("1 caller, 1 MB", 1_000_000, 1, false, true),
    scenario("16 callers, 1 MB", 1_000_000, 16, false, false),
    scenario("64 callers, 1 MB", 1_000_000, 64, false, false),
    scenario("new connection, 100 B", 100, 1, true, true),
    scenario("new connection, 10 KB", 10_000, 1, true, false),
    scenario("new connection, 1 MB", 1_000_000, 1, true, false),
    scenario("new connections, 16 callers, 100 B", 100, 16, true, false),
    scenario("one core, 100 B", 100, 1, false, false),
    scenario("one core, 10 KB", 10_000, 1, false, false),
    scenario("one core, new connection, 100 B", 100, 1, true, false),
];

impl Scenario {
    /// Server and load generator share one core: what is measured is the length of the path.
    pub fn is_pinned(&self) -> bool {
        self.name.starts_with("one core")
    }

    /// One measurement of one contestant.
    pub fn measure(&self, who: &Contestant, server: &Server, time: Duration, seen: &mut Seen) -> io::Result<()> {
        if self.is_pinned() {
            server.pin(Some(0));
            pin(None, Some(0));
        }
        let mut request = Request::run(self.size);
        let expected = Request::run(self.size);
        let load = Load {
            fresh: self.fresh,
            ..Load::kept(self.callers, time)
        };
        let measured = seen.measure(server, load, &mut request, who.expect(&expected), who.forks);
        if self.is_pinned() {
            server.pin(None);
            pin(None, None);
        }
        measured
    }
}
