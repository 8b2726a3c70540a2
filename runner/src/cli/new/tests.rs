use super::*;
use clap::ValueEnum as _;

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
        write_project(&folder, &name, *lang, None)?;
        for file in lang.project().files.iter().chain(SHARED) {
            let text = fs::read_to_string(folder.join(file.path))?;
            for left_over in [
                "@NAME@",
                "@ABI@",
                "@BUILD@",
                "@TEST@",
                "@SOURCE@",
                "@LIBRARY@",
            ] {
                assert!(!text.contains(left_over), "{name}/{}", file.path);
            }
        }
        let dockerfile = fs::read_to_string(folder.join("Dockerfile"))?;
        assert_eq!(dockerfile.lines().count(), 2);
    }
    Ok(())
}

#[test]
fn nothing_is_overwritten() -> Outcome {
    let parent = Parent::new("twice")?;
    let folder = parent.0.join("twice");
    write_project(&folder, "twice", Lang::C, None)?;
    fs::write(folder.join("action.c"), "mine")?;
    let again = write_project(&folder, "twice", Lang::C, None);
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
fn rust_finds_action_abi_by_version_or_folder() -> Outcome {
    assert_eq!(
        dependency(None)?,
        format!("{:?}", env!("CARGO_PKG_VERSION"))
    );
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(dependency(Some(here))?.starts_with("{ path = \"/"));
    let nowhere = dependency(Some(Path::new("no/such/folder")));
    assert!(matches!(nowhere, Err(NewError::AbiPath { .. })));
    Ok(())
}
