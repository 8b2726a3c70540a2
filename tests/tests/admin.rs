//! The admin port and `--watch`: what operators and builds see and do, beside the requests of callers.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use black_box::http::request;
use black_box::shelf::{Shelf, dying, refusing, version};
use black_box::{
    Connection, Entry, Gate, LIMIT, Launch, Reply, Runner, archive, fixtures, processes,
};
use rustix::process::Signal;
use serde_json::{Value, json};

const TOKEN: &str = "a token of the tests";

/// A runner with an admin port.
struct Watched {
    runner: Runner,
    admin: SocketAddr,
}

impl Watched {
    fn start(launch: Launch) -> Self {
        let runner = launch.args(&["--admin", "127.0.0.1:0"]).start();
        let line = runner.stderr.take_line("action-runner: admin on ").unwrap();
        let admin = line.parse().unwrap();
        Self { runner, admin }
    }

    /// The same, and uploads are allowed.
    fn with_uploads(launch: Launch, shelf: &Shelf) -> Self {
        let file = shelf.library.with_file_name("token");
        fs::write(&file, format!("{TOKEN}\n")).unwrap();
        Self::start(launch.arg("--admin-token-file").arg(file))
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut connection = Connection::open(self.admin);
        connection
            .send(&request(method, path, headers, body))
            .reply()
    }

    fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], b"")
    }

    fn upload(&self, bytes: &[u8]) -> Reply {
        let token = format!("Bearer {TOKEN}");
        self.ask("PUT", "/action", &[("Authorization", &token)], bytes)
    }

    /// The value of a line of `/metrics`.
    fn metric(&self, name: &str) -> u64 {
        let page = self.get("/metrics").assert_status(200).text();
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in:\n{page}"));
        value.trim().parse().unwrap()
    }

    /// Asks until what comes back is `right`: the action is asked once a second.
    fn until_ready(&self, right: impl Fn(&Reply) -> bool) {
        let end = Instant::now() + LIMIT;
        loop {
            let reply = self.get("/readyz");
            if right(&reply) {
                return;
            }
            assert!(Instant::now() < end, "{reply}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn version(&self) -> Value {
        self.runner.run(&json!({})).assert_status(200).json()["version"].clone()
    }
}

#[test]
fn ready_while_the_worker_computes() {
    let watched = Watched::start(Launch::baked(&version(1)));
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| watched.runner.run(&json!({ "after": gate.port() })));
        let mut visit = gate.arrival();
        watched.get("/healthz").assert_ok(&json!({ "ok": true }));
        let ready = watched.get("/readyz").assert_status(200).json();
        assert_eq!(
            (&ready["ready"], &ready["generation"], &ready["draining"]),
            (&json!(true), &json!(1), &json!(false))
        );
        assert_eq!(watched.metric("action_runner_runs_in_flight"), 1);
        visit.release();
        run.join().unwrap().assert_status(200);
    });
    assert_eq!(
        watched.metric("action_runner_runs_total{ending=\"result\"}"),
        1
    );
    assert_eq!(
        watched.metric("action_runner_run_duration_seconds_count"),
        1
    );
    assert!(watched.get("/metrics").text().ends_with("# EOF\n"));
    watched.get("/elsewhere").assert_status(404);
}

/// The action has the last word, and is asked again.
#[test]
fn an_action_that_is_not_ready() {
    let shelf = Shelf::with(&fixtures::c("ready"));
    let file = shelf.library.with_file_name("warm");
    let launch = Launch::baked(&shelf.library).env("READY_FILE", file.to_str().unwrap());
    let watched = Watched::start(launch);
    watched
        .until_ready(|reply| reply.status == 503 && reply.json()["reason"] == "still warming up");
    watched.runner.run(&json!({})).assert_status(200);
    fs::write(&file, "").unwrap();
    watched.until_ready(|reply| reply.status == 200);
    fs::remove_file(&file).unwrap();
    watched.until_ready(|reply| reply.status == 503);
}

/// Nobody can send it an action but by an upload.
#[test]
fn plain_without_an_action() {
    let shelf = Shelf::with(&version(1));
    let launch = Launch::empty().args(&["--http", "plain"]);
    let watched = Watched::with_uploads(launch, &shelf);
    let reply = watched.get("/readyz").assert_status(503).json();
    assert_eq!(reply["initialized"], false);
    watched
        .upload(&fs::read(version(1)).unwrap())
        .assert_status(200);
    watched.until_ready(|reply| reply.status == 200);
}

#[test]
fn what_is_counted_survives_workers() {
    let watched = Watched::start(Launch::empty());
    let ready = watched.get("/readyz").assert_status(200).json();
    assert_eq!(ready["initialized"], false);
    let init = black_box::Init::of("die");
    watched.runner.init(&init).assert_status(200);
    assert_eq!(watched.get("/readyz").json()["initialized"], true);
    for how in ["segv", "abort", "segv", "exit"] {
        watched
            .runner
            .run(&json!({ "how": how }))
            .assert_status(502);
        watched.runner.run(&json!({})).assert_status(200);
    }
    watched.runner.post("/run", "nonsense").assert_status(400);
    assert_eq!(
        watched.metric("action_runner_runs_total{ending=\"result\"}"),
        4
    );
    assert_eq!(
        watched.metric("action_runner_runs_total{ending=\"fault\"}"),
        4
    );
    assert_eq!(
        watched.metric("action_runner_runs_total{ending=\"refused\"}"),
        1
    );
    let deaths = |cause| {
        watched.metric(&format!(
            "action_runner_worker_deaths_total{{cause=\"{cause}\"}}"
        ))
    };
    assert_eq!(
        (deaths("SIGSEGV"), deaths("SIGABRT"), deaths("exit")),
        (2, 1, 1)
    );
    // Its own process may die, too.
    let before = watched.runner.tree().len();
    let side = side_process(&watched.runner);
    processes::signal(side, Signal::KILL);
    watched
        .runner
        .until_tree(|tree| tree.len() == before && tree.iter().all(|process| process.pid != side));
    assert_eq!(
        watched.metric("action_runner_runs_total{ending=\"result\"}"),
        4
    );
}

/// The master's child that is of no pair.
fn side_process(runner: &Runner) -> i32 {
    let children = processes::children(runner.pid());
    let side = children.iter().find(|child| {
        let is_of_a_pair = matches!(child.name.as_str(), "worker" | "keeper");
        !is_of_a_pair && child.state != 'Z'
    });
    side.unwrap().pid
}

#[test]
fn uploads() {
    let shelf = Shelf::with(&version(1));
    let watched = Watched::with_uploads(Launch::baked(&shelf.library), &shelf);
    let library = |path| fs::read(path).unwrap();
    let second = library(version(2));
    watched
        .ask("PUT", "/action", &[], &second)
        .assert_names(401, &["token"]);
    let wrong = [("Authorization", "Bearer a token of the tesTs")];
    watched
        .ask("PUT", "/action", &wrong, &second)
        .assert_names(401, &["token"]);
    assert_eq!(watched.version(), 1);

    let reply = watched.upload(&second);
    assert_eq!(reply.assert_status(200).json()["generation"], 2, "{reply}");
    assert_eq!(watched.version(), 2);
    let zip = archive::zip(&[
        Entry::file("libaction.so", &library(version(3))),
        Entry::file("data.txt", b"companion"),
    ]);
    watched.upload(&zip).assert_status(200);
    assert_eq!(watched.version(), 3);

    let bad: &[(&[u8], &str)] = &[
        (b"text", "shared library"),
        (&second[..500], "cut off"),
        (&library(fixtures::c("noabi")), "action_abi_version"),
        (&library(refusing()), "no database"),
        (&library(dying()), "SIGABRT"),
    ];
    for (bytes, words) in bad {
        watched.upload(bytes).assert_names(422, &[words]);
        assert_eq!(watched.version(), 3, "{words}");
    }
    assert_eq!(watched.metric("action_runner_generation"), 3);
    let deaths = |cause: &str| {
        watched.metric(&format!(
            "action_runner_worker_deaths_total{{cause=\"{cause}\"}}"
        ))
    };
    // One library has ended its worker; those that were refused have not.
    let page = watched.get("/metrics").text();
    assert!(!page.contains("SIGKILL"), "{page}");
    assert_eq!(deaths("SIGABRT"), 1);
    // What was uploaded survives its worker.
    let workers = processes::workers(watched.runner.pid()).into_iter();
    workers.for_each(|worker| processes::signal(worker, Signal::KILL));
    assert_eq!(watched.version(), 3);
}

/// A program takes the place of a library, with and without companions, and the other way round.
#[test]
fn uploads_of_programs() {
    let shelf = Shelf::with(&version(1));
    let watched = Watched::with_uploads(Launch::baked(&shelf.library), &shelf);
    let program = fs::read(fixtures::program("sdk", &[])).unwrap();
    let show = || {
        let shown = watched.runner.run(&json!({ "how": "show" }));
        shown.assert_status(200).json()
    };
    watched.upload(&program).assert_status(200);
    assert_eq!(show()["data"], "");
    let companions = [
        Entry::file("exec", &program),
        Entry::file("data.txt", b"companion"),
    ];
    watched
        .upload(&archive::zip(&companions))
        .assert_status(200);
    let shown = show();
    assert_eq!(shown["data"], "companion");
    assert_eq!(
        shown["name"],
        format!("{}/exec", shown["cwd"].as_str().unwrap())
    );
    watched
        .upload(&fs::read(fixtures::program("loop", &[])).unwrap())
        .assert_status(200);
    let line = watched.runner.run(&json!({ "how": "line" }));
    line.assert_ok(&json!({ "value": { "how": "line" } }));
    watched
        .upload(b"#!/no/interpreter")
        .assert_names(422, &["/no/interpreter"]);
    watched
        .upload(&fs::read(version(2)).unwrap())
        .assert_status(200);
    assert_eq!(watched.version(), 2);
    assert_eq!(watched.metric("action_runner_generation"), 5);
    watched.runner.until_tree(|tree| tree.len() == 4);
}

#[test]
fn uploads_where_they_are_not_wanted() {
    let shelf = Shelf::with(&version(1));
    let off = Watched::start(Launch::baked(&shelf.library));
    off.upload(b"").assert_names(403, &["--admin-token-file"]);
    // A runner that waits for its first library takes it, too; after an /init it does not.
    let empty = Watched::with_uploads(Launch::empty(), &shelf);
    empty
        .upload(&fs::read(version(2)).unwrap())
        .assert_status(200);
    assert_eq!(empty.version(), 2);
    let initialised = Watched::with_uploads(Launch::empty(), &shelf);
    initialised
        .runner
        .init(&black_box::Init::of("identity"))
        .assert_status(200);
    initialised
        .upload(&fs::read(version(2)).unwrap())
        .assert_names(409, &["/init"]);
}

#[test]
fn a_token_file_that_is_none() {
    for (content, words) in [(None, "cannot be read"), (Some(" \n"), "is empty")] {
        let shelf = Shelf::with(&version(1));
        let file = shelf.library.with_file_name("token");
        content
            .iter()
            .for_each(|content| fs::write(&file, content).unwrap());
        let (mut command, folder, _) = Launch::empty().command();
        command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        let output = command
            .arg("--admin-token-file")
            .arg(&file)
            .output()
            .unwrap();
        fs::remove_dir_all(folder).unwrap();
        assert_eq!(output.status.code(), Some(2));
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(err.contains(words), "{err}");
    }
}

#[test]
fn the_health_check_asks_the_admin_port() {
    let watched = Watched::start(Launch::baked(&version(1)));
    let check = |admin: &str| {
        let (mut command, folder, _) = Launch::empty().command();
        let words = ["healthcheck", &watched.runner.address.to_string()];
        command.args(words).env("ACTION_RUNNER_ADMIN", admin);
        let status = command.stderr(Stdio::null()).status().unwrap();
        fs::remove_dir_all(folder).unwrap();
        status.code()
    };
    assert_eq!(check(&watched.admin.to_string()), Some(0));
    // Something that answers, but not that it is ready.
    assert_eq!(check(&watched.runner.address.to_string()), Some(1));
}

/// A build that writes its result in place, slowly; one that renames it; a link that points elsewhere.
#[test]
fn a_watched_file() {
    let shelf = Shelf::with(&version(1));
    let runner = Launch::baked(&shelf.library).arg("--watch").start();
    let answers = |number: u32| {
        let start = Instant::now();
        while runner.run(&json!({})).assert_status(200).json()["version"] != number {
            assert!(start.elapsed() < LIMIT, "{}", runner.stderr_text());
        }
    };
    answers(1);
    shelf.put(&version(2));
    answers(2);
    let third = fs::read(version(3)).unwrap();
    shelf.overwrite(&third[..third.len() / 2]);
    runner.stderr.until_text("The file is cut off");
    answers(2);
    shelf.overwrite(&third);
    answers(3);
    shelf.link(&version(4));
    answers(4);
    shelf.remove();
    answers(4);
    // The same once more is no news.
    shelf.put(&version(4));
    shelf.put(&version(5));
    answers(5);
    assert!(
        !runner.stderr_text().contains("generation 6"),
        "{}",
        runner.stderr_text()
    );
    let touched = Command::new("touch").arg(&shelf.library).status().unwrap();
    assert!(touched.success());
    answers(5);
}
