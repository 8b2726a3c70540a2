//! A worker and its keeper are born together and die together: what outlives them are callers, and what does not is all the
//! rest, however they come to be replaced.

mod ending;
mod leaving;
mod loading;
mod locks;
mod memory;

use black_box::shelf::Shelf;
use black_box::{Runner, processes};
use rustix::process::Signal;

/// The ways in which one worker comes to take another's place while callers are served.
#[derive(Clone, Copy, Debug)]
enum Change {
    HangUp,
    Watch,
    Death,
}

impl Change {
    const ALL: [Self; 3] = [Self::HangUp, Self::Watch, Self::Death];

    /// Brings it about, and waits until another worker serves.
    fn happen(self, runner: &Runner, shelf: &Shelf, library: &std::path::Path) {
        let before = processes::workers(runner.pid());
        match self {
            Self::HangUp => runner.signal(Signal::HUP),
            Self::Watch => shelf.put(library),
            Self::Death => before
                .iter()
                .for_each(|worker| processes::signal(*worker, Signal::KILL)),
        }
        let others = |tree: &[processes::Process]| {
            let workers = tree.iter().filter(|it| it.name == "worker");
            workers
                .filter(|it| it.state != 'Z')
                .any(|it| !before.contains(&it.pid))
        };
        runner.until_tree(others);
        if !matches!(self, Self::Death) {
            runner.stderr.until_text("action-runner: generation 2, ");
        }
    }
}
