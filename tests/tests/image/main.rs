//! Tests of the image: real containers, started as OpenWhisk's invoker starts them and again as a careful host would.
//!
//! `engine` starts and removes containers; `basic` repeats group A of the conformance cases; `delivery` is about how a
//! library gets into a container, `life` about what happens to one, `programs` about images of the older contract,
//! `places` about the files for Compose, Swarm and Kubernetes. `make image-test` builds the images and runs this; without
//! an engine, or without the images, everything is left out with a line that says so.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod basic;
mod delivery;
mod engine;
mod life;
mod places;
mod programs;
