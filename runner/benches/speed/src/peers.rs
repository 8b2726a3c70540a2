//! The official runtimes, as they were measured beside a bare axum server on another machine. What can be compared are
//! ratios to bare axum: their factor there, the runner's here.

/// A runtime; each factor is the median of the ratios to bare axum within a round.
pub struct Peer {
    pub name: &'static str,
    /// A new connection for each run: p50 and CPU at 100 B, p50 at 1 MB.
    pub p50: f64,
    pub cpu: f64,
    pub megabyte: f64,
    /// From the start of the process to the first answer, its `/init` with code between, in milliseconds.
    pub first_answer: f64,
    /// KiB of proportional memory, after `/init` and a run.
    pub memory: u64,
}

/// Bare axum there: start to the first answer in milliseconds, and for a new connection p50 and CPU in microseconds.
pub const AXUM_FIRST_ANSWER: f64 = 2.17;
pub const AXUM_P50: f64 = 84.0;
pub const AXUM_CPU: f64 = 82.0;
/// Axum that reverses 1 MB there: an action's own work, which weighs differently from machine to machine.
pub const AXUM_REVERSING_MEGABYTE: f64 = 1.46;

/// openwhisk-runtime-go 1b00151 with a Rust action; openwhisk-runtime-nodejs d7baea7; openwhisk-runtime-docker 8403728
/// with a Rust program.
pub const PEERS: [Peer; 3] = [
    Peer {
        name: "ActionLoop",
        p50: 2.13,
        cpu: 2.4,
        megabyte: 7.7,
        first_answer: 17.7,
        memory: 10_708,
    },
    Peer {
        name: "node",
        p50: 3.2,
        cpu: 4.7,
        megabyte: 27.0,
        first_answer: 128.0,
        memory: 56_468,
    },
    Peer {
        name: "Docker SDK",
        p50: 18.0,
        cpu: 19.0,
        megabyte: 7.0,
        first_answer: 156.0,
        memory: 31_235,
    },
];
