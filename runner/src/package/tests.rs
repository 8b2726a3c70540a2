//! Archives and other deliveries, good and broken by hand.

use super::elf::sample::Sample;
use super::*;
use crate::refusal::{BadRequest, LoadRefusal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

type Writer = ZipWriter<Cursor<Vec<u8>>>;

/// A scratch folder that does not exist yet, and must not exist any more after a refusal.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("action-package-{}-{number}", std::process::id())))
    }

    fn take(&self, bytes: &[u8]) -> Result<Package, Refused> {
        receive(&STANDARD.encode(bytes), &self.0, &Limits::default())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The refusal, after which nothing may be left.
fn refusal(bytes: &[u8]) -> PackageRefusal {
    let scratch = Scratch::new();
    let refused = scratch.take(bytes).expect_err("refused");
    assert!(
        !scratch.0.exists(),
        "{refused} left {}",
        scratch.0.display()
    );
    match refused {
        Refused::Package(refusal) => refusal,
        other => panic!("{other}"),
    }
}

fn library() -> Vec<u8> {
    Sample::default().build()
}

fn helper_sample() -> Sample {
    Sample {
        functions: vec!["help"],
        ..Sample::default()
    }
}

fn helper() -> Vec<u8> {
    helper_sample().build()
}

fn program() -> Vec<u8> {
    Sample {
        kind: 2,
        ..helper_sample()
    }
    .build()
}

fn deflated() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    write(&mut writer);
    writer.finish().expect("an archive").into_inner()
}

fn add(writer: &mut Writer, name: &str, contents: &[u8], options: SimpleFileOptions) {
    writer.start_file(name, options).expect("an entry");
    writer.write_all(contents).expect("written");
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    written(|writer| {
        for (name, contents) in files {
            add(writer, name, contents, deflated().unix_permissions(0o644));
        }
    })
}

/// Replaces every occurrence, in the local headers and in the central list.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut place = 0;
    while place + from.len() <= bytes.len() {
        if bytes[place..].starts_with(from) {
            bytes[place..place + to.len()].copy_from_slice(to);
        }
        place += 1;
    }
    bytes
}

#[test]
fn a_library_goes_into_memory() {
    let scratch = Scratch::new();
    let package = scratch.take(&library()).expect("a package");
    assert_eq!(fs::read(&package.path).expect("readable"), library());
    assert!(package.file.is_some() && package.directory.is_none() && !scratch.0.exists());
    let dialect = package.code.binary().and_then(|library| library.dialect);
    assert_eq!(dialect, Some(elf::Dialect::C));
}

#[test]
fn an_archive_with_only_the_library_needs_no_folder() {
    for name in [
        "libaction.so",
        "whatever.so",
        "x/libaction.so",
        "a/b/c.so",
        "plain",
        "./libaction.so",
    ] {
        let scratch = Scratch::new();
        let archive = zip_of(&[(name, &library()), ("__MACOSX/._x.so", b"junk")]);
        let package = scratch.take(&archive).expect(name);
        assert_eq!(fs::read(&package.path).expect("readable"), library());
        assert!(package.directory.is_none() && !scratch.0.exists());
        assert!(package.origin.ends_with(" in the archive"));
    }
}

#[test]
fn companions_are_unpacked_beside_it() {
    let scratch = Scratch::new();
    let archive = written(|writer| {
        writer.add_directory("empty/", stored()).expect("a folder");
        add(writer, "data.txt", b"words", deflated());
        add(
            writer,
            "bin/tool",
            b"#!/bin/sh\n",
            stored().unix_permissions(0o755),
        );
        add(
            writer,
            "libaction.so",
            &library(),
            deflated().unix_permissions(0o600),
        );
        writer
            .add_symlink("bin/again", "tool", stored())
            .expect("a link");
        writer
            .add_symlink("bin/up", "../data.txt", stored())
            .expect("a link");
    });
    let package = scratch.take(&archive).expect("a package");
    let folder = package.directory.expect("a folder");
    assert_eq!(package.path, folder.join("libaction.so"));
    assert_eq!(fs::read(&package.path).expect("readable"), library());
    assert_eq!(fs::read(folder.join("bin/up")).expect("readable"), b"words");
    assert_eq!(
        fs::read(folder.join("bin/again")).expect("readable"),
        b"#!/bin/sh\n"
    );
    assert!(folder.join("empty").is_dir());
    let mode = fs::metadata(folder.join("bin/tool"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o100, 0o100);
    let second = scratch.take(&archive).expect("a second package");
    assert_ne!(second.directory, Some(folder));
}

#[test]
fn which_one_is_the_action() {
    let chosen = |files: &[(&str, &[u8])]| {
        let scratch = Scratch::new();
        let package = scratch.take(&zip_of(files)).expect("a package");
        package
            .origin
            .trim_end_matches(" in the archive")
            .to_owned()
    };
    let (library, helper) = (library(), helper());
    assert_eq!(
        chosen(&[("a.so", &helper), ("libaction.so", &library)]),
        "libaction.so"
    );
    assert_eq!(
        chosen(&[("b.so", &library), ("x/libaction.so", &library)]),
        "b.so"
    );
    assert_eq!(chosen(&[("a.so", &helper), ("b.so", &library)]), "b.so");
    assert_eq!(
        chosen(&[("x/a.so", &library), ("x/libaction.so", &library)]),
        "x/libaction.so"
    );
    assert_eq!(
        chosen(&[("a.so", &library), ("libhelper.so.1", &helper)]),
        "a.so"
    );
    assert_eq!(
        chosen(&[("action", &library), ("data.txt", b"words")]),
        "action"
    );
}

/// A library that is an action is taken before a program; others may be the program's own.
#[test]
fn a_library_or_a_program() {
    let chosen = |files: &[(&str, &[u8])]| {
        let scratch = Scratch::new();
        let package = scratch.take(&zip_of(files)).expect("a package");
        let name = package.origin.trim_end_matches(" in the archive");
        (name.to_owned(), matches!(package.code, Code::Program(_)))
    };
    let (library, helper, program) = (library(), helper(), program());
    let exec = ("exec".to_owned(), true);
    assert_eq!(chosen(&[("exec", &program)]), exec);
    assert_eq!(chosen(&[("exec", b"#!/bin/sh\n")]), exec);
    assert_eq!(chosen(&[("exec", &library)]), ("exec".to_owned(), false));
    for own in ["help.so", "lib/help.so", "lib/libhelp.so.1", "data.txt"] {
        assert_eq!(chosen(&[("exec", &program), (own, &helper)]), exec, "{own}");
    }
    for action in ["libaction.so", "hello.so", "x/libaction.so"] {
        let files = [
            ("exec", &*program),
            ("help.so.1", &helper),
            (action, &library),
        ];
        assert_eq!(chosen(&files), (action.to_owned(), false));
    }
    let two = [("exec", &*program), ("a.so", &library), ("b.so", &library)];
    assert!(matches!(
        refusal(&zip_of(&two)),
        PackageRefusal::SeveralLibraries { .. }
    ));
    // Named as the action: then that is what somebody wants to hear of.
    let named = Scratch::new().take(&zip_of(&[("exec", &program), ("libaction.so", b"x")]));
    assert!(matches!(named, Err(Refused::Library(_))));
}

#[test]
fn a_program_may_be_executed_whatever_its_mode() {
    let scratch = Scratch::new();
    let archive = zip_of(&[("exec", &program()), ("data.txt", b"words")]);
    let package = scratch.take(&archive).expect("a package");
    assert_eq!(
        package.directory.as_deref(),
        package.path.parent(),
        "its folder"
    );
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode();
    assert_eq!(mode(&package.path) & 0o777, 0o755);
}

#[test]
fn a_script_is_sent_as_it_is_or_encoded() {
    let scratch = Scratch::new();
    let script = "#!/bin/sh\necho '{}'\n";
    let limits = Limits::default();
    for code in [script.to_owned(), STANDARD.encode(script)] {
        let package = receive(&code, &scratch.0, &limits).expect("a package");
        let Code::Program(program) = &package.code else {
            panic!("{package:?}");
        };
        assert_eq!(program.interpreter(), Some("/bin/sh"));
        assert_eq!(
            fs::read(&package.path).expect("readable"),
            script.as_bytes()
        );
        assert!(package.directory.is_none() && !scratch.0.exists());
    }
}

#[test]
fn several_or_none() {
    let (library, helper) = (library(), helper());
    let several = PackageRefusal::SeveralLibraries {
        candidates: vec!["a.so".into(), "b.so".into()],
    };
    assert_eq!(
        refusal(&zip_of(&[("a.so", &library), ("b.so", &library)])),
        several
    );
    assert_eq!(
        refusal(&zip_of(&[("a.so", &helper), ("b.so", &helper)])),
        several
    );
    let none = refusal(&zip_of(&[("data.txt", b"words"), ("main.py", b"pass")]));
    assert_eq!(
        none,
        PackageRefusal::NoLibrary {
            entries: vec!["data.txt".into(), "main.py".into()]
        }
    );
    assert!(
        none.to_string()
            .starts_with("Zip file does not include a shared library: ")
    );
    let nested = refusal(&zip_of(&[("x/exec", b"#!/bin/sh\n")]));
    let sentence = "libaction.so at its root is expected, or a program named exec; it has x/exec.";
    assert!(nested.to_string().contains(sentence), "{nested}");
    let folders = written(|writer| writer.add_directory("x/", stored()).expect("a folder"));
    assert!(matches!(
        refusal(&folders),
        PackageRefusal::NoLibrary { .. }
    ));
}

#[test]
fn empty_things() {
    assert_eq!(refusal(b""), PackageRefusal::Nothing);
    assert_eq!(refusal(&written(|_| {})), PackageRefusal::EmptyArchive);
    let scratch = Scratch::new();
    let empty = scratch.take(&zip_of(&[("libaction.so", b"")]));
    assert_eq!(
        empty.expect_err("refused"),
        LoadRefusal::NotAnAction { found: "empty" }.into()
    );
    let empty = scratch.take(&zip_of(&[("libaction.so", b""), ("data.txt", b"words")]));
    assert!(matches!(empty, Err(Refused::Library(_))) && !scratch.0.exists());
}

#[test]
fn neither_a_library_nor_an_archive() {
    assert_eq!(
        refusal(b"garbage"),
        PackageRefusal::NotAPackage { found: "text" }
    );
    assert!(refusal(b"\x1f\x8b\x08\0").to_string().contains("gzip"));
    assert_eq!(
        refusal(STANDARD.encode(library()).as_bytes()),
        PackageRefusal::EncodedTwice
    );
    let scratch = Scratch::new();
    let receive = |code: &str| receive(code, &scratch.0, &Limits::default()).expect_err("refused");
    assert!(matches!(
        receive("!!!!"),
        Refused::Request(BadRequest::Base64Character { offset: 0, .. })
    ));
    assert!(matches!(
        receive("\u{7f}ELF\u{2}"),
        Refused::Package(PackageRefusal::Mangled { .. })
    ));
    assert!(matches!(
        receive("fn main(){}"),
        Refused::Package(PackageRefusal::SourceText)
    ));
}

#[test]
fn names_that_lead_outside() {
    let archive = zip_of(&[("0123456789.txt", b"slip"), ("libaction.so", &library())]);
    for name in [
        "../../slip.txt",
        "/tmp/slipp.txt",
        "a/../../slip.t",
        "C:/windows/x.t",
        "..\\..\\slip.txt",
        "..",
        "a/..",
        "a\0b/012345.txt",
    ] {
        let place = "./".repeat((14 - name.len()) / 2) + name;
        let archive = replaced(&archive, b"0123456789.txt", place.as_bytes());
        let said = refusal(&archive);
        assert!(
            matches!(said, PackageRefusal::UnsafePath { .. }),
            "{name}: {said}"
        );
    }
}

#[test]
fn links_that_lead_outside() {
    for (name, target) in [
        ("x", "/etc/passwd"),
        ("x", ".."),
        ("x", "../y"),
        ("a/x", "../../y"),
        ("x", "a/../../y"),
        ("x", ""),
        ("x", "./.."),
    ] {
        let archive = written(|writer| {
            add(writer, "libaction.so", &library(), deflated());
            writer.add_symlink(name, target, stored()).expect("a link");
        });
        let said = refusal(&archive);
        assert!(
            matches!(said, PackageRefusal::LinkOutside { .. }),
            "{name} -> {target}: {said}"
        );
    }
}

#[test]
fn two_things_in_one_place() {
    let below_a_link = written(|writer| {
        add(writer, "libaction.so", &library(), deflated());
        writer.add_symlink("x", "y", stored()).expect("a link");
        add(writer, "x/slip.txt", b"slip", deflated());
    });
    assert_eq!(
        refusal(&below_a_link),
        PackageRefusal::Ambiguous { entry: "x".into() }
    );
    let file_and_folder = zip_of(&[("libaction.so", &library()), ("x", b"1"), ("x/y", b"2")]);
    assert_eq!(
        refusal(&file_and_folder),
        PackageRefusal::Ambiguous { entry: "x".into() }
    );
    let spelled_twice = zip_of(&[("libaction.so", &library()), ("x", b"1"), ("./x", b"2")]);
    assert_eq!(
        refusal(&spelled_twice),
        PackageRefusal::Ambiguous { entry: "x".into() }
    );
    let same = replaced(
        &zip_of(&[("libaction.so", &library()), ("xa", b"1"), ("xb", b"2")]),
        b"xb",
        b"xa",
    );
    assert_eq!(refusal(&same), PackageRefusal::DuplicateNames);
}

#[test]
fn damaged_archives() {
    let whole = zip_of(&[("libaction.so", &library()), ("data.txt", b"words")]);
    for length in 4..whole.len() {
        assert!(
            matches!(
                refusal(&whole[..length]),
                PackageRefusal::DamagedArchive { .. }
            ),
            "{length}"
        );
    }
    let plain = written(|writer| {
        add(writer, "libaction.so", &library(), stored());
        add(writer, "data.txt", b"some words", stored());
    });
    let said = refusal(&replaced(&plain, b"some words", b"same words"));
    assert!(
        matches!(&said, PackageRefusal::DamagedEntry { entry, .. } if entry == "data.txt"),
        "{said}"
    );
    assert!(said.to_string().starts_with("Unable to decompress package"));
}

#[test]
fn an_archive_with_any_byte_changed_never_panics() {
    let whole = zip_of(&[("libaction.so", &library()), ("data.txt", b"words")]);
    let scratch = Scratch::new();
    for place in 0..whole.len() {
        for value in [0, 1, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] = value;
            let _ = from_bytes(&bytes, &scratch.0, &Limits::default());
        }
    }
}

#[test]
fn encrypted_and_unknown_methods() {
    let plain = written(|writer| add(writer, "libaction.so", &library(), stored()));
    let central = plain
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .expect("a list");
    let mut encrypted = plain.clone();
    encrypted[6] |= 1;
    encrypted[central + 8] |= 1;
    assert_eq!(
        refusal(&encrypted),
        PackageRefusal::Encrypted {
            entry: "libaction.so".into()
        }
    );
    let mut bzip2 = plain.clone();
    bzip2[8] = 12;
    bzip2[central + 10] = 12;
    assert!(matches!(
        refusal(&bzip2),
        PackageRefusal::Compression { .. }
    ));
}

#[test]
fn bombs() {
    let scratch = Scratch::new();
    let limits = Limits {
        size: 10_000,
        entries: 3,
    };
    let take = |bytes: &[u8]| match from_bytes(bytes, &scratch.0, &limits) {
        Err(Refused::Package(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let large = zip_of(&[("libaction.so", &library()), ("zeros", &[0; 10_000])]);
    assert_eq!(take(&large), PackageRefusal::TooLarge { limit: 10_000 });
    let many = zip_of(&[("a", b""), ("b", b""), ("c", b""), ("d", b"")]);
    assert_eq!(
        take(&many),
        PackageRefusal::TooManyEntries { found: 4, limit: 3 }
    );
    // One that lies about its size.
    let liar = zip_of(&[("libaction.so", &library()), ("zeros", &[0; 9_000])]);
    let liar = replaced(&liar, &9_000_u32.to_le_bytes(), &10_u32.to_le_bytes());
    assert!(matches!(take(&liar), PackageRefusal::DamagedEntry { .. }));
    assert!(!scratch.0.exists());
}

#[test]
fn nowhere_to_unpack() {
    let archive = zip_of(&[("libaction.so", &library()), ("data.txt", b"words")]);
    let refused = from_bytes(&archive, Path::new("/dev/null/x"), &Limits::default());
    let Err(Refused::Package(said @ PackageRefusal::NowhereToUnpack { .. })) = refused else {
        panic!("{refused:?}");
    };
    assert!(said.to_string().contains("/dev/null/x"), "{said}");
}
