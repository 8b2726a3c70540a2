//! What this process has mapped for itself.
#![expect(unsafe_code, reason = "advice about memory")]

use std::fs;
use std::ops::Range;
use std::ptr;

/// Private memory that can be read, as it was when it was looked up.
#[derive(Debug, PartialEq)]
pub struct Mapping {
    range: Range<usize>,
    /// Does it come from a file, and can it be executed and not written?
    is_code: bool,
}

/// All of this process but its stack, which could not grow beyond the limit of locked memory.
pub fn mappings() -> Vec<Mapping> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().filter_map(Mapping::parse).collect()
}

impl Mapping {
    /// A line of `/proc/self/maps`: addresses, permissions, offset, device, inode, path.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let permissions = words.next()?;
        let path = words.nth(3).unwrap_or_default();
        let address = |digits| usize::from_str_radix(digits, 16).ok();
        let mapping = Self {
            range: address(start)?..address(end)?,
            is_code: permissions == "r-xp" && path.starts_with('/'),
        };
        let is_private = permissions.starts_with('r') && permissions.ends_with('p');
        (is_private && path != "[stack]").then_some(mapping)
    }

    /// Lets go of its pages, if it is code. What is used again comes from its file again.
    pub fn drop_code(&self) {
        if self.is_code {
            let start = ptr::without_provenance_mut(self.range.start);
            // SAFETY: pages of a file that nobody may write hold what the file holds, so that whoever reads or executes
            // them afterwards finds the same. Whatever stands at these addresses by now, if they were mapped anew, is
            // this process's one thread's doing, which makes this call.
            let _ = unsafe { libc::madvise(start, self.range.len(), libc::MADV_DONTNEED) };
        }
    }

    /// Keeps its pages in memory, each from its first use on. Refused beyond the limit of locked memory.
    pub fn lock_what_is_used(&self) {
        let start = ptr::without_provenance(self.range.start);
        // SAFETY: reads and writes nothing; where not all of it is mapped any more, it fails.
        let _ = unsafe { libc::mlock2(start, self.range.len(), libc::MLOCK_ONFAULT) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_memory_is_found_and_code_is_told_from_data() {
        for (line, is_code) in [
            (
                "1000-3000 r-xp 0006d000 00:27 896532    /bin/a runner",
                true,
            ),
            (
                "1000-3000 r--p 0020c000 00:27 896532    /bin/a runner",
                false,
            ),
            (
                "1000-3000 rwxp 0006d000 00:27 896532    /bin/a runner",
                false,
            ),
            ("1000-3000 r-xp 00000000 00:00 0         [vdso]", false),
            ("1000-3000 rw-p 00000000 00:00 0 ", false),
        ] {
            let range = 0x1000..0x3000;
            assert_eq!(
                Mapping::parse(line),
                Some(Mapping { range, is_code }),
                "{line}"
            );
        }
        for line in [
            "1000-3000 rw-s 00000000 00:01 920    /dev/zero (deleted)",
            "1000-3000 ---p 00000000 00:00 0",
            "1000-3000 rw-p 00000000 00:00 0     [stack]",
            "1000-3000",
            "x-y r-xp 0 0 0 /bin/a",
            "",
        ] {
            assert_eq!(Mapping::parse(line), None, "{line}");
        }
    }
}
