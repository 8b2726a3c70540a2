//! Every order in which callers, workers and a keeper can take their steps, with a crash at any of them, searched to
//! the end: each request is answered once, nobody waits for ever, no descriptor is closed twice or left open.
//!
//! The slots are the real ones. A step is one system call or one store, as `server::wire`, `server` and `settle` make
//! them; a worker's memory is lost in a crash, the slots and the descriptor table are not. Left out: a crash between
//! `accept` and the claim of a slot, or between the freeing of a slot and the closing of its connection, while a second
//! worker lives: the keeper finds such a connection once no worker lives (`descriptors::forgotten`). Left out as well: what is
//! kept of a request, and the counts of bytes (`settle::tests`).

use std::collections::HashSet;

use super::{Slot, State};

const CALLERS: usize = 2;
/// Requests that a caller sends one after the other on its connection.
const REQUESTS: u8 = 2;

/// Where the worlds one step away are put, each as a change of this one.
type Add<'a> = dyn FnMut(&dyn Fn(&mut World)) + 'a;

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    /// Word and descriptor of each slot.
    slots: [(u32, i32); CALLERS],
    /// Which caller's connection a descriptor is.
    table: [Option<usize>; CALLERS + 1],
    callers: [Caller; CALLERS],
    workers: [Option<Worker>; 2],
    /// The seat of a dead worker, and the next slot that its keeper looks at.
    settling: Option<(usize, usize)>,
    /// A connection whose slot the keeper has freed, to be answered and closed.
    farewell: Option<i32>,
    crashes: u8,
    swaps: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Caller {
    connected: bool,
    /// A request lies in the socket, or waits with the connection in the kernel's queue.
    unread: bool,
    to_send: u8,
    owed: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Worker {
    retiring: bool,
    step: Step,
    /// The descriptor of each slot's connection, as the worker remembers it.
    holds: [Option<i32>; CALLERS],
}

/// Where a worker stands between two stores.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Loop,
    Accepted(i32),
    Taking(usize),
    Read(usize),
    Reading(usize),
    Running(usize),
    Answering(usize),
    Sending(usize),
    Sent(usize),
    Freed(i32),
}

const NEW: Worker = Worker {
    retiring: false,
    step: Step::Loop,
    holds: [None; CALLERS],
};

impl World {
    fn slot<T>(&mut self, index: usize, act: impl FnOnce(&Slot) -> T) -> T {
        let slot = Slot {
            word: self.slots[index].0.into(),
            descriptor: self.slots[index].1.into(),
            run: 0.into(),
            limit_ms: 0.into(),
            received: 0.into(),
            sent: 0.into(),
            due: 0.into(),
            last: 0.into(),
        };
        let outcome = act(&slot);
        self.slots[index] = (slot.word.into_inner(), slot.descriptor.into_inner());
        outcome
    }

    fn read(&self, index: usize) -> (State, Option<usize>) {
        self.clone().slot(index, Slot::read)
    }

    fn caller(&mut self, descriptor: i32) -> &mut Caller {
        let open = self.table[usize::try_from(descriptor).expect("a number")];
        &mut self.callers[open.expect("a descriptor that was closed is used")]
    }

    fn close(&mut self, descriptor: i32) {
        let caller = self.caller(descriptor);
        assert!(caller.owed == 0, "a caller was left without an answer");
        // It connects again for what it still wants.
        *caller = Caller {
            connected: false,
            unread: caller.to_send > 0,
            ..*caller
        };
        self.table[usize::try_from(descriptor).expect("a number")] = None;
    }

    fn answer(&mut self, descriptor: i32) {
        let caller = self.caller(descriptor);
        assert!(caller.owed == 1, "an answer to no question");
        (caller.owed, caller.unread) = (0, caller.to_send > 0);
    }

    fn claim(&mut self, descriptor: i32, seat: usize) -> usize {
        let free =
            (0..CALLERS).find(|index| self.slot(*index, |slot| slot.claim(descriptor, seat)));
        free.expect("as many slots as callers")
    }

    /// Every world that is one step away.
    fn next(&self) -> Vec<Self> {
        let mut next = Vec::new();
        let mut add = |change: &dyn Fn(&mut World)| {
            let mut world = self.clone();
            change(&mut world);
            next.push(world);
        };
        for seat in 0..2 {
            self.steps_of_worker(seat, &mut add);
        }
        self.steps_of_keeper(&mut add);
        next
    }

    fn steps_of_worker(&self, seat: usize, add: &mut Add<'_>) {
        let Some(worker) = self.workers[seat] else {
            return;
        };
        let alone = self.workers[1 - seat].is_none();
        if self.crashes > 0
            && self.settling.is_none()
            && (alone || !matches!(worker.step, Step::Accepted(_) | Step::Freed(_)))
        {
            add(&|world| world.crash(seat));
        }
        let go = |world: &mut World, step| world.workers[seat].as_mut().expect("alive").step = step;
        let set = |world: &mut World, index, state, step| {
            world.slot(index, |slot| slot.set(state, seat));
            go(world, step);
        };
        let held = |index: usize| worker.holds[index].expect("held");
        match worker.step {
            Step::Loop => self.steps_of_loop(seat, worker, add),
            Step::Accepted(descriptor) => add(&|world| {
                let index = world.claim(descriptor, seat);
                world.workers[seat].as_mut().expect("alive").holds[index] = Some(descriptor);
                go(world, Step::Loop);
            }),
            Step::Taking(index) => add(&|world| {
                let caller = world.caller(held(index));
                caller.unread = false;
                caller.to_send -= 1;
                caller.owed += 1;
                go(world, Step::Read(index));
            }),
            Step::Read(index) => {
                add(&|world| set(world, index, State::Reading, Step::Reading(index)));
            }
            Step::Reading(index) => {
                add(&|world| set(world, index, State::Running, Step::Running(index)));
            }
            Step::Running(index) => {
                add(&|world| set(world, index, State::Answering, Step::Answering(index)));
            }
            Step::Answering(index) => {
                add(&|world| set(world, index, State::Sending, Step::Sending(index)));
            }
            Step::Sending(index) => add(&|world| {
                world.answer(held(index));
                go(world, Step::Sent(index));
            }),
            Step::Sent(index) => add(&|world| set(world, index, State::Idle, Step::Loop)),
            Step::Freed(descriptor) => add(&|world| {
                world.close(descriptor);
                go(world, Step::Loop);
            }),
        }
    }

    fn steps_of_loop(&self, seat: usize, worker: Worker, add: &mut Add<'_>) {
        for (number, caller) in self.callers.iter().enumerate() {
            if !caller.connected && caller.unread && !worker.retiring {
                add(&|world| {
                    let place = world.table.iter().position(Option::is_none).expect("room");
                    world.table[place] = Some(number);
                    world.callers[number].connected = true;
                    let descriptor = i32::try_from(place).expect("small");
                    world.workers[seat].as_mut().expect("alive").step = Step::Accepted(descriptor);
                });
            }
        }
        for index in 0..CALLERS {
            let mine = |world: &mut World, held, step| {
                let worker = world.workers[seat].as_mut().expect("alive");
                (worker.holds[index], worker.step) = (held, step);
            };
            match worker.holds[index] {
                None if self.read(index) == (State::Idle, None) && !worker.retiring => {
                    add(&|world| {
                        assert!(world.slot(index, |slot| slot.adopt(seat)));
                        let descriptor = world.slots[index].1;
                        mine(world, Some(descriptor), Step::Loop);
                    });
                }
                None => {}
                Some(_) if worker.retiring => add(&|world| {
                    world.slot(index, Slot::release);
                    mine(world, None, Step::Loop);
                }),
                Some(descriptor) => {
                    let caller = *self.clone().caller(descriptor);
                    if caller.unread {
                        add(&|world| {
                            world.slot(index, |slot| slot.set(State::Taking, seat));
                            mine(world, Some(descriptor), Step::Taking(index));
                        });
                    } else {
                        // It has all its answers and hangs up.
                        add(&|world| {
                            world.slot(index, Slot::free);
                            mine(world, None, Step::Freed(descriptor));
                        });
                    }
                }
            }
        }
        if worker.retiring && worker.holds == [None; CALLERS] && self.settling.is_none() {
            add(&|world| (world.workers[seat], world.settling) = (None, Some((seat, 0))));
        }
    }

    fn crash(&mut self, seat: usize) {
        self.workers[seat] = None;
        self.crashes -= 1;
        self.settling = Some((seat, 0));
    }

    fn steps_of_keeper(&self, add: &mut Add<'_>) {
        let alive = [0, 1].map(|seat| self.workers[seat].is_some());
        match (self.farewell, self.settling) {
            (Some(descriptor), _) => add(&|world| {
                world.answer(descriptor);
                world.close(descriptor);
                world.farewell = None;
            }),
            (None, Some((seat, index))) if index < CALLERS => {
                for is_kept in [false, true] {
                    add(&|world| {
                        world.settling = Some((seat, index + 1));
                        world.settle(seat, index, is_kept);
                    });
                }
            }
            (None, Some((seat, _))) => add(&|world| {
                world.settling = None;
                if !alive[1 - seat] {
                    world.find_forgotten();
                    world.workers[seat] = Some(NEW);
                }
            }),
            (None, None) => {
                for seat in 0..2 {
                    if self.swaps > 0 && alive[seat] && !alive[1 - seat] {
                        add(&|world| {
                            (world.workers[1 - seat], world.swaps) = (Some(NEW), world.swaps - 1);
                        });
                    }
                    let is_retiring =
                        |seat: usize| self.workers[seat].is_some_and(|it| it.retiring);
                    if alive == [true; 2] && !is_retiring(0) && !is_retiring(1) {
                        add(&|world| world.workers[seat].as_mut().expect("alive").retiring = true);
                    }
                }
            }
        }
    }

    /// As `settle::settle` does it for one slot. What has been read of a request may be kept (see `stash`): then it is as if
    /// nobody had read it.
    fn settle(&mut self, seat: usize, index: usize, is_kept: bool) {
        let (state, owner) = self.read(index);
        if owner != Some(seat) || state == State::Free {
            return;
        }
        if state == State::Idle {
            return self.slot(index, Slot::release);
        }
        if state == State::Reading && is_kept {
            let descriptor = self.slot(index, Slot::descriptor);
            let caller = self.caller(descriptor);
            (caller.owed, caller.unread) = (0, true);
            caller.to_send += 1;
            return self.slot(index, Slot::release);
        }
        let descriptor = self.slot(index, Slot::descriptor);
        // What the kernel knows of the connection: whether anything has been read of a request, or sent of an answer.
        let is_owed = self.caller(descriptor).owed > 0;
        if matches!(state, State::Taking | State::Sending) && !is_owed {
            return self.slot(index, Slot::release);
        }
        self.slot(index, Slot::free);
        self.farewell = Some(descriptor);
    }

    /// As `descriptors::forgotten` does, while no worker lives.
    fn find_forgotten(&mut self) {
        for place in 0..self.table.len() {
            let descriptor = i32::try_from(place).expect("small");
            let known = (0..CALLERS).any(|index| {
                self.read(index).0 != State::Free && self.slots[index].1 == descriptor
            });
            if self.table[place].is_some() && !known {
                let index = self.claim(descriptor, 0);
                self.slot(index, Slot::release);
            }
        }
    }

    /// Nothing is left to do: is all well?
    fn check_end(&self) {
        assert!(
            self.table.iter().all(Option::is_none),
            "a descriptor was left open"
        );
        assert!(
            self.slots.iter().all(|slot| slot.0 == 0),
            "a slot was left taken"
        );
        assert!(
            self.callers
                .iter()
                .all(|it| it.owed == 0 && it.to_send == 0),
            "somebody waits for ever"
        );
    }
}

#[test]
fn every_caller_is_answered_once_whatever_happens_when() {
    let caller = Caller {
        connected: false,
        unread: true,
        to_send: REQUESTS,
        owed: 0,
    };
    let first = World {
        slots: [(0, 0); CALLERS],
        table: [None; CALLERS + 1],
        callers: [caller; CALLERS],
        workers: [Some(NEW), None],
        settling: None,
        farewell: None,
        crashes: 2,
        swaps: 1,
    };
    let mut seen = HashSet::from([first.clone()]);
    let mut open = vec![first];
    let mut ends = 0;
    while let Some(world) = open.pop() {
        // With nobody left to crash and nothing left to swap, what cannot move has come to its end.
        let next = world.next();
        let rest = World {
            crashes: 0,
            swaps: 0,
            ..world.clone()
        };
        if rest.next().iter().all(|after| *after == rest) {
            ends += 1;
            world.check_end();
        }
        open.extend(next.into_iter().filter(|after| seen.insert(after.clone())));
    }
    assert!(
        ends > 0 && seen.len() > 10_000,
        "{} worlds, {ends} ends",
        seen.len()
    );
}
