//! A place where an action under test waits until the test lets it go.
//!
//! The fixture connects to the gate's port, says its pid, and waits for one byte or the end. So a test knows that a run has
//! really begun, and in which process; it decides when it goes on, and sees the action's death as the end of the connection: no sleeping.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::LIMIT;

/// The gate; its port goes to the action as a parameter.
pub struct Gate(TcpListener);

/// An action that has arrived at the gate.
pub struct Visit {
    stream: TcpStream,
    /// The process that runs the action.
    pub pid: i32,
}

impl Gate {
    pub fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Waits for the next action to arrive.
    #[track_caller]
    pub fn arrival(&self) -> Visit {
        let mut waiting = [PollFd::new(&self.0, PollFlags::IN)];
        let limit = Timespec {
            tv_sec: LIMIT.as_secs().try_into().unwrap(),
            tv_nsec: 0,
        };
        assert_eq!(
            poll(&mut waiting, Some(&limit)).unwrap(),
            1,
            "no action arrived at the gate"
        );
        let (mut stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut pid = [0; 4];
        stream.read_exact(&mut pid).unwrap();
        Visit {
            stream,
            pid: i32::from_ne_bytes(pid),
        }
    }
}

impl Visit {
    /// Lets the action go on.
    pub fn release(&mut self) {
        let _ = self.stream.write_all(b".");
    }

    /// Waits until the action has closed its side, or is dead.
    #[track_caller]
    pub fn gone(&mut self) {
        let mut rest = Vec::new();
        let end = self.stream.read_to_end(&mut rest);
        assert!(
            !matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
            "the action is still there"
        );
    }
}
