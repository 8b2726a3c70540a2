use super::*;
use clap::ValueEnum as _;
use std::collections::BTreeSet;

/// A folder of this test's own, gone afterwards.
struct Parent(PathBuf);

impl Parent {
    fn new(test: &str) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("new-{test}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn every_language_is_written_whole() -> Outcome {
    let parent = Parent::new("whole")?;
    for lang in Lang::value_variants() {
        let name = format!("{lang:?}").to_lowercase();
        let folder = parent.0.join(&name);
        write_project(&folder, &name, *lang)?;
        for file in lang.project().files.iter().chain(SHARED) {
            let text = fs::read_to_string(folder.join(file.path))?;
            for left_over in [
                "@NAME@",
                "@BUILD@",
                "@TEST@",
                "@SOURCE@",
                "@LIBRARY@",
                "@DEBUG@",
                "@DEBUG_LIBRARY@",
                ".workspace = true",
            ] {
                assert!(!text.contains(left_over), "{name}/{}", file.path);
            }
        }
        let dockerfile = fs::read_to_string(folder.join("Dockerfile"))?;
        assert_eq!(dockerfile.matches("FROM ").count(), 2, "{name}");
        for json in [".vscode/launch.json", ".vscode/tasks.json", "params.json"] {
            serde_json::from_slice::<serde_json::Value>(&fs::read(folder.join(json))?)?;
        }
    }
    Ok(())
}

/// A source file that is added to the crate must be added to the table of projects.
#[test]
fn a_rust_project_has_every_source_of_action_abi() -> Outcome {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../action-abi");
    let mut found = BTreeSet::new();
    let mut folders = vec![here.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => drop(found.insert(path.strip_prefix(&here)?.to_owned())),
            }
        }
    }
    let carried: BTreeSet<_> = Lang::Rust
        .project()
        .files
        .iter()
        .filter_map(|file| file.path.strip_prefix("action-abi/src/"))
        .map(|path| Path::new("src").join(path))
        .collect();
    assert_eq!(carried, found);
    Ok(())
}

#[test]
fn nothing_is_overwritten() -> Outcome {
    let parent = Parent::new("twice")?;
    let folder = parent.0.join("twice");
    write_project(&folder, "twice", Lang::C)?;
    fs::write(folder.join("action.c"), "mine")?;
    let again = write_project(&folder, "twice", Lang::C);
    assert!(matches!(again, Err(NewError::Exists { .. })));
    assert_eq!(fs::read_to_string(folder.join("action.c"))?, "mine");
    Ok(())
}

#[test]
fn bad_names_are_refused() {
    for name in ["", "1st", "a/b", "..", "a b", "ä", "-x"] {
        assert!(
            matches!(check_name(name), Err(NewError::Name { .. })),
            "{name}"
        );
    }
    for name in ["action", "action-abi"] {
        assert!(
            matches!(check_name(name), Err(NewError::Taken { .. })),
            "{name}"
        );
    }
}

#[test]
fn a_path_is_one_word_of_a_shell() {
    assert_eq!(quoted("/usr/bin/action-runner"), "/usr/bin/action-runner");
    assert_eq!(quoted("/my files/it's"), r"'/my files/it'\''s'");
}
