//! What a piece of data is, by its first bytes. The platform's own flag (`binary`) is not asked: it guesses.

use super::program::is_script;

/// The kinds that can hold an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Elf,
    Script,
    Zip,
}

pub(super) fn of(bytes: &[u8]) -> Option<Kind> {
    const ZIP: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"];
    if bytes.starts_with(b"\x7fELF") {
        return Some(Kind::Elf);
    }
    if is_script(bytes) {
        return Some(Kind::Script);
    }
    ZIP.iter()
        .any(|magic| bytes.starts_with(magic))
        .then_some(Kind::Zip)
}

/// The name of what somebody sent or named by mistake, as it stands after "The file is".
pub(super) fn describe(bytes: &[u8]) -> &'static str {
    const KNOWN: [(&[u8], &str); 18] = [
        (b"PK\x03\x04", "a zip archive"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"PK\x07\x08", "a zip archive"),
        (b"\x1f\x8b", "gzip data (a .tar.gz perhaps)"),
        (b"BZh", "bzip2 data"),
        (b"\xfd7zXZ\0", "xz data"),
        (b"\x28\xb5\x2f\xfd", "zstd data"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"!<arch>\n", "a static archive (.a or .rlib)"),
        (b"!<thin>\n", "a static archive (.a)"),
        (b"MZ", "a Windows program or library"),
        (b"\xcf\xfa\xed\xfe", "a macOS program or library (Mach-O)"),
        (b"\xce\xfa\xed\xfe", "a macOS program or library (Mach-O)"),
        (
            b"\xca\xfe\xba\xbe",
            "a Java class or a macOS universal file",
        ),
        (b"\0asm", "a WebAssembly module"),
        (b"BC\xc0\xde", "LLVM bitcode"),
        (
            b"version https://git-lfs",
            "a Git LFS pointer, not the file itself",
        ),
        (b"\x7fELF", "an ELF file"),
    ];
    if bytes.is_empty() {
        return "empty";
    }
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return name;
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return "a tar archive";
    }
    let start = &bytes[..bytes.len().min(512)];
    // The last character may be cut.
    let is_text = match std::str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    let printable = |byte: &u8| *byte >= b' ' || byte.is_ascii_whitespace();
    match is_text && start.iter().all(printable) {
        true => "text",
        false => "neither an action nor an archive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_bytes() {
        assert_eq!(of(b"\x7fELF\x02"), Some(Kind::Elf));
        assert_eq!(of(b"#!/bin/sh\n"), Some(Kind::Script));
        for zip in [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"] {
            assert_eq!(of(zip), Some(Kind::Zip));
        }
        for other in [&b""[..], b"PK", b"PK\x01\x02", b"\x7fEL", b"garbage"] {
            assert_eq!(of(other), None);
        }
    }

    #[test]
    fn descriptions() {
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let cut = "☃".repeat(300);
        let rows: [(&[u8], &str); 9] = [
            (b"", "empty"),
            (b"garbage", "text"),
            (cut.as_bytes(), "text"),
            (b"\x01\x02garbage", "neither an action nor an archive"),
            (b"\xff\xfe", "neither an action nor an archive"),
            (b"\x1f\x8b\x08\0", "gzip data (a .tar.gz perhaps)"),
            (b"!<arch>\nx", "a static archive (.a or .rlib)"),
            (b"MZ\x90\0", "a Windows program or library"),
            (&tar, "a tar archive"),
        ];
        for (bytes, name) in rows {
            assert_eq!(describe(bytes), name);
        }
    }
}
