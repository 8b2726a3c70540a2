use super::sample::{HERE, RPATH, RUNPATH, SONAME, Sample};
use super::*;
use crate::refusal::LoadRefusal as Refusal;

fn host(glibc: (u32, u32)) -> Host {
    Host {
        machine: Host::machine(),
        glibc: Some(glibc),
    }
}

fn c_library() -> Binary {
    read(&Sample::default().build()).expect("a library")
}

#[test]
fn a_c_library() {
    let sample = Sample {
        functions: vec![
            "invoke",
            "action_abi_version",
            "action_init",
            "shout",
            "_private",
            "crosscall2",
        ],
        data: vec!["table"],
        needed: vec!["libm.so.6", "libc.so.6"],
        texts: vec![
            (SONAME, "libaction.so".into()),
            (RUNPATH, "$ORIGIN:/opt/x".into()),
            (RPATH, "/old".into()),
        ],
        versions: vec![
            ("libc.so.6", "GLIBC_2.2.5", "puts"),
            ("libc.so.6", "GLIBC_2.38", "__isoc23_strtol"),
        ],
        ..Sample::default()
    };
    let library = read(&sample.build()).expect("a library");
    assert_eq!(library.dialect, Some(Dialect::C));
    assert_eq!(library.machine, Host::machine());
    assert_eq!(library.needed, ["libm.so.6", "libc.so.6"]);
    assert_eq!(library.entry_points(), ["main", "shout"]);
    assert!(library.exports.contains(&"_private".to_owned()));
    assert!(!library.exports.contains(&"table".to_owned()));
    assert_eq!(library.soname.as_deref(), Some("libaction.so"));
    assert_eq!(
        (library.rpath, library.runpath),
        (vec!["/old".into()], vec!["$ORIGIN".into(), "/opt/x".into()])
    );
    assert_eq!(library.build_id.as_deref(), Some("deadbeef"));
    let needs: Vec<_> = library
        .versions
        .iter()
        .map(|v| (&*v.version, v.symbol.as_deref()))
        .collect();
    assert_eq!(
        needs,
        [
            ("GLIBC_2.2.5", Some("puts")),
            ("GLIBC_2.38", Some("__isoc23_strtol"))
        ]
    );
}

#[test]
fn a_rust_library_is_known_by_its_root_module() {
    let sample = Sample {
        functions: Vec::new(),
        data: vec![RUST_SYMBOL],
        ..Sample::default()
    };
    let library = read(&sample.build()).expect("a library");
    assert_eq!(library.dialect, Some(Dialect::Rust));
    assert_eq!(library.entry_points(), Vec::<String>::new());
    assert_eq!(
        check(&library, "whatever", &host((2, 36))),
        Ok(Dialect::Rust)
    );
}

#[test]
fn entry_points_of_the_c_dialect() {
    let library = c_library();
    for main in ["", "main", "invoke"] {
        assert_eq!(library.symbol_of(main), Ok("invoke"));
        assert_eq!(check(&library, main, &host((2, 36))), Ok(Dialect::C));
    }
    for name in ["nope", "x y", "a::b", "a\0b"] {
        let refusal = check(&library, name, &host((2, 36))).expect_err("no such entry point");
        assert!(
            matches!(&refusal, Refusal::EntryPointMissing { available, .. } if available == &["main"])
        );
    }
    for name in [
        "action_abi_version",
        "action_init",
        "action_ready",
        "action_describe",
    ] {
        let refusal = check(&library, name, &host((2, 36)));
        assert!(matches!(refusal, Err(Refusal::EntryPointReserved { .. })));
    }
}

#[test]
fn only_other_names_than_main() {
    let sample = Sample {
        functions: vec!["action_abi_version", "niam", "other"],
        ..Sample::default()
    };
    let library = read(&sample.build()).expect("a library");
    assert_eq!(check(&library, "niam", &host((2, 36))), Ok(Dialect::C));
    let text = check(&library, "main", &host((2, 36)))
        .expect_err("no main")
        .to_string();
    assert!(
        text.contains("main (exported as invoke); it has niam, other."),
        "{text}"
    );
}

#[test]
fn neither_dialect() {
    let sample = Sample {
        functions: vec!["compute"],
        ..Sample::default()
    };
    let library = read(&sample.build()).expect("a library");
    let text = check(&library, "main", &host((2, 36)))
        .expect_err("no ABI")
        .to_string();
    assert!(text.contains("it exports compute."), "{text}");
}

#[test]
fn files_that_are_no_libraries() {
    let kind = |kind| {
        read(
            &Sample {
                kind,
                ..Sample::default()
            }
            .build(),
        )
        .expect_err("refused")
    };
    assert!(kind(1).to_string().contains("object file"));
    assert!(kind(4).to_string().contains("core dump"));
    assert!(matches!(kind(77), Refusal::Damaged { .. }));
    let found = |bytes: &[u8]| match read(bytes) {
        Err(Refusal::NotAnAction { found }) => found,
        other => panic!("{other:?}"),
    };
    assert_eq!(found(b"fn main() {}"), "text");
    assert_eq!(found(b""), "empty");
    assert_eq!(found(b"!<arch>\n"), "a static archive (.a or .rlib)");
}

#[test]
fn programs() {
    let is_program = |sample: Sample| read(&sample.build()).map(|binary| binary.is_program);
    let plain = Sample::default;
    assert_eq!(is_program(plain()), Ok(false));
    let linked_for_one_address = Sample { kind: 2, ..plain() };
    assert_eq!(is_program(linked_for_one_address), Ok(true));
    let flags_1 = 0x0800_0000;
    let position_independent = Sample { flags_1, ..plain() };
    assert_eq!(is_program(position_independent), Ok(true));
    // Before there was the flag; a library of its own kind may have an interpreter, too.
    let interpreted = |functions, texts| Sample {
        interpreter: true,
        functions,
        texts,
        ..plain()
    };
    assert_eq!(is_program(interpreted(vec!["main"], Vec::new())), Ok(true));
    let named = vec![(SONAME, "libc.so.6".into())];
    assert_eq!(is_program(interpreted(vec!["main"], named)), Ok(false));
    let action = vec!["action_abi_version", "invoke"];
    assert_eq!(is_program(interpreted(action, Vec::new())), Ok(false));
}

#[test]
fn a_static_program_has_no_tables() {
    let mut bytes = Sample {
        kind: 2,
        machine: HERE,
        ..Sample::default()
    }
    .build();
    // The second program header, that of the dynamic section, becomes one of no meaning.
    bytes[64 + 56] = 0;
    let program = read(&bytes).expect("a program");
    assert!(program.is_program && program.needed.is_empty() && program.exports.is_empty());
    assert_eq!(program.build_id.as_deref(), Some("deadbeef"));
    assert_eq!(fits(&program, &host((2, 36))), Ok(()));
    bytes[16] = 3;
    assert!(matches!(read(&bytes), Err(Refusal::Damaged { .. })));
}

#[test]
fn other_machines() {
    let refused = |sample: Sample| read(&sample.build()).expect_err("refused").to_string();
    let text = refused(Sample {
        class: 1,
        machine: 3,
        ..Sample::default()
    });
    assert!(
        text.starts_with("The file is built for x86 (32-bit); this runner runs on "),
        "{text}"
    );
    let text = refused(Sample {
        order: 2,
        machine: 22,
        ..Sample::default()
    });
    assert!(text.contains("s390 (64-bit, big-endian)"), "{text}");
    let library = read(
        &Sample {
            machine: 243,
            ..Sample::default()
        }
        .build(),
    )
    .expect("readable");
    let text = check(&library, "main", &host((2, 36)))
        .expect_err("refused")
        .to_string();
    assert!(text.contains("RISC-V (64-bit)"), "{text}");
}

#[test]
fn glibc_that_is_too_old() {
    let sample = Sample {
        versions: vec![
            ("libc.so.6", "GLIBC_2.34", "dlsym"),
            ("libm.so.6", "GLIBC_2.38", "fmod"),
            ("libc.so.6", "GLIBC_2.4", "x"),
        ],
        ..Sample::default()
    };
    let library = read(&sample.build()).expect("a library");
    assert_eq!(check(&library, "main", &host((2, 38))), Ok(Dialect::C));
    let text = check(&library, "main", &host((2, 36)))
        .expect_err("too new")
        .to_string();
    assert!(
        text.contains("GLIBC_2.38 of glibc (for fmod); here is glibc 2.36"),
        "{text}"
    );
    let unknown = Host {
        glibc: None,
        ..host((0, 0))
    };
    assert_eq!(check(&library, "main", &unknown), Ok(Dialect::C));
}

#[test]
fn version_names() {
    let newest = |names: &[&'static str]| newest_glibc(names.iter().copied());
    assert_eq!(
        newest(&["GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_2.4"]),
        Some((2, 17))
    );
    assert_eq!(
        newest(&["GLIBC_PRIVATE", "GCC_3.0", "GLIBCXX_3.4.30"]),
        None
    );
    assert_eq!(newest(&["GLIBC_ABI_DT_RELR"]), Some((2, 36)));
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused_or_read() {
    let whole = Sample {
        versions: vec![("libc.so.6", "GLIBC_2.34", "dlsym")],
        ..Sample::default()
    }
    .build();
    for length in 0..whole.len() {
        let refusal = read(&whole[..length]).expect_err("cut");
        if length >= 64 {
            assert!(matches!(refusal, Refusal::Truncated { found, needed } if found < needed));
        }
    }
}

#[test]
fn a_file_with_any_byte_changed_never_panics() {
    let whole = Sample {
        versions: vec![("libc.so.6", "GLIBC_2.34", "dlsym")],
        ..Sample::default()
    }
    .build();
    for place in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] = value;
            if let Ok(library) = read(&bytes) {
                let _ = check(&library, "main", &host((2, 36)));
            }
        }
    }
}

#[test]
fn bytes_at_an_odd_address() {
    let mut bytes = vec![0];
    bytes.extend(Sample::default().build());
    assert_eq!(read(&bytes[1..]), Ok(c_library()));
}

#[test]
fn the_c_library_of_this_machine() {
    let path = mapped("libc.so.6").expect("glibc is mapped");
    let library = open(&path).expect("readable");
    assert!(library.exports.binary_search(&"printf".to_owned()).is_ok());
    assert_eq!(library.soname.as_deref(), Some("libc.so.6"));
    let glibc = Host::current().glibc.expect("a version");
    assert!(glibc >= (2, 17) && library.provides.contains(&format!("GLIBC_{}.{}", 2, 17)));
    let bytes = std::fs::read(&path).expect("readable");
    assert_eq!(read(&bytes), Ok(library));
}

#[test]
fn this_test_is_a_program() {
    let path = std::env::current_exe().expect("a path");
    let program = open(&path).expect("readable");
    assert!(program.is_program && program.needed.contains(&"libc.so.6".to_owned()));
    let loader = program.interpreter.unwrap_or_default();
    assert!(loader.contains("/ld-linux"), "{loader}");
    assert!(matches!(
        open(Path::new("/nowhere.so")),
        Err(Refusal::Unreadable { .. })
    ));
    assert_eq!(
        open(Path::new("/")),
        Err(Refusal::NotAnAction { found: "a folder" })
    );
}
