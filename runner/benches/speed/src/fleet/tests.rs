//! Fleets small enough to follow by hand.

use super::*;

const RUNTIME: Runtime = Runtime {
    name: "test",
    start: 100,
    run: 10,
    cpu: 5,
    memory: 3,
};

fn setting(machines: usize, memory: u64) -> Setting {
    Setting {
        machines,
        cores: 1,
        memory,
        container: 1,
        engine: 1000,
        work: 50,
        from: 0,
    }
}

fn outcome(setting: &Setting, calls: &[Call]) -> (usize, Vec<Time>) {
    let outcome = Simulation::run(&RUNTIME, setting, 3, calls);
    assert_eq!(outcome.calls, calls.len(), "nobody is forgotten");
    (outcome.cold, outcome.waits)
}

const COLD: Time = 1000 + 100 + 10;

#[test]
fn the_first_call_is_cold_and_the_second_warm() {
    let calls = [(0, 0), (5000, 0)];
    assert_eq!(outcome(&setting(1, 8), &calls), (1, vec![10, COLD]));
}

#[test]
fn a_second_container_is_started_when_one_could_not_do_what_waits() {
    // In the 1100 that a start takes, one container does 22 works of 50.
    let calls = |count| vec![(0, 0); count];
    assert_eq!(outcome(&setting(2, 8), &calls(2)), (1, vec![COLD, COLD + 50 + 10]));
    assert_eq!(outcome(&setting(2, 8), &calls(22)).0, 1);
    assert_eq!(outcome(&setting(2, 8), &calls(23)).0, 2);
}

#[test]
fn a_run_waits_for_the_core_but_not_for_starts() {
    // Both functions are warm when they are called at once; the CPU of the first run is in the way of the second.
    let calls = [(0, 0), (2000, 1), (5000, 0), (5000, 1), (5000, 2)];
    let (cold, waits) = outcome(&setting(1, 12), &calls);
    assert_eq!((cold, waits), (3, vec![10, 10 + 5 + 50, COLD, COLD, COLD]));
}

#[test]
fn idle_containers_are_kept_for_their_time_and_no_longer() {
    let idle_from = COLD + 50;
    let (cold, _) = outcome(&setting(1, 8), &[(0, 0), (idle_from + KEPT - 1, 0)]);
    assert_eq!(cold, 1);
    let (cold, _) = outcome(&setting(1, 8), &[(0, 0), (idle_from + KEPT, 0)]);
    assert_eq!(cold, 2);
}

#[test]
fn without_room_the_longest_idle_makes_way() {
    // Room for two; the third function drives out the first, which then is cold again and drives out the second.
    let calls = [(0, 0), (5000, 1), (10_000, 2), (15_000, 2), (20_000, 0), (25_000, 2)];
    assert_eq!(outcome(&setting(1, 8), &calls).0, 4);
    assert_eq!(outcome(&setting(1, 12), &calls).0, 3);
}

#[test]
fn who_finds_all_at_work_waits_for_the_first_to_end() {
    // Room for one: the second function's container starts when the first one's run has ended.
    let (cold, waits) = outcome(&setting(1, 4), &[(0, 0), (1, 1)]);
    assert_eq!((cold, waits), (2, vec![COLD, COLD + 50 - 1 + COLD]));
}

#[test]
fn warming_up_does_not_count() {
    let setting = Setting {
        from: 5000,
        ..setting(1, 8)
    };
    let outcome = Simulation::run(&RUNTIME, &setting, 3, &[(0, 0), (5000, 0)]);
    assert_eq!((outcome.calls, outcome.cold), (1, 0));
}
