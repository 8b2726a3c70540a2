//! The Docker SDK's contract: a process for each run. The parameters are the program's first argument and its stdin;
//! the last line that it prints is the result, whatever it prints before is log.

use std::io::{self, PipeReader, Write};
use std::os::fd::AsFd;

use super::exchange::{Exchange, LONGEST_LINE};
use super::place::Place;
use super::spawn::Process;
use crate::action::{Action, Context, Outcome};
use crate::protocol::container;
use crate::refusal::{Death, NoAnswer};

/// The longest argument that the kernel takes (MAX_ARG_STRLEN, with the NUL): longer parameters come on stdin only.
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// A program that keeps the contract.
pub(super) struct DockerSdk {
    place: Place,
}

impl DockerSdk {
    pub(super) fn new(place: Place) -> Self {
        Self { place }
    }

    fn run(&self, params: &str, context: &Context<'_>) -> Result<Outcome, NoAnswer> {
        let (printing, mut process) = self
            .start(params, context)
            .map_err(|error| self.place.not_started(error))?;
        let mut exchange = Exchange {
            exit: process.exit.as_fd(),
            stdin: &mut process.stdin,
            input: params.as_bytes(),
            closes: true,
            output: printing.as_fd(),
        };
        let mut printed = Printed::default();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match exchange.listen(&mut buffer)? {
                0 => break,
                count => printed.add(&buffer[..count])?,
            }
        }
        exchange.finish()?;
        Ok(printed.outcome(process.end()?))
    }

    /// The program for one run, and what it prints.
    fn start(&self, params: &str, context: &Context<'_>) -> io::Result<(PipeReader, Process)> {
        let mut launch = self.place.launch(context);
        if params.len() <= LONGEST_ARGUMENT {
            launch.argument(params);
        }
        let (printing, stdout) = io::pipe()?;
        Ok((printing, Process::start(&launch, &stdout.into(), 1)?))
    }
}

impl Action for DockerSdk {
    fn invoke(&self, params: &str, context: &Context<'_>) -> Outcome {
        self.run(params, context)
            .unwrap_or_else(|why| Outcome::Panicked(why.to_string().into()))
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn is_program(&self) -> bool {
        true
    }

    fn entry_points(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a program has printed: its last line that is not blank, and the blanks after it. What came before is passed on
/// as it comes.
#[derive(Default)]
struct Printed {
    last: Vec<u8>,
}

impl Printed {
    fn add(&mut self, bytes: &[u8]) -> Result<(), NoAnswer> {
        let newline = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
        let mut bytes = bytes;
        let text_ends = bytes.trim_ascii_end().len();
        if text_ends > 0 {
            if let Some(place) = newline(&bytes[..text_ends]) {
                log(&self.last);
                self.last.clear();
                log(&bytes[..=place]);
                bytes = &bytes[place + 1..];
            } else if newline(&self.last[self.last.trim_ascii_end().len()..]).is_some() {
                log(&self.last);
                self.last.clear();
            }
        }
        self.last.extend_from_slice(bytes);
        match self.last.len() {
            0..=LONGEST_LINE => Ok(()),
            _ => Err(NoAnswer::EndlessLine {
                limit: LONGEST_LINE,
            }),
        }
    }

    /// A program that breaks down after it has printed a result has returned it: so it is with the SDK.
    fn outcome(mut self, death: Death) -> Outcome {
        let text_ends = self.last.trim_ascii_end().len();
        if container::check_result(&self.last[..text_ends]).is_ok() {
            self.last.truncate(text_ends);
            return Outcome::Json(self.last.into());
        }
        log(&self.last);
        match death {
            Death::Exited(0) => Outcome::Unchecked(self.last.into()),
            death => Outcome::Panicked(death.to_string().into()),
        }
    }
}

fn log(printed: &[u8]) {
    let mut stdout = io::stdout().lock();
    // Nobody is left to tell if the log cannot be written.
    let _ = stdout.write_all(printed).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the text arrives in pieces, what is left is its last line.
    #[test]
    fn the_last_line_in_any_pieces() {
        let texts = [
            ("", ""),
            ("{}", "{}"),
            ("{}\n", "{}"),
            ("a\n{}\n \n\n", "{}"),
            ("\n\na\n\n{}", "{}"),
            ("a\n\nb", "b"),
            ("\n \n", ""),
        ];
        for (text, last) in texts {
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let mut printed = Printed::default();
                    for piece in [&text[..first], &text[first..second], &text[second..]] {
                        assert!(printed.add(piece.as_bytes()).is_ok());
                    }
                    let left = printed.last.trim_ascii();
                    assert_eq!(left, last.as_bytes(), "{text:?} at {first} and {second}");
                }
            }
        }
    }
}
