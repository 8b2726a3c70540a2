//! The steps of callers, workers, keepers and the master.

use super::super::{Entered, Entry, Part};
use super::*;

impl World {
    pub(super) fn first(requests: [u8; CALLERS], [deaths, swaps, refusals]: [u8; 3]) -> Self {
        let mut pairs = [UNBORN; PAIRS];
        pairs[0].life = Life::Serving;
        Self {
            callers: requests.map(|requests| {
                let mut caller = Customer { requests, ..NOBODY };
                caller.connects_again();
                caller
            }),
            pairs,
            deaths,
            swaps,
            refusals,
        }
    }

    /// Every world that is one step away.
    pub(super) fn next(&self, scratch: &Scratch, next: &mut Vec<Self>) -> Outcome {
        let mut add = |change: &dyn Fn(&mut World) -> Outcome| {
            let mut world = *self;
            change(&mut world)?;
            next.push(world.plain());
            Ok(())
        };
        let busy = (0..PAIRS).find(|pair| self.is_by_itself(*pair));
        let callers = self.callers.iter().enumerate();
        for (number, caller) in callers.filter(|_| busy.is_none()) {
            if caller.requests > 0 && caller.sent < LENGTH {
                add(&|world| {
                    world.callers[number].sent += 1;
                    world.callers[number].unread += 1;
                    Ok(())
                })?;
            }
        }
        for pair in busy.map_or(0..PAIRS, |pair| pair..pair + 1) {
            self.steps_of_master(pair, &mut add)?;
            for number in 0..CALLERS {
                match self.pairs[pair].life {
                    Life::Unborn => {}
                    Life::Serving | Life::Leaving => {
                        self.steps_of_worker(scratch, pair, number, &mut add)?;
                    }
                    Life::Dead | Life::Ended => {
                        if self.pairs[pair].holds[number].is_some() {
                            add(&|world| world.settle(scratch, pair, number))?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// One worker does one thing at a time: in the middle of a step of one connection no other moves.
    fn steps_of_worker(
        &self,
        scratch: &Scratch,
        pair: usize,
        number: usize,
        add: &mut Add<'_>,
    ) -> Outcome {
        let is_between =
            |held: &Option<Held>| held.is_none_or(|it| matches!(it.step, Step::Waits | Step::Left));
        if !is_between(&self.pairs[pair].holds[1 - number]) {
            return Ok(());
        }
        let Some(held) = self.pairs[pair].holds[number] else {
            if self.pairs[pair].life == Life::Serving
                && self.callers[number].waits != Place::Nowhere
            {
                add(&|world| {
                    world.take(pair, number);
                    Ok(())
                })?;
            }
            return Ok(());
        };
        match held.step {
            Step::Waits => self.steps_between(scratch, pair, number, held, add),
            Step::Reads => self.steps_of_read(pair, number, add),
            Step::Sends => {
                for bytes in 0..=held.to_send {
                    if bytes > 0 || (held.to_send == LENGTH && self.refusals > 0) {
                        add(&|world| world.kernel_sends(pair, number, bytes))?;
                    }
                }
                Ok(())
            }
            _ => add(&|world| world.goes_on(scratch, pair, number, held)),
        }
    }

    /// It takes a connection from the listening socket or from the queue.
    fn take(&mut self, pair: usize, number: usize) {
        let place = std::mem::replace(&mut self.callers[number].waits, Place::Nowhere);
        let handed = match place {
            Place::Queued(handed) => handed,
            _ => Handed::default(),
        };
        self.pairs[pair].holds[number] = Some(Held {
            step: Step::Taken(handed),
            has: handed.read,
            to_send: 0,
            last: false,
        });
    }

    fn steps_of_read(&self, pair: usize, number: usize, add: &mut Add<'_>) -> Outcome {
        let caller = &self.callers[number];
        if caller.unread == 0 && !caller.hung_up && self.refusals == 0 {
            return Ok(());
        }
        add(&|world| {
            let (caller, bytes) = (&mut world.callers[number], caller.unread);
            caller.unread = 0;
            caller.is_new &= bytes == 0;
            caller.received_by_kernel += bytes.cast_signed();
            if bytes == 0 && !caller.hung_up {
                world.refusals -= 1;
            }
            world.held(pair, number).step = Step::Read(bytes);
            Ok(())
        })
    }

    /// What a worker does next with a connection that it polls.
    fn steps_between(
        &self,
        scratch: &Scratch,
        pair: usize,
        number: usize,
        held: Held,
        add: &mut Add<'_>,
    ) -> Outcome {
        let leaves = self.pairs[pair].life == Life::Leaving;
        let caller = &self.callers[number];
        let can_read = caller.unread > 0 || caller.hung_up || self.refusals > 0;
        match self.pairs[pair].records[number].state() {
            State::Idle if held.last => add(&|world| world.drops(scratch, pair, number)),
            State::Idle if leaves => add(&|world| {
                let file = scratch.file.try_clone().expect("a descriptor");
                world.on(scratch, pair, number, |it| drop(it.leave(file)));
                world.held(pair, number).step = Step::Left;
                Ok(())
            }),
            State::Reading if held.has == LENGTH => add(&|world| {
                world.by(scratch, pair, number, |it| {
                    std::mem::forget(it.caller().enter(Entry::Run, 0));
                });
                world.callers[number].entered = true;
                Ok(())
            }),
            State::Idle | State::Reading if can_read => add(&|world| {
                if scratch.mutation != Mutation::NoReads {
                    world.by(scratch, pair, number, Connection::reads);
                }
                world.held(pair, number).step = Step::Reads;
                Ok(())
            }),
            State::Running => add(&|world| {
                world.by(scratch, pair, number, |it| drop(Entered(it.caller())));
                world.held(pair, number).step = Step::Ended;
                Ok(())
            }),
            State::Sending | State::SendingLast if held.to_send == 0 => add(&|world| {
                world.by(scratch, pair, number, Connection::has_answered);
                world.held(pair, number).has = 0;
                Ok(())
            }),
            State::Answering | State::AnsweringLast | State::Sending | State::SendingLast => {
                add(&|world| {
                    let part = world.by(scratch, pair, number, |it| it.sends(held.to_send.into()));
                    assert!(part != Part::Invitation);
                    if scratch.mutation == Mutation::AnsweredFirst {
                        world.by(scratch, pair, number, Connection::has_answered);
                    }
                    world.held(pair, number).step = Step::Sends;
                    Ok(())
                })
            }
            _ => Ok(()),
        }
    }

    /// The step after one of which nothing else can come.
    fn goes_on(&mut self, scratch: &Scratch, pair: usize, number: usize, held: Held) -> Outcome {
        let mut step = Step::Waits;
        match held.step {
            Step::Taken(handed) => self.by(scratch, pair, number, |_| scratch.open(handed)),
            Step::Read(0) if self.callers[number].hung_up => {
                self.by(scratch, pair, number, |it| it.has_read(&[]));
                return self.drops(scratch, pair, number);
            }
            Step::Read(bytes) => {
                self.by(scratch, pair, number, |it| {
                    it.has_read(&vec![b'x'; bytes.into()]);
                });
                self.held(pair, number).has += bytes;
            }
            Step::Ended => {
                let last = self.callers[number].requests == 1;
                self.by(scratch, pair, number, |it| it.caller().has_answer(last));
                let held = self.held(pair, number);
                (held.to_send, held.last) = (LENGTH, last);
            }
            Step::SentNothing => self.by(scratch, pair, number, Connection::has_sent_nothing),
            Step::Left => {
                self.by(scratch, pair, number, |it| it.slot.offers());
                step = Step::Offers;
            }
            Step::Offers => {
                let record = self.pairs[pair].records[number];
                self.queue(number, record.handed())?;
                step = Step::Offered;
            }
            Step::Offered => {
                self.by(scratch, pair, number, |it| it.slot.free());
                return self.close(pair, number, false);
            }
            Step::Freed => return self.close(pair, number, false),
            other => return Err(format!("no step follows {other:?}")),
        }
        self.held(pair, number).step = step;
        Ok(())
    }

    fn drops(&mut self, scratch: &Scratch, pair: usize, number: usize) -> Outcome {
        self.on(scratch, pair, number, drop);
        self.held(pair, number).step = Step::Freed;
        Ok(())
    }
}
