use super::*;
use crate::package::elf::sample::Sample;

fn contract_of(mut contents: &[u8]) -> Contract {
    contract(&mut contents).expect("readable")
}

#[test]
fn contracts_by_what_is_compiled_in() {
    let loops = |acknowledges| Contract::ActionLoop { acknowledges };
    assert_eq!(contract_of(b"\x7fELF..__OW_WAIT_FOR_ACK.."), loops(true));
    assert_eq!(contract_of(b"..><{ \"ok\": true}%s,..."), loops(true));
    assert_eq!(contract_of(b"..until pc='<<<%s'<<<, bound"), loops(false));
    assert!(MARKS.iter().all(|(mark, _)| mark.len() <= LONGEST));
    assert_eq!(
        contract_of(b"\x7fELF..Error writing on fd3.."),
        loops(false)
    );
    assert_eq!(
        contract_of(b"\x7fELF..__OW_ACTIVATION_ID.."),
        Contract::DockerSdk
    );
    assert_eq!(contract_of(b""), Contract::DockerSdk);
}

/// Wherever it stands: also across two blocks.
#[test]
fn a_mark_anywhere() {
    for place in [
        0,
        1,
        BLOCK - 17,
        BLOCK - 16,
        BLOCK - 1,
        BLOCK,
        3 * BLOCK - 5,
    ] {
        let mut contents = vec![b'_'; 4 * BLOCK];
        contents[place..place + 17].copy_from_slice(MARKS[0].0.as_bytes());
        let found = contract_of(&contents);
        assert_eq!(
            found,
            Contract::ActionLoop { acknowledges: true },
            "{place}"
        );
        contents[place + 16] = b'_';
        assert_eq!(contract_of(&contents), Contract::DockerSdk, "{place}");
    }
}

#[test]
fn interpreters_of_scripts() {
    for (start, path) in [
        ("#!/bin/sh\necho", "/bin/sh"),
        ("#! \t/usr/bin/env python3 -u\n", "/usr/bin/env"),
        ("#!/bin/sh\r\n", "/bin/sh\r"),
        ("#!/bin/sh", "/bin/sh"),
        ("#!", ""),
        ("#!\n/bin/sh", ""),
    ] {
        let Form::Script { interpreter } = Form::script(start.as_bytes()) else {
            panic!("{start:?} is no script");
        };
        assert_eq!(interpreter, path, "{start:?}");
    }
}

/// Only glibc's own loader looks where `search` does.
#[test]
fn libraries_that_are_missing() {
    let host = Host::current();
    let program = |interpreter: Option<&str>| {
        let sample = Sample {
            needed: vec!["libnowhere.so.7"],
            kind: 2,
            ..Sample::default()
        };
        let mut binary = elf::read(&sample.build()).expect("a program");
        binary.interpreter = interpreter.map(str::to_owned);
        Program {
            copy: Some(PathBuf::new()),
            ..Program::new(Form::Binary(Box::new(binary)), &mut io::empty())
        }
    };
    let here = std::env::current_exe().expect("a path");
    let ours = elf::open(&here).expect("readable").interpreter;
    let refused = program(ours.as_deref()).check(&here, &host);
    assert!(matches!(refused, Err(LoadRefusal::MissingLibrary { .. })));
    assert_eq!(program(Some("/proc/self/exe")).check(&here, &host), Ok(()));
    let refused = program(Some("/lib/ld-absent.so.1")).check(&here, &host);
    assert!(refused.is_err_and(|refusal| refusal.to_string().contains("/lib/ld-absent.so.1")));
}
