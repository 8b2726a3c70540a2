//! What an image has of its own, or somebody has named: where it is looked for, and what is said of what is there.
//!
//! The places are absolute, so each runner gets a root of its own: the machine's, and beside it the folders of an image.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use black_box::launch::allowed;
use black_box::{Init, Launch, Runner, fixtures};
use serde_json::json;

use super::{how, looped, mute, sdk};

/// Everything of `/` is there again, then what lies in the folder `$2`; the rest of the words is started in there.
const ROOT: &str = r#"
root=$1 image=$2; shift 2
mount -t tmpfs tmpfs "$root"
for place in /*; do
    if [ -L "$place" ]; then cp -P "$place" "$root$place"
    elif [ -d "$place" ]; then mkdir -p "$root$place" && mount --rbind "$place" "$root$place"
    fi
done
cp -r "$image/." "$root/"
exec chroot "$root" "$@"
"#;

/// A folder of files, each with its place in an image.
struct Image(PathBuf);

impl Image {
    /// `None` where the tests may not do such things; the image's own tests do them in any case.
    fn with(files: &[(&str, &Path)]) -> Option<Self> {
        let may = [
            "unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt",
        ];
        if !allowed(&may) {
            return None;
        }
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("black-box-image-{}-{number}", std::process::id());
        let image = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(image.0.join("root")).unwrap();
        fs::create_dir_all(image.0.join("files")).unwrap();
        for (place, file) in files {
            let target = image.place(place);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(file, target).unwrap();
        }
        Some(image)
    }

    fn place(&self, place: &str) -> PathBuf {
        self.0.join("files").join(place.trim_start_matches('/'))
    }

    fn write(&self, place: &str, contents: &str) {
        fs::write(self.place(place), contents).unwrap();
    }

    fn mode(&self, place: &str, mode: u32) {
        fs::set_permissions(self.place(place), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[track_caller]
    fn start(&self) -> Runner {
        let (root, files) = (self.0.join("root"), self.0.join("files"));
        let words = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            ROOT,
            "sh",
            root.to_str().unwrap(),
            files.to_str().unwrap(),
        ];
        Launch::empty().under(&words).start()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_program_in_either_place() {
    for (place, folder) in [
        ("/action/exec", "/action"),
        ("/blackbox/action", "/blackbox"),
    ] {
        let Some(image) = Image::with(&[(place, &sdk())]) else {
            return;
        };
        image.write(&format!("{folder}/data.txt"), "beside it");
        // Its own place, so that it finds what lies beside it; its copy when that may not be executed.
        for (mode, name) in [(0o755, place), (0o644, "/proc/")] {
            image.mode(place, mode);
            let runner = image.start();
            runner.post("/init", "{}").assert_ok(&json!({ "ok": true }));
            let shown = runner.run(&how("show")).assert_status(200).json();
            assert_eq!(
                (&shown["cwd"], &shown["data"]),
                (&json!(folder), &json!("beside it"))
            );
            assert!(
                shown["name"].as_str().unwrap().starts_with(name) || mode == 0o644,
                "{shown}"
            );
            runner.finish().assert_silent(1);
        }
    }
}

#[test]
fn without_init() {
    let Some(image) = Image::with(&[("/action/exec", &looped())]) else {
        return;
    };
    let runner = image.start();
    let value = json!({ "a": 1 });
    runner.run(&value).assert_ok(&value);
    runner.finish().assert_ended(1);
}

/// The library first, then the newer place.
#[test]
fn which_one_is_taken() {
    let library = fixtures::c("identity");
    let Some(image) = Image::with(&[
        ("/action/libaction.so", &library),
        ("/action/exec", &sdk()),
        ("/blackbox/action", &mute()),
    ]) else {
        return;
    };
    let runner = image.start();
    runner.run(&how("show")).assert_ok(&how("show"));
    runner.finish().assert_silent(1);
    fs::remove_file(image.place("/action/libaction.so")).unwrap();
    let runner = image.start();
    let shown = runner.run(&how("show")).assert_status(200).json();
    assert_eq!(shown["name"], "/action/exec");
    runner.finish().assert_silent(1);
}

#[test]
fn nothing_is_there() {
    let Some(image) = Image::with(&[]) else {
        return;
    };
    let runner = image.start();
    runner
        .post("/init", "{}")
        .assert_error(403, "Missing main/no code to execute.");
    let logs = runner.finish();
    logs.assert_ended(0);
    for place in ["/action/libaction.so", "/action/exec", "/blackbox/action"] {
        assert!(logs.err().contains(place), "{}", logs.err());
    }
}

/// What is there and will not do is named by its path, at `/init` and at a run.
#[test]
fn what_will_not_do() {
    let text = fixtures::workspace().join("Cargo.toml");
    let missing = fixtures::missing_dependency();
    for (place, file, words) in [
        ("/action/libaction.so", &text, "The file is text;"),
        ("/action/libaction.so", &missing, "needs libgone.so.1"),
        ("/action/exec", &text, "The file is text;"),
    ] {
        let Some(image) = Image::with(&[(place, file)]) else {
            return;
        };
        let sentence = format!("{place}: ");
        let runner = image.start();
        runner
            .run(&json!({}))
            .assert_names(502, &[&sentence, words]);
        runner
            .post("/init", "{}")
            .assert_names(502, &[&sentence, words]);
        // Code that comes with /init is as good as ever.
        runner.init(&Init::of("identity")).assert_status(200);
        let logs = runner.finish();
        assert!(logs.err().contains(&sentence), "{}", logs.err());
    }
}

/// The same for a file that was named: whoever started the runner is told, and it ends.
#[test]
fn named_and_will_not_do() {
    let text = fixtures::workspace().join("Cargo.toml");
    let (mut command, folder, _) = Launch::baked(&text).command();
    let output = command
        .arg(&text)
        .args(["--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    fs::remove_dir_all(folder).unwrap();
    assert_eq!(output.status.code(), Some(3));
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    let sentence = format!("action-runner: {}: The file is text;", text.display());
    assert!(err.starts_with(&sentence), "{err}");
}

/// By a relative path, from another folder: it runs in its own.
#[test]
fn named_by_a_relative_path() {
    let folder = std::env::temp_dir().join(format!("black-box-named-{}", std::process::id()));
    fs::create_dir_all(folder.join("inner")).unwrap();
    let folder = fs::canonicalize(folder).unwrap();
    fs::copy(sdk(), folder.join("inner/exec")).unwrap();
    fs::write(folder.join("inner/data.txt"), "beside it").unwrap();
    let inside = ["env", "-C", folder.to_str().unwrap()];
    let runner = Launch::baked(Path::new("inner/exec"))
        .under(&inside)
        .start();
    for _ in 0..2 {
        let shown = runner.run(&how("show")).assert_status(200).json();
        let place = folder.join("inner/exec");
        assert_eq!(shown["name"], place.to_str().unwrap());
        assert_eq!(shown["data"], "beside it");
    }
    runner.finish().assert_silent(2);
    fs::remove_dir_all(folder).unwrap();
}
