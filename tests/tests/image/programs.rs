//! Images of the older contract: an executable in place of a library, one process for each run, the result on the last
//! line of stdout. Only their FROM line changes.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::engine::{self, Container, HOSTS, RUNNER, image};

/// Prints a line of log, then what it was given: as argument, or on stdin when that was too long.
const ECHO: &str = r#"
#include <stdio.h>
#include <string.h>
int main(int count, char **words) {
    static char text[4 << 20];
    if (count > 1 && words[1][0] == '{')
        strncpy(text, words[1], sizeof text - 1);
    else
        text[fread(text, 1, sizeof text - 1, stdin)] = 0;
    printf("a line of log\n%s\n", text);
    return 0;
}
"#;

fn echo_program() -> PathBuf {
    let folder = engine::project("target/image/program");
    std::fs::create_dir_all(&folder).unwrap();
    let (source, program) = (folder.join("exec.c"), folder.join("exec"));
    std::fs::write(&source, ECHO).unwrap();
    let status = Command::new("cc")
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .status()
        .unwrap();
    assert!(status.success());
    program
}

#[test]
fn a_program_where_the_library_would_be() {
    if !engine::answers() {
        return;
    }
    let program = echo_program();
    for (name, place) in [("exec", "/action/exec"), ("blackbox", "/blackbox/action")] {
        let image = image(
            name,
            &format!("FROM {RUNNER}\nCOPY exec {place}\n"),
            &[("exec", &program)],
        );
        for host in HOSTS {
            let container = Container::start(host, &image);
            container
                .init_without_code()
                .assert_ok(&json!({ "ok": true }));
            let small = json!({ "string": "hello" });
            container.run(&small).assert_ok(&small);
            let large = json!({ "arg": "a".repeat(1_000_000) });
            container.run(&large).assert_ok(&large);
            let logs = container.finish();
            logs.assert_ended(2);
            assert_eq!(logs.out(), "a line of log\na line of log");
        }
    }
}
