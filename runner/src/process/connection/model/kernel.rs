//! What the kernel and the keeper make of a connection.

use super::super::Owed;
use super::scratch::low;
use super::*;
use crate::process::replay::HANDED_ON;

impl World {
    pub(super) fn held(&mut self, pair: usize, number: usize) -> &mut Held {
        self.pairs[pair].holds[number].as_mut().expect("held")
    }

    pub(super) fn on<T>(
        &mut self,
        scratch: &Scratch,
        pair: usize,
        number: usize,
        act: impl FnOnce(Connection) -> T,
    ) -> T {
        scratch.on(&mut self.pairs[pair].records[number], act)
    }

    pub(super) fn by<T>(
        &mut self,
        scratch: &Scratch,
        pair: usize,
        number: usize,
        act: impl FnOnce(&Connection) -> T,
    ) -> T {
        scratch.by(&mut self.pairs[pair].records[number], act)
    }

    /// A part of an answer, or all of it, goes out; or nothing.
    pub(super) fn kernel_sends(&mut self, pair: usize, number: usize, bytes: u8) -> Outcome {
        let held = self.held(pair, number);
        held.to_send -= bytes;
        held.step = match bytes {
            0 => Step::SentNothing,
            _ => Step::Waits,
        };
        if bytes == 0 {
            self.refusals -= 1;
            return Ok(());
        }
        let caller = &mut self.callers[number];
        caller.sent_by_kernel += bytes.cast_signed();
        if caller.sent < LENGTH || !caller.entered {
            return Err("an answer to no question".to_owned());
        }
        caller.answered += bytes;
        if caller.answered == LENGTH {
            caller.has_its_answer();
        }
        Ok(())
    }

    /// How many have this connection.
    fn copies(&self, number: usize) -> usize {
        let held = self.pairs.iter().filter(|it| it.holds[number].is_some());
        held.count() + usize::from(self.callers[number].waits != Place::Nowhere)
    }

    /// How many may act on it, now or later.
    fn users(&self, number: usize) -> usize {
        let held = self.pairs.iter().filter_map(|it| it.holds[number]);
        held.filter(|it| !matches!(it.step, Step::Offers | Step::Offered | Step::Freed))
            .count()
    }

    pub(super) fn queue(&mut self, number: usize, handed: Handed) -> Outcome {
        if self.users(number) > 0 || self.callers[number].waits != Place::Nowhere {
            return Err("a connection is in two places".to_owned());
        }
        self.callers[number].waits = Place::Queued(handed);
        Ok(())
    }

    /// One of those who have it closes it; the last one ends it.
    pub(super) fn close(&mut self, pair: usize, number: usize, is_lost: bool) -> Outcome {
        self.pairs[pair].holds[number] = None;
        let is_elsewhere = match is_lost {
            true => self.users(number) > 0 || self.callers[number].waits != Place::Nowhere,
            false => self.copies(number) > 0,
        };
        if is_elsewhere {
            return Ok(());
        }
        let caller = &mut self.callers[number];
        if caller.answered > 0 {
            caller.has_its_answer(); // It got a part, and no more will come.
        } else if is_lost && !caller.entered {
            // Nobody could know.
        } else if caller.sent > 0 {
            return Err("a caller was left without an answer".to_owned());
        } else if caller.requests > 0 {
            return Err("an idle caller was cut off".to_owned());
        }
        self.ends(number);
        Ok(())
    }

    /// As `Orphans::take_over`, `take_forgotten` and `settle` do it for one connection.
    pub(super) fn settle(&mut self, scratch: &Scratch, pair: usize, number: usize) -> Outcome {
        let died = self.pairs[pair].life == Life::Dead;
        let record = self.pairs[pair].records[number];
        let caller = self.callers[number];
        let traffic = Traffic {
            received: i32::from(caller.received_by_kernel).cast_unsigned(),
            sent: i32::from(caller.sent_by_kernel).cast_unsigned(),
        };
        if !self.pairs[pair].is_kept {
            return self.close(pair, number, false); // Nobody is left to do anything.
        }
        if record.state() == State::Free {
            return match caller.is_new {
                true => self.hand_on(pair, number, Handed::of(traffic, 0, 0)),
                false if caller.entered => Err("asked to send again what was begun".to_owned()),
                false => self.end_answered(pair, number),
            };
        }
        let may_go_on = !died || u32::from(record.handed_on) < HANDED_ON;
        let owed = self.by(scratch, pair, number, |it| {
            let asked = it.slot.is_in_between() && scratch.mutation != Mutation::NoKernel;
            let is_kept = it.slot.buffer().is_some() && may_go_on;
            it.slot.owed(asked.then_some(traffic), is_kept)
        });
        match owed {
            Owed::Next(traffic) => {
                let is_kept = record.words[6] > 0;
                let read = if is_kept { record.kept } else { 0 };
                let handed_on = record.handed_on + u8::from(died);
                self.hand_on(pair, number, Handed::of(traffic, read, handed_on))
            }
            Owed::Close => {
                self.shut_down(number)?;
                self.close(pair, number, false)
            }
            Owed::LetGo => self.close(pair, number, true),
            Owed::Cause => {
                let caller = &mut self.callers[number];
                if !caller.entered || caller.answered > 0 || caller.sent < LENGTH {
                    return Err("the cause of a death for nobody".to_owned());
                }
                caller.has_its_answer();
                self.end_answered(pair, number)
            }
            Owed::Again | Owed::InitAgain => {
                let caller = &mut self.callers[number];
                if caller.entered || caller.sent == 0 {
                    return Err("asked in vain to send it again".to_owned());
                }
                self.end_answered(pair, number)
            }
        }
    }

    /// The connection is gone, also for those who were only about to close it.
    fn ends(&mut self, number: usize) {
        for pair in &mut self.pairs {
            if pair.holds[number].take().is_some() {
                pair.records[number] = UNBORN.records[number];
            }
        }
        self.callers[number].connects_again();
    }

    fn hand_on(&mut self, pair: usize, number: usize, handed: Handed) -> Outcome {
        self.pairs[pair].holds[number] = None;
        self.queue(number, handed)
    }

    /// The keeper has answered, and the connection ends.
    fn end_answered(&mut self, pair: usize, number: usize) -> Outcome {
        self.pairs[pair].holds[number] = None;
        if self.users(number) > 0 {
            return Err("answered, and served by another".to_owned());
        }
        self.ends(number);
        Ok(())
    }

    /// It ends for whoever has it.
    fn shut_down(&mut self, number: usize) -> Outcome {
        match self.users(number) {
            1 => Ok(()),
            _ => Err("shut down, and served by another".to_owned()),
        }
    }

    /// The same world as any other that differs only in what is of no matter: which pair and which caller is which, how
    /// much has come and gone before, what is left in a record that nobody reads.
    pub(super) fn plain(mut self) -> Self {
        for number in 0..CALLERS {
            let caller = &mut self.callers[number];
            let received = std::mem::take(&mut caller.received_by_kernel);
            let sent = std::mem::take(&mut caller.sent_by_kernel);
            let rebase = |handed: &mut Handed| {
                handed.received -= received;
                handed.sent -= sent;
            };
            if let Place::Queued(handed) = &mut caller.waits {
                rebase(handed);
            }
            for pair in &mut self.pairs {
                if let Some(Held {
                    step: Step::Taken(handed),
                    ..
                }) = &mut pair.holds[number]
                {
                    rebase(handed);
                }
                pair.records[number].rebase(received, sent);
            }
        }
        for pair in &mut self.pairs {
            if matches!(pair.life, Life::Dead | Life::Ended) && pair.holds == [None; CALLERS] {
                *pair = UNBORN;
            }
        }
        let mut other = self;
        other.callers.reverse();
        for pair in &mut other.pairs {
            pair.records.reverse();
            pair.holds.reverse();
        }
        self.pairs.sort_unstable();
        other.pairs.sort_unstable();
        self.min(other)
    }

    /// Is nothing left to do but what costs something?
    pub(super) fn is_at_rest(&self, next: &[Self]) -> bool {
        let costs = |world: &World| (world.deaths, world.swaps, world.refusals);
        next.iter().all(|after| costs(after) != costs(self))
    }

    pub(super) fn check_end(&self) -> Outcome {
        if self
            .callers
            .iter()
            .any(|it| it.requests > 0 || it.waits != Place::Nowhere)
        {
            return Err("somebody waits for ever".to_owned());
        }
        for pair in &self.pairs {
            let free = |it: &Record| it.state() == State::Free && it.kept == 0;
            if pair.holds != [None; CALLERS] || !pair.records.iter().all(free) {
                return Err("a record is not free".to_owned());
            }
        }
        Ok(())
    }
}

impl Customer {
    pub(super) fn has_its_answer(&mut self) {
        self.requests -= 1;
        (self.sent, self.answered, self.entered) = (0, 0, false);
        self.hung_up = self.requests == 0;
    }

    /// For what it still wants.
    pub(super) fn connects_again(&mut self) {
        *self = Self {
            requests: self.requests,
            waits: match self.requests {
                0 => Place::Nowhere,
                _ => Place::Listening,
            },
            ..NOBODY
        };
        self.hung_up = self.requests == 0;
    }
}

impl Record {
    fn rebase(&mut self, received: i8, sent: i8) {
        if self.state() == State::Free && self.kept == 0 {
            *self = UNBORN.records[0];
            return;
        }
        self.words[3] -= received;
        self.words[4] -= sent;
        self.words[5] = match self.state() {
            State::Sending | State::SendingLast => self.words[5] - sent,
            _ => 0,
        };
    }
}

impl Handed {
    pub(super) fn of(traffic: Traffic, read: u8, handed_on: u8) -> Self {
        Self {
            received: low(traffic.received),
            sent: low(traffic.sent),
            read,
            handed_on,
        }
    }
}
