//! The text of `value.code` back into bytes.
//!
//! Standard base64 on one line is decoded in one pass. White space anywhere, missing padding and the URL-safe alphabet
//! are accepted too, on a second, slower way that works through the text in blocks. What is no base64 at all is
//! recognised where people really send it: a library sent as text, source code.

use crate::refusal::{BadRequest, PackageRefusal};
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine};

/// Characters of text that the slower way takes at once; a multiple of four.
const BLOCK: usize = 64 * 1024;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Is this code something that was never base64? Says what.
pub(super) fn recognise(code: &str) -> Result<(), PackageRefusal> {
    let text = code.trim_ascii_start();
    for (magic, found) in [
        ("\u{7f}ELF", "a library or program (ELF)"),
        ("PK\u{3}\u{4}", "a zip archive"),
        ("PK\u{5}\u{6}", "a zip archive"),
        ("!<arch>\n", "a static archive"),
    ] {
        if text.starts_with(magic) {
            return Err(PackageRefusal::Mangled { found });
        }
    }
    let start = text.as_bytes().iter().take(4096);
    let of_source = |byte: &u8| {
        matches!(
            byte,
            b'(' | b')' | b'{' | b'}' | b';' | b'"' | b'#' | b'<' | b'>'
        )
    };
    if start.clone().any(of_source) {
        return Err(PackageRefusal::SourceText);
    }
    Ok(())
}

/// Decodes; the offset in an error is that of the text as it was sent.
pub(super) fn base64(code: &str) -> Result<Vec<u8>, BadRequest> {
    let trimmed = code.trim_ascii();
    match ENGINE.decode(trimmed) {
        Ok(bytes) => Ok(bytes),
        Err(_) => in_blocks(code),
    }
}

/// Leaves out white space and accepts both alphabets.
fn in_blocks(code: &str) -> Result<Vec<u8>, BadRequest> {
    let mut bytes = Vec::with_capacity(code.len() / 4 * 3);
    let mut block = Vec::with_capacity(BLOCK);
    let mut before = 0;
    for byte in code.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        if block.len() == BLOCK {
            append(&block, &mut bytes, code, before, false)?;
            before += BLOCK;
            block.clear();
        }
        block.push(match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        });
    }
    append(&block, &mut bytes, code, before, true)?;
    Ok(bytes)
}

/// Decodes a block that begins after `before` characters of the text; only the last may end with padding.
fn append(
    block: &[u8],
    bytes: &mut Vec<u8>,
    code: &str,
    before: usize,
    last: bool,
) -> Result<(), BadRequest> {
    let (offset, padding) = match ENGINE.decode_vec(block, bytes) {
        Ok(()) if last || block.last() != Some(&b'=') => return Ok(()),
        Ok(()) => (block.len() - 1, true),
        Err(DecodeError::InvalidByte(offset, byte)) => (offset, byte == b'='),
        Err(DecodeError::InvalidLastSymbol { offset, .. }) => (offset, false),
        Err(DecodeError::InvalidPadding) => {
            let offset = block.iter().position(|byte| *byte == b'=');
            (offset.unwrap_or(block.len()), true)
        }
        Err(_) => {
            return Err(BadRequest::Base64CutOff {
                offset: code.trim_ascii_end().len(),
            });
        }
    };
    let offset = sent_at(code, before + offset);
    let found = code[offset..].chars().next();
    match found.filter(|_| !padding) {
        Some(found) => Err(BadRequest::Base64Character { found, offset }),
        None => Err(BadRequest::Base64Padding { offset }),
    }
}

/// Where the character stands that is the `number`th when white space is not counted.
fn sent_at(code: &str, number: usize) -> usize {
    let written = code
        .bytes()
        .enumerate()
        .filter(|(_, byte)| !byte.is_ascii_whitespace());
    let offset = written
        .map(|(offset, _)| offset)
        .nth(number)
        .unwrap_or(code.len());
    // A character of several bytes starts before its byte that was refused.
    (0..=offset)
        .rev()
        .find(|place| code.is_char_boundary(*place))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(code: &str) -> String {
        base64(code).expect_err("refused").to_string()
    }

    #[test]
    fn every_way_to_write_it() {
        let all: Vec<u8> = (0..=255).collect();
        let text = ENGINE.encode(&all);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(76)
            .map(|line| std::str::from_utf8(line).expect("ASCII"))
            .collect();
        for code in [
            text.clone(),
            format!("  {text}\n"),
            lines.join("\n"),
            lines.join("\r\n") + "\r\n",
            lines.join(" \t"),
            text.trim_end_matches('=').to_owned(),
            text.replace('+', "-").replace('/', "_"),
            text.replace('+', "-"),
        ] {
            assert_eq!(base64(&code).as_deref(), Ok(&*all), "{code:?}");
        }
        assert_eq!(base64("").as_deref(), Ok(&[][..]));
        assert_eq!(base64(" \n ").as_deref(), Ok(&[][..]));
    }

    #[test]
    fn many_spaces_and_many_blocks() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let text = ENGINE.encode(&bytes);
        let padded = format!("{text}{}", " ".repeat(18_000_000));
        assert!(base64(&padded).as_deref() == Ok(&*bytes));
        let mut spaced = String::new();
        for (place, character) in text.chars().enumerate() {
            spaced.push(character);
            if place % 61 == 0 {
                spaced.push('\n');
            }
        }
        assert!(base64(&spaced).as_deref() == Ok(&*bytes));
    }

    #[test]
    fn errors_give_the_offset_in_the_text_as_sent() {
        assert!(sentence("!!!!").contains("'!' at offset 0"));
        assert!(sentence("  AA\nA!A=").contains("'!' at offset 6"));
        assert!(sentence("AAAA☃AAA").contains("'☃' at offset 4"));
        assert!(sentence("AAAA\nAAA\0").contains("'\\0' at offset 8"));
        let late = format!("{}\n{}*", "A".repeat(BLOCK), "A".repeat(7));
        assert!(sentence(&late).contains(&format!("'*' at offset {}", BLOCK + 8)));
    }

    #[test]
    fn cut_off_and_misplaced_padding() {
        assert_eq!(
            base64("AAAAA "),
            Err(BadRequest::Base64CutOff { offset: 5 })
        );
        assert_eq!(base64("A"), Err(BadRequest::Base64CutOff { offset: 1 }));
        for code in ["AA==AAAA", "A===", "=", "AAAA=", "AA=A"] {
            assert!(
                matches!(base64(code), Err(BadRequest::Base64Padding { .. })),
                "{code}: {:?}",
                base64(code)
            );
        }
        let block = format!("{}\nAA==", "A".repeat(BLOCK - 1) + "=");
        assert!(
            matches!(base64(&block), Err(BadRequest::Base64Padding { offset }) if offset == BLOCK - 1)
        );
    }

    #[test]
    fn what_was_never_base64() {
        assert_eq!(recognise("f0VMRgIBAQ=="), Ok(()));
        assert_eq!(recognise("!!!!"), Ok(()));
        assert_eq!(recognise("A A\nA-_"), Ok(()));
        for mangled in [
            "\u{7f}ELF\u{2}\u{fffd}",
            " \nPK\u{3}\u{4}\u{fffd}",
            "!<arch>\nx",
        ] {
            assert!(matches!(
                recognise(mangled),
                Err(PackageRefusal::Mangled { .. })
            ));
        }
        for source in [
            "fn main() {}",
            "#!/bin/sh\necho",
            "def main(args):\n  return {}",
            "<?php",
        ] {
            assert_eq!(recognise(source), Err(PackageRefusal::SourceText));
        }
    }
}
