//! The lock of a log stream, in memory that worker and keeper share: either may die with it.
//!
//! The keeper never waits for it. The worker does, and looks now and then whether a keeper that holds it still lives.

use std::sync::atomic::{AtomicU32, Ordering::*};

/// Who holds a stream's lock. A lock is free (0) or has a holder; a holder may be marked as [`WANTED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub(super) enum Holder {
    Keeper = 1,
    Worker = 2,
}

/// Somebody waits for the lock. Set only on a holder, and gone when that one lets go.
const WANTED: u32 = 0x100;

/// A lock.
pub(super) struct Lock<'a>(pub(super) &'a AtomicU32);

impl Lock<'_> {
    pub(super) fn try_lock(&self, who: Holder) -> bool {
        self.0
            .compare_exchange(0, who as u32, Acquire, Relaxed)
            .is_ok()
    }

    /// What it is at the moment, for [`mark`](Self::mark).
    pub(super) fn look(&self) -> u32 {
        self.0.load(Relaxed)
    }

    /// Marks it as wanted, as it has been seen. The answer is what to wait on for as long as it stays so; `None`: it has
    /// been let go. Marked only while it is held: a mark on a free lock would be nobody's to take off.
    pub(super) fn mark(&self, held: u32) -> Option<u32> {
        let wanted = held | WANTED;
        let is_marked = held != 0
            && (held == wanted
                || self
                    .0
                    .compare_exchange(held, wanted, Relaxed, Relaxed)
                    .is_ok());
        is_marked.then_some(wanted)
    }

    /// Takes it from a dead process, as it has been seen. False: another thread was first.
    pub(super) fn take_over(&self, held: u32, who: Holder) -> bool {
        let next = who as u32 | held & WANTED;
        self.0
            .compare_exchange(held, next, Acquire, Relaxed)
            .is_ok()
    }

    /// Takes it from a dead process, where nobody else can want it.
    pub(super) fn take_from_dead(&self, who: Holder) {
        self.0.store(who as u32, Release);
    }

    /// True: somebody waits, and is to be woken.
    pub(super) fn unlock(&self) -> bool {
        self.0.swap(0, Release) & WANTED != 0
    }
}

/// Does the keeper hold it?
pub(super) fn is_keepers(held: u32) -> bool {
    held & !WANTED == Holder::Keeper as u32
}

/// Every order of the single steps of a keeper and two threads of a worker, with a death of either at any of them.
/// Left out: that memory is seen in another order than it was written in; more than one death in a pair.
#[cfg(test)]
mod model {
    use std::collections::HashSet;

    use super::*;

    /// The keeper and the worker's two threads.
    const KEEPER: usize = 0;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Mutation {
        None,
        /// Who waits is not woken, nor does he look again.
        NoWake,
        /// The lock of the dead keeper is not taken.
        NoTaking,
        /// A free lock is taken without a look.
        NoCompare,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    enum At {
        Tries,
        Looks,
        /// It has seen this.
        Asks(u32),
        Marks(u32),
        /// The kernel compares, and lets it sleep.
        Waits(u32),
        Sleeps,
        Holds,
        Wakes,
        Done,
        Dead,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    struct World {
        word: u32,
        at: [At; 3],
        /// How often each still wants the lock.
        rounds: [u8; 3],
        died: bool,
    }

    impl World {
        fn lock<T>(&mut self, act: impl FnOnce(Lock<'_>) -> T) -> T {
            let word = AtomicU32::new(self.word);
            let outcome = act(Lock(&word));
            self.word = word.into_inner();
            outcome
        }

        fn step(&mut self, who: usize, mutation: Mutation) {
            let holder = match who {
                KEEPER => Holder::Keeper,
                _ => Holder::Worker,
            };
            let is_alone = self.at[KEEPER] == At::Dead && mutation != Mutation::NoTaking;
            let now = self.at[who];
            self.at[who] = match now {
                At::Tries if mutation == Mutation::NoCompare => {
                    self.word = holder as u32;
                    At::Holds
                }
                At::Tries if self.lock(|it| it.try_lock(holder)) => At::Holds,
                At::Tries if who == KEEPER => self.again(who), // It never waits.
                At::Tries => At::Looks,
                At::Looks => At::Asks(self.lock(|it| it.look())),
                At::Asks(held) if is_keepers(held) && is_alone => {
                    match self.lock(|it| it.take_over(held, holder)) {
                        true => At::Holds,
                        false => At::Tries,
                    }
                }
                At::Asks(held) => At::Marks(held),
                At::Marks(held) => self.lock(|it| it.mark(held)).map_or(At::Tries, At::Waits),
                At::Waits(wanted) if self.word == wanted => At::Sleeps,
                At::Waits(_) => At::Tries,
                At::Holds if self.lock(|it| it.unlock()) => At::Wakes,
                At::Holds => self.again(who),
                At::Wakes => {
                    for other in &mut self.at {
                        if *other == At::Sleeps && mutation != Mutation::NoWake {
                            *other = At::Tries;
                        }
                    }
                    self.again(who)
                }
                still => still,
            };
        }

        fn again(&mut self, who: usize) -> At {
            self.rounds[who] -= 1;
            match self.rounds[who] {
                0 => At::Done,
                _ => At::Tries,
            }
        }

        /// The keeper takes the lock from its dead worker.
        fn worker_dies(&mut self) {
            self.died = true;
            self.at[1..].fill(At::Dead);
            if self.at[KEEPER] != At::Holds {
                self.lock(|it| it.take_from_dead(Holder::Keeper));
                (self.at[KEEPER], self.rounds[KEEPER]) = (At::Holds, 1);
            }
        }

        fn next(&self, mutation: Mutation) -> Vec<Self> {
            let mut next = Vec::new();
            let mut add = |change: &dyn Fn(&mut World)| {
                let mut world = *self;
                change(&mut world);
                next.push(world);
            };
            for who in 0..3 {
                if !matches!(self.at[who], At::Sleeps | At::Done | At::Dead) {
                    add(&|world| world.step(who, mutation));
                }
                // The look after 10 ms: only a death may make it necessary.
                if self.at[who] == At::Sleeps && self.died {
                    add(&|world| world.at[who] = At::Tries);
                }
            }
            if !self.died {
                add(&|world| (world.died, world.at[KEEPER]) = (true, At::Dead));
                add(&World::worker_dies);
            }
            next
        }
    }

    fn search(mutation: Mutation) -> Result<usize, String> {
        let first = World {
            word: 0,
            at: [At::Tries; 3],
            rounds: [2; 3],
            died: false,
        };
        let (mut seen, mut open) = (HashSet::from([first]), vec![first]);
        let mut before = HashSet::new();
        while let Some(world) = open.pop() {
            if world.at.iter().filter(|at| **at == At::Holds).count() > 1 {
                return Err(format!("two hold it: {world:?}"));
            }
            let next = world.next(mutation);
            let goes_on = |after: &World| after.died == world.died;
            let is_done = world.at.iter().all(|at| matches!(at, At::Done | At::Dead));
            if !is_done && !next.iter().any(goes_on) {
                return Err(format!("somebody waits for ever: {world:?}"));
            }
            before.extend(next.iter().map(|after| (*after, world)));
            open.extend(next.into_iter().filter(|after| seen.insert(*after)));
        }
        all_come_to_an_end(&seen, &before)?;
        Ok(seen.len())
    }

    /// From every world there is a way to one in which nobody wants the lock any more.
    fn all_come_to_an_end(
        seen: &HashSet<World>,
        before: &HashSet<(World, World)>,
    ) -> Result<(), String> {
        let is_done = |world: &&World| world.at.iter().all(|at| matches!(at, At::Done | At::Dead));
        let mut good: HashSet<World> = seen.iter().filter(is_done).copied().collect();
        loop {
            let more = before.iter().filter(|(after, _)| good.contains(after));
            let more: Vec<World> = more.map(|(_, world)| *world).collect();
            let count = good.len();
            good.extend(more);
            if good.len() == count {
                break;
            }
        }
        let stuck = seen.iter().find(|world| !good.contains(world));
        stuck.map_or(Ok(()), |world| Err(format!("no way on: {world:?}")))
    }

    #[test]
    fn the_lock_has_one_holder_and_nobody_waits_for_ever() {
        let worlds = search(Mutation::None).expect("no mistake");
        assert!(worlds > 1000, "{worlds}");
    }

    #[test]
    fn a_mistake_in_the_lock_is_found() {
        for mutation in [Mutation::NoWake, Mutation::NoTaking, Mutation::NoCompare] {
            assert!(search(mutation).is_err(), "{mutation:?}");
        }
    }
}
