//! A machine: memory that containers take, and lanes for work that is done in the order in which it comes.

use super::arrivals::Time;

pub struct Machine {
    pub free: u64,
    /// Containers are started beside the runs of others, as many at once as there are cores: the system divides a core
    /// between them, so that a run of two milliseconds does not wait for a start of hundreds.
    pub starts: Lanes,
    pub runs: Lanes,
}

impl Machine {
    pub fn new(memory: u64, cores: usize) -> Self {
        Self {
            free: memory,
            starts: Lanes(vec![0; cores]),
            runs: Lanes(vec![0; cores]),
        }
    }
}

/// When each lane will have done all that it was given.
pub struct Lanes(Vec<Time>);

impl Lanes {
    /// Gives work to the lane that is free first; returns when it begins.
    pub fn work(&mut self, now: Time, long: Time) -> Time {
        let Some(lane) = self.0.iter_mut().min() else {
            return now;
        };
        let begin = now.max(*lane);
        *lane = begin + long;
        begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_waits_for_a_free_lane() {
        let mut lanes = Lanes(vec![0; 2]);
        assert_eq!(lanes.work(10, 5), 10);
        assert_eq!(lanes.work(10, 7), 10);
        assert_eq!(lanes.work(11, 1), 15);
        assert_eq!(lanes.work(30, 1), 30);
    }
}
