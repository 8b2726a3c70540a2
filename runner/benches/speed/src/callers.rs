//! Several connections on one thread, waited for with epoll.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use rustix::event::Timespec;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::caller::Caller;
use crate::request::Request;

pub struct Callers {
    poll: OwnedFd,
    address: SocketAddr,
    all: Vec<Caller>,
}

impl Callers {
    pub fn connect(address: SocketAddr, count: usize) -> io::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut callers = Self {
            poll,
            address,
            all: Vec::with_capacity(count),
        };
        for index in 0..count {
            let caller = callers.connected(index, Vec::new())?;
            callers.all.push(caller);
        }
        Ok(callers)
    }

    fn connected(&self, index: usize, buffer: Vec<u8>) -> io::Result<Caller> {
        let caller = Caller::connect(self.address, buffer)?;
        caller.stream.set_nonblocking(true)?;
        epoll::add(&self.poll, &caller.stream, data(index), EventFlags::IN)?;
        Ok(caller)
    }

    pub fn get(&mut self, index: usize) -> &mut Caller {
        &mut self.all[index]
    }

    /// Gives a caller a new connection; connecting counts as part of its next run.
    pub fn reconnect(&mut self, index: usize) -> io::Result<Instant> {
        let buffer = std::mem::take(&mut self.all[index].buffer);
        let began = Instant::now();
        self.all[index] = self.connected(index, buffer)?;
        Ok(began)
    }

    pub fn ask(&mut self, index: usize, request: &mut Request) -> io::Result<()> {
        if !self.all[index].begin(request)? {
            let both = EventFlags::IN | EventFlags::OUT;
            epoll::modify(&self.poll, &self.all[index].stream, data(index), both)?;
        }
        Ok(())
    }

    /// Waits for something to happen, with `at_once` only looks. Appends those whose answer is complete.
    pub fn answered(&mut self, at_once: bool, answered: &mut Vec<usize>) -> io::Result<()> {
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }; 64];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let count = epoll::wait(&self.poll, &mut events, at_once.then_some(&now))?;
        for event in &events[..count] {
            // A copy: the kernel's event is packed.
            let (flags, index) = (event.flags, event.data.u64() as usize);
            let caller = &mut self.all[index];
            if flags.contains(EventFlags::OUT) && caller.go_on()? {
                epoll::modify(&self.poll, &caller.stream, data(index), EventFlags::IN)?;
            }
            if flags != EventFlags::OUT && caller.read()? {
                answered.push(index);
            }
        }
        Ok(())
    }
}

fn data(index: usize) -> EventData {
    EventData::new_u64(index as u64)
}
