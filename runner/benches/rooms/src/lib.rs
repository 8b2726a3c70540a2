//! Nothing: the benches are in `benches/rooms.rs`.
