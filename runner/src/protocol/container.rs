//! Is what an action returned an object or an array?
//!
//! The full check is for dialects that may return any bytes; the glance is for those that cannot produce invalid JSON.
//! Neither builds values, and neither recurses: depth costs a bit of memory a level.

use super::scan;

/// The bytes are not a JSON object or array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotContainer;

/// Valid UTF-8, valid JSON, and an object or array.
pub fn check_result(bytes: &[u8]) -> Result<(), NotContainer> {
    looks_like_container(bytes)?;
    if is_json(bytes) {
        Ok(())
    } else {
        Err(NotContainer)
    }
}

/// Looks at the first byte only: for bytes that are known to be JSON.
pub fn looks_like_container(bytes: &[u8]) -> Result<(), NotContainer> {
    match bytes.get(scan::space(bytes, 0)) {
        Some(b'{' | b'[') => Ok(()),
        _ => Err(NotContainer),
    }
}

/// Is this text any JSON value?
pub(super) fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && scan::is_value(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers() {
        for good in [
            "{}",
            "[]",
            " \n{\"a\":[1,2,{}]} ",
            r#"["\ud800",1e999]"#,
            r#"{"a":1,"a":2}"#,
        ] {
            assert_eq!(check_result(good.as_bytes()), Ok(()), "{good}");
            assert_eq!(looks_like_container(good.as_bytes()), Ok(()), "{good}");
        }
    }

    #[test]
    fn everything_else() {
        let bad: [&[u8]; 22] = [
            b"",
            b" ",
            b"null",
            b"1",
            b"\"x\"",
            b"true",
            b"text",
            b"{",
            b"[",
            b"{]",
            b"[}",
            b"{}{}",
            b"[1,]",
            b"{\"a\"}",
            b"{a:1}",
            b"[NaN]",
            b"[01]",
            b"[\"\\x\"]",
            b"[\"\n\"]",
            b"[\"\xff\"]",
            b"{} x",
            b"\xef\xbb\xbf{}",
        ];
        for text in bad {
            assert_eq!(
                check_result(text),
                Err(NotContainer),
                "{}",
                text.escape_ascii()
            );
        }
    }

    #[test]
    fn depth_does_not_matter() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(check_result(deep.as_bytes()), Ok(()));
        let objects = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
        assert_eq!(check_result(objects.as_bytes()), Ok(()));
        assert_eq!(
            check_result("[".repeat(100_000).as_bytes()),
            Err(NotContainer)
        );
    }
}
