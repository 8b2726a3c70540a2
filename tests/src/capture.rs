//! What a runner prints, kept as it arrives and awaitable.
//!
//! One thread reads each stream. A test waits for a number of sentinels, for a line, or for the end of the stream, and
//! never looks at what merely happens to have arrived: the bytes are in the pipe before the answer is on the wire, but the
//! reading thread may lag behind.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crate::LIMIT;

/// The line that ends an activation on each stream.
pub const SENTINEL: &str = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";

#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    ended: bool,
}

/// One stream of a runner.
#[derive(Clone)]
pub struct Capture {
    shared: Arc<(Mutex<Text>, Condvar)>,
}

impl Capture {
    /// Reads the stream to its end on a thread of its own.
    pub fn of(mut stream: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Text::default()), Condvar::new()));
        let capture = Self { shared };
        let writer = capture.clone();
        std::thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            loop {
                let count = stream.read(&mut piece).unwrap_or(0);
                let mut text = writer.shared.0.lock().unwrap();
                text.bytes.extend_from_slice(&piece[..count]);
                text.ended = count == 0;
                writer.shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        capture
    }

    /// Waits until `found` sees what it looks for, and gives what it made of it. None: the stream ended, or the limit passed.
    fn until<T>(&self, mut found: impl FnMut(&[u8], bool) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + LIMIT;
        let mut text = self.shared.0.lock().unwrap();
        loop {
            if let Some(result) = found(&text.bytes, text.ended) {
                return Some(result);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if text.ended || left.is_zero() {
                return None;
            }
            text = self.shared.1.wait_timeout(text, left).unwrap().0;
        }
    }

    /// The rest of the first line that starts with `prefix`, and the line is taken out. Err: all that came instead.
    pub fn take_line(&self, prefix: &str) -> Result<String, String> {
        let found = self.until(|bytes, _| {
            let text = std::str::from_utf8(bytes).ok()?;
            let start = text
                .match_indices(prefix)
                .map(|(at, _)| at)
                .find(|&at| at == 0 || bytes[at - 1] == b'\n')?;
            let end = start + text[start..].find('\n')?;
            Some((start, end, text[start + prefix.len()..end].to_owned()))
        });
        let mut text = self.shared.0.lock().unwrap();
        let Some((start, end, rest)) = found else {
            return Err(String::from_utf8_lossy(&text.bytes).into_owned());
        };
        text.bytes.drain(start..=end);
        Ok(rest)
    }

    /// All bytes up to and with the sentinel number `count`.
    #[track_caller]
    pub fn until_sentinels(&self, count: usize) -> Vec<u8> {
        let found =
            self.until(|bytes, _| end_of_sentinel(bytes, count).map(|end| bytes[..end].to_vec()));
        found.unwrap_or_else(|| {
            panic!(
                "no {count} sentinels in:\n{}",
                String::from_utf8_lossy(&self.so_far())
            )
        })
    }

    /// Waits for `text` to appear.
    #[track_caller]
    pub fn until_text(&self, text: &str) {
        let found = self.until(|bytes, _| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
                .then_some(())
        });
        assert!(
            found.is_some(),
            "no {text:?} in:\n{}",
            String::from_utf8_lossy(&self.so_far())
        );
    }

    /// Everything, once the stream has ended.
    #[track_caller]
    pub fn whole(&self) -> Vec<u8> {
        let ended = self.until(|bytes, ended| ended.then(|| bytes.to_vec()));
        ended.unwrap_or_else(|| {
            panic!(
                "the stream is still open; so far:\n{}",
                String::from_utf8_lossy(&self.so_far())
            )
        })
    }

    /// What has arrived by now: for messages of failing tests.
    pub fn so_far(&self) -> Vec<u8> {
        self.shared.0.lock().unwrap().bytes.clone()
    }
}

fn end_of_sentinel(bytes: &[u8], count: usize) -> Option<usize> {
    let mut end = 0;
    let mut seen = 0;
    while seen < count {
        let newline = bytes[end..].iter().position(|&byte| byte == b'\n')?;
        let line = &bytes[end..end + newline];
        end += newline + 1;
        seen += usize::from(line.ends_with(SENTINEL.as_bytes()));
    }
    Some(end)
}

/// Both streams of a runner that has gone, without the line that told its address.
pub struct Logs {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Logs {
    /// Each stream ended `count` activations, and each sentinel stands alone on its line.
    #[track_caller]
    pub fn assert_ended(&self, count: usize) -> &Self {
        for (name, bytes) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let text = String::from_utf8_lossy(bytes);
            let alone = text.lines().filter(|line| *line == SENTINEL).count();
            let anywhere = text.matches(SENTINEL).count();
            assert_eq!(
                (alone, anywhere),
                (count, count),
                "sentinels (alone on a line, anywhere) on {name}:\n{text}"
            );
        }
        self
    }

    /// As `assert_ended`, and nothing else was printed.
    #[track_caller]
    pub fn assert_silent(&self, count: usize) -> &Self {
        self.assert_ended(count);
        assert_eq!(
            (self.out(), self.err()),
            (String::new(), String::new()),
            "stdout and stderr without sentinels"
        );
        self
    }

    /// stdout without its sentinels, trimmed.
    pub fn out(&self) -> String {
        without_sentinels(&self.stdout)
    }

    /// stderr without its sentinels, trimmed.
    pub fn err(&self) -> String {
        without_sentinels(&self.stderr)
    }
}

fn without_sentinels(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<_> = text.lines().filter(|line| *line != SENTINEL).collect();
    lines.join("\n").trim().to_owned()
}
