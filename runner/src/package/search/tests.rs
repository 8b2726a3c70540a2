use super::*;
use crate::package::elf::sample::{RUNPATH, Sample};

fn needs(names: Vec<&'static str>, runpath: &str) -> Binary {
    let sample = Sample {
        needed: names,
        texts: vec![(RUNPATH, runpath.to_owned())],
        ..Sample::default()
    };
    elf::read(&sample.build()).expect("a library")
}

#[test]
fn what_is_loaded_is_not_missing() {
    let library = needs(vec!["libc.so.6"], "");
    assert_eq!(missing(&library, Path::new("/x.so")), Vec::<String>::new());
    assert!(find("libc.so.6", &library, Path::new("/x.so")).is_some());
}

#[test]
fn what_is_nowhere_is_missing() {
    let library = needs(vec!["libnowhere.so.1", "libc.so.6"], "/opt");
    assert_eq!(missing(&library, Path::new("/x.so")), ["libnowhere.so.1"]);
    assert_eq!(find("libnowhere.so.1", &library, Path::new("/x.so")), None);
}

#[test]
fn beside_the_library_and_onwards() {
    let folder = std::env::temp_dir().join(format!("action-search-{}", std::process::id()));
    fs::create_dir_all(folder.join("lib")).expect("a folder");
    let path = folder.join("libaction.so");
    let library = needs(vec!["libbeside.so"], "$ORIGIN/lib");
    assert_eq!(missing(&library, &path), ["libbeside.so"]);
    let beside = Sample {
        needed: vec!["libfurther.so"],
        ..Sample::default()
    };
    fs::write(folder.join("lib/libbeside.so"), beside.build()).expect("written");
    assert_eq!(missing(&library, &path), ["libfurther.so"]);
    let other = Sample {
        machine: 243,
        ..Sample::default()
    };
    fs::write(folder.join("lib/libbeside.so"), other.build()).expect("written");
    assert_eq!(missing(&library, &path), ["libbeside.so"]);
    fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn the_loaders_words_become_sentences() {
    let library = needs(vec!["libc.so.6"], "");
    let say = |text: &str| explain(text, &library, Path::new("/x.so")).to_string();
    let cpp = say("libstdc++.so.6: cannot open shared object file: No such file or directory");
    assert!(
        cpp.contains("needs libstdc++.so.6") && cpp.contains("action-runner:cc"),
        "{cpp}"
    );
    assert!(say("/x.so: undefined symbol: frobnicate").contains("uses frobnicate, which"));
    assert!(say("/x.so: undefined symbol: f, version V_1").contains("uses f, which"));
    let old = say("/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /x.so)");
    assert!(
        old.contains(
            "needs GLIBCXX_3.4.32 of libstdc++.so.6 (for the library); here is /lib/libstdc++.so.6"
        ),
        "{old}"
    );
    assert!(say("something else").starts_with("The library could not be loaded: something else. "));
    assert!(
        explain(
            "x",
            &needs(vec!["libc.musl-x86_64.so.1"], ""),
            Path::new("/x.so")
        )
        .to_string()
        .contains("musl")
    );
}
