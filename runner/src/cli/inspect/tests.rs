use super::report::bytes;
use super::*;
use crate::package::elf::sample::Sample;
use std::fs;
use std::path::PathBuf;

/// A file that is removed again.
struct File(PathBuf);

impl File {
    fn new(name: &str, contents: &[u8]) -> Self {
        let path =
            std::env::temp_dir().join(format!("action-inspect-{}-{name}", std::process::id()));
        fs::write(&path, contents).expect("written");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_library_that_would_load() {
    let sample = Sample {
        functions: vec!["action_abi_version", "invoke", "shout"],
        needed: vec!["libc.so.6"],
        versions: vec![("libc.so.6", "GLIBC_2.2.5", "puts")],
        ..Sample::default()
    };
    let file = File::new("good.so", &sample.build());
    let report = report(&file.0);
    assert_eq!(report.because, None);
    assert!(report.would_load);
    assert_eq!(report.dialect.as_deref(), Some("C"));
    assert_eq!(
        report.entry_points.as_deref(),
        Some(&["main".to_owned(), "shout".to_owned()][..])
    );
    let text = report.to_string();
    for part in [
        "\n  dialect       C\n",
        "\n  entry points  main, shout\n",
        "libc.so.6 ",
        "2.2 or newer, for puts (here: ",
        "deadbeef",
        "\n  would load here: yes\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["would_load"], true);
    assert_eq!(json["glibc"]["symbol"], "puts");
    assert!(json["needed"][0]["found"].is_string());
}

#[test]
fn libraries_that_would_not() {
    let cases = [
        (
            "needs",
            Sample {
                needed: vec!["libnowhere.so.7"],
                ..Sample::default()
            },
            "needs libnowhere.so.7, which",
        ),
        (
            "glibc",
            Sample {
                versions: vec![("libc.so.6", "GLIBC_9.1", "f")],
                ..Sample::default()
            },
            "GLIBC_9.1 of glibc (for f)",
        ),
        (
            "version",
            Sample {
                needed: vec!["libc.so.6"],
                versions: vec![("libc.so.6", "GLIBC_X", "f")],
                ..Sample::default()
            },
            "GLIBC_X of libc.so.6 (for f)",
        ),
        (
            "abi",
            Sample {
                functions: vec!["compute"],
                ..Sample::default()
            },
            "exports neither",
        ),
        (
            "machine",
            Sample {
                machine: 243,
                ..Sample::default()
            },
            "built for RISC-V",
        ),
        (
            "entry",
            Sample {
                functions: vec!["action_abi_version"],
                ..Sample::default()
            },
            "no entry point main",
        ),
    ];
    for (name, sample, reason) in cases {
        let file = File::new(name, &sample.build());
        let report = report(&file.0);
        assert!(!report.would_load, "{name}");
        assert!(
            report
                .because
                .as_ref()
                .is_some_and(|said| said.contains(reason)),
            "{report}"
        );
        assert!(report.to_string().contains("would load here: no: "));
    }
}

#[test]
fn what_is_no_library_at_all() {
    let file = File::new("text", b"words");
    let said = report(&file.0);
    assert_eq!(
        (said.would_load, said.size, said.architecture.as_deref()),
        (false, Some(5), None)
    );
    assert!(
        said.because
            .is_some_and(|reason| reason.starts_with("The file is text;"))
    );
    assert!(
        report(Path::new("/nowhere.so"))
            .because
            .is_some_and(|reason| reason.contains("cannot be read"))
    );
}

#[test]
fn programs_and_scripts() {
    use std::os::unix::fs::PermissionsExt;
    let program = Sample {
        kind: 2,
        ..Sample::default()
    };
    let interpreted = Sample {
        kind: 2,
        interpreter: true,
        ..Sample::default()
    };
    let cases: [(&str, &[u8], u32, &str); 5] = [
        ("static", &program.build(), 0o755, "would run here: yes"),
        ("mode", &program.build(), 0o644, "no: The program /"),
        (
            "loader",
            &interpreted.build(),
            0o755,
            "which is not on this machine. Link it",
        ),
        ("script", b"#!/bin/sh\n", 0o755, "would run here: yes"),
        (
            "absent",
            b"#! /no/where -x\n",
            0o755,
            "needs /no/where to start it",
        ),
    ];
    for (name, contents, mode, verdict) in cases {
        let file = File::new(name, contents);
        fs::set_permissions(&file.0, fs::Permissions::from_mode(mode)).expect("allowed");
        let report = report(&file.0);
        let text = report.to_string();
        assert!(text.contains("\n  contract      Docker SDK\n"), "{text}");
        assert!(text.contains(verdict), "{verdict} is not in\n{text}");
        let kind = if contents.starts_with(b"#!") {
            "script"
        } else {
            "program"
        };
        let json = serde_json::to_value(&report).expect("JSON");
        assert_eq!(
            (&json["kind"], &json["contract"]),
            (&kind.into(), &"Docker SDK".into())
        );
        assert_eq!(json["would_load"], verdict.ends_with("yes"));
    }
}

#[test]
fn a_rust_library_leaves_its_entry_points_open() {
    let sample = Sample {
        functions: Vec::new(),
        data: vec![crate::refusal::RUST_SYMBOL],
        ..Sample::default()
    };
    let file = File::new("rust.so", &sample.build());
    let report = report(&file.0);
    assert_eq!(report.entry_points, None);
    assert!(report.would_load && report.to_string().contains("known once it is loaded"));
}

#[test]
fn sizes() {
    assert_eq!(
        [bytes(999), bytes(412_345), bytes(36_450_000)],
        ["999 bytes", "412 kB", "36.4 MB"]
    );
}
