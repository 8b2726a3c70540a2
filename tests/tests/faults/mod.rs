//! What an action may do to the process that it shares with the server: each caller gets an answer that names the fault,
//! the log is complete and closed, and the next request is answered as if nothing had happened.

mod abuse;
mod deaths;
mod overruns;
