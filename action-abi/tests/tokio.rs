//! With feature `tokio` a library's runtime goes on between runs.

#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "tokio", not(feature = "schema")))]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use action_abi::{test, Context, Error};
use serde_json::{json, Value};
use tokio::time::sleep;

static WENT_ON: AtomicUsize = AtomicUsize::new(0);

fn leave_a_task() {
    tokio::spawn(async {
        sleep(Duration::from_millis(20)).await;
        WENT_ON.fetch_add(1, Ordering::SeqCst);
    });
}

async fn leaves(_: Value) -> Result<(), Error> {
    leave_a_task();
    Ok(())
}

fn leaves_too(_: Value) -> Result<(), Error> {
    leave_a_task();
    Ok(())
}

/// {"compute": ms} computes after one await, {"wait": ms} waits; says how long it took.
async fn mixed(params: Value) -> Result<Value, Error> {
    let begin = Instant::now();
    if let Some(ms) = params["compute"].as_u64() {
        sleep(Duration::from_millis(1)).await;
        while begin.elapsed() < Duration::from_millis(ms) {
            std::hint::spin_loop();
        }
    }
    if let Some(ms) = params["wait"].as_u64() {
        sleep(Duration::from_millis(ms)).await;
    }
    Ok(json!({ "ms": begin.elapsed().as_secs_f64() * 1000.0 }))
}

#[test]
fn what_a_run_leaves_goes_on_after_it() {
    let context = Context::default();
    test::call(leaves, "{}", &context).unwrap();
    test::call(leaves_too, "{}", &context).unwrap();
    let begin = Instant::now();
    while WENT_ON.load(Ordering::SeqCst) < 2 {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "nobody drives the runtime"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_handler_that_computes_holds_up_no_timer() {
    let computing = thread::spawn(|| test::call(mixed, r#"{"compute":1500}"#, &Context::default()));
    thread::sleep(Duration::from_millis(200));
    let waited = test::call(mixed, r#"{"wait":50}"#, &Context::default()).unwrap();
    assert!(waited["ms"].as_f64().unwrap() < 1000.0, "{}", waited);
    computing.join().unwrap().unwrap();
}

#[test]
fn the_deadline_ends_what_waits() {
    let context = Context::builder()
        .time_left(Duration::from_millis(50))
        .build();
    let begin = Instant::now();
    let late = test::call(mixed, r#"{"wait":30000}"#, &context).unwrap_err();
    assert!(late.to_string().contains("at its deadline"), "{}", late);
    assert!(begin.elapsed() < Duration::from_secs(10));
}
