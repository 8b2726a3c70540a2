//! The steps of the master, the deaths, and when a worker may end.

use super::*;

impl World {
    /// Does its worker stand before a step that is nobody else's business? Then it is of no matter what others do first:
    /// only that step is looked at, and the death before it.
    pub(super) fn is_by_itself(&self, pair: usize) -> bool {
        let is_alone = |held: &Held| {
            !matches!(
                held.step,
                Step::Waits | Step::Left | Step::Reads | Step::Offers
            )
        };
        let pair = &self.pairs[pair];
        let lives = matches!(pair.life, Life::Serving | Life::Leaving);
        lives && pair.holds.iter().flatten().any(is_alone)
    }

    pub(super) fn steps_of_master(&self, number: usize, add: &mut Add<'_>) -> Outcome {
        let pair = &self.pairs[number];
        let lives = matches!(pair.life, Life::Serving | Life::Leaving);
        let serving = self.pairs.iter().filter(|it| it.life == Life::Serving);
        let serving = serving.count();
        let mut becomes = |life| {
            add(&|world| {
                world.pairs[number].life = life;
                Ok(())
            })
        };
        if pair.life == Life::Unborn && serving == 0 {
            becomes(Life::Serving)?;
        }
        if pair.life == Life::Serving && (serving > 1 || !pair.is_kept) {
            becomes(Life::Leaving)?;
        }
        if pair.life == Life::Leaving && self.may_end(number) {
            becomes(Life::Ended)?;
        }
        if pair.life == Life::Unborn && serving == 1 && self.swaps > 0 {
            add(&|world| {
                world.pairs[number].life = Life::Serving;
                world.swaps -= 1;
                Ok(())
            })?;
        }
        match lives && pair.is_kept && self.deaths > 0 {
            true => self.deaths_in(number, add),
            false => Ok(()),
        }
    }

    fn deaths_in(&self, number: usize, add: &mut Add<'_>) -> Outcome {
        for is_worker in [false, true] {
            add(&|world| {
                let pair = &mut world.pairs[number];
                match is_worker {
                    true => pair.life = Life::Dead,
                    false => pair.is_kept = false,
                }
                world.deaths -= 1;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// As `Server::leave` decides it.
    fn may_end(&self, pair: usize) -> bool {
        let pair = &self.pairs[pair];
        let mut both = pair.holds.iter().zip(&pair.records);
        both.all(|(held, record)| match held {
            None => true,
            Some(held) if held.step == Step::Left => pair.is_kept,
            Some(held) => {
                let is_kept = record.words[6] > 0;
                let may_be_handed_on = record.state() == State::Reading && is_kept;
                pair.is_kept && held.step == Step::Waits && may_be_handed_on
            }
        })
    }
}
