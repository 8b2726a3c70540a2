//! Group H: limits of the container: memory, descriptors, places to write.

use black_box::{Init, Launch, Runner, fixtures, launch::allowed};
use serde_json::json;

#[test]
fn case_172_memory_after_a_thousand_large_runs() {
    let runner = Runner::with("identity");
    let body = json!({ "value": { "a": "x".repeat(1 << 20) } }).to_string();
    let mut connection = runner.connect();
    let mut run = |count: usize| {
        for _ in 0..count {
            connection.post("/run", body.as_bytes()).assert_status(200);
        }
        runner
            .tree()
            .iter()
            .map(|process| resident(process.pid))
            .sum::<usize>()
    };
    let (early, late) = (run(100), run(900));
    assert!(
        late < early + (8 << 20) && late < 64 << 20,
        "resident memory went from {early} to {late} bytes"
    );
}

fn resident(pid: i32) -> usize {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * rustix::param::page_size()
}

/// More connections than descriptors: whoever can be served is, and afterwards everybody.
#[test]
fn case_173_connection_flood() {
    let runner = Launch::baked(&fixtures::c("identity"))
        .ulimit("-n 64")
        .start();
    let flood: Vec<_> = (0..200).map(|_| runner.connect()).collect();
    drop(flood);
    for _ in 0..20 {
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    }
    runner.finish().assert_silent(20);
}

#[test]
fn case_174_nowhere_to_write() {
    let library = std::fs::read(fixtures::c("identity")).unwrap();
    let zip = Init::zip(&[black_box::Entry::file("libaction.so", &library)]);
    let nobody = [
        "setpriv",
        "--reuid",
        "65532",
        "--regid",
        "65532",
        "--clear-groups",
    ];
    let mut launches = vec![Launch::empty().env("TMPDIR", "/nowhere/at/all")];
    if allowed(&nobody) {
        launches.push(Launch::empty().env("TMPDIR", "/proc").under(&nobody));
    }
    for launch in launches {
        let runner = launch.start();
        let reply = runner.init(&zip);
        if reply.status != 200 {
            reply.assert_names(502, &["unpacked", "folder"]);
            runner.init(&Init::bytes(&library)).assert_status(200);
        }
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        runner.finish();
    }
}

#[test]
fn case_175_noexec_and_read_only() {
    let shell = "mount -t tmpfs -o noexec tmpfs \"$TMPDIR\" && mount -o remount,bind,ro / 2>/dev/null; exec \"$@\"";
    let namespace = ["unshare", "--mount", "sh", "-c", shell, "sh"];
    if !allowed(&[
        "unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt",
    ]) {
        return;
    }
    let library = std::fs::read(fixtures::c("cwd")).unwrap();
    let zip = Init::zip(&[
        black_box::Entry::file("libaction.so", &library),
        black_box::Entry::file("data.txt", b"companion"),
    ]);
    for init in [Init::bytes(&library), zip] {
        let runner = Launch::empty().under(&namespace).start();
        let reply = runner.init(&init);
        if reply.status == 200 {
            runner.run(&json!({})).assert_status(200);
        } else {
            reply.assert_status(502).error();
        }
        runner.finish();
    }
}
