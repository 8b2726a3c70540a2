//! Why a program gave no answer to a run. Each is the text of a 502.

use thiserror::Error;

use super::{Death, Quoted};

/// There is no answer of the program's.
#[derive(Debug, Error)]
pub enum NoAnswer {
    #[error(
        "The program {path} could not be started: {source}. {}.", advice(.source)
    )]
    NotStarted {
        path: String,
        source: std::io::Error,
    },
    #[error("The program could not be talked to: {0}. Look at the limits of its container.")]
    CutOff(#[from] std::io::Error),
    #[error("{0}")]
    Died(Death),
    #[error(
        "The program wrote {limit} bytes without ending a line, where its result has to be one line. Print less, or print lines."
    )]
    EndlessLine { limit: usize },
    #[error(
        "The program answered before it had read the whole run, so that the answer cannot be this run's. Read one line of stdin for each line that is written to descriptor 3."
    )]
    Unasked,
    #[error(
        "The program wrote {} to descriptor 3 where it has to say {{\"ok\":true}} once it is ready. Its log may say why.",
        Quoted(.said)
    )]
    NotReady { said: String },
}

fn advice(source: &std::io::Error) -> &'static str {
    if source.kind() == std::io::ErrorKind::ArgumentListTooLong {
        // What the kernel's `execve` takes: MAX_ARG_STRLEN for one string.
        "Its environment is larger than a process can get, 128 KiB for one variable: make it smaller"
    } else {
        "See that it is executable and built for this machine"
    }
}
