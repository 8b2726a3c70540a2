//! The command line: a command, then flags with their values.

use std::collections::HashMap;
use std::path::PathBuf;

#[derive(Default)]
pub struct Flags(HashMap<String, String>);

impl Flags {
    /// Without a command it is the first of them.
    pub fn read() -> (String, Self) {
        let mut words = std::env::args().skip(1).peekable();
        let command = words.next_if(|word| !word.starts_with("--")).unwrap_or_default();
        let mut flags = HashMap::new();
        while let Some(word) = words.next() {
            let value = words.next_if(|word| !word.starts_with("--")).unwrap_or_default();
            flags.insert(word, value);
        }
        (command, Self(flags))
    }

    pub fn has(&self, flag: &str) -> bool {
        self.0.contains_key(flag)
    }

    pub fn text(&self, flag: &str) -> Option<&str> {
        self.0.get(flag).map(String::as_str)
    }

    pub fn path(&self, flag: &str) -> PathBuf {
        self.text(flag).map(PathBuf::from).unwrap_or_default()
    }

    pub fn number(&self, flag: &str) -> Option<usize> {
        self.text(flag)?.parse().ok()
    }

    /// The shortest edition: to see that it works, not what the figures are.
    pub fn is_quick(&self) -> bool {
        self.has("--quick")
    }

    /// This much, or that in the short edition.
    pub fn extent<T>(&self, full: T, quick: T) -> T {
        if self.is_quick() { quick } else { full }
    }
}
