//! Group C, second half: code as text: base64 in its variants, and what is no base64 at all.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use black_box::{Entry, Init, Runner, archive};

use super::c_code::{accepted, library};

#[test]
fn case_068_base64_in_lines() {
    let code = STANDARD.encode(library());
    for newline in ["\n", "\r\n"] {
        let lines: Vec<_> = code
            .as_bytes()
            .chunks(76)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        accepted(&Init::code(&(lines.join(newline) + newline)).binary(true));
    }
    accepted(&Init::code(&format!(" \t{code}\n\n")).binary(true));
}

#[test]
fn case_069_base64_with_millions_of_spaces() {
    let code = STANDARD.encode(library()) + &" ".repeat(18_000_000);
    accepted(&Init::code(&code).binary(true));
}

/// Without padding the bytes are as clear as with it: taken, or refused in words.
#[test]
fn case_070_base64_without_padding() {
    let mut bytes = library();
    while bytes.len().is_multiple_of(3) {
        bytes.push(0);
    }
    let runner = Runner::empty();
    let reply = runner.init(&Init::code(&STANDARD_NO_PAD.encode(bytes)).binary(true));
    if reply.status != 200 {
        reply.assert_names(400, &["base64"]);
    }
}

#[test]
fn case_071_url_safe_base64() {
    let code = URL_SAFE.encode(library());
    assert!(code.contains(['-', '_']));
    let runner = Runner::empty();
    let reply = runner.init(&Init::code(&code).binary(true));
    if reply.status != 200 {
        reply.assert_names(400, &["base64", "offset"]);
    }
}

/// The bytes decide, not the flag.
#[test]
fn case_072_to_073_wrong_binary_flag() {
    accepted(&Init::bytes(&library()).binary(false));
    accepted(&Init::zip(&[Entry::file("libaction.so", &library())]).binary(false));
    accepted(&Init::bytes(&library()).without("binary"));
}

#[test]
fn case_074_source_text() {
    for (source, binary) in [
        ("fn main(){}", false),
        ("#include <stdio.h>\nint main(void) { return 0; }\n", false),
        ("fn main(){}", true),
    ] {
        let runner = Runner::empty();
        let reply = runner.init(&Init::code(source).binary(binary));
        assert!(matches!(reply.status, 400 | 502), "{reply}");
        if !binary {
            assert!(
                reply.error().contains("compiled shared libraries"),
                "{reply}"
            );
        }
    }
}

/// A library that was sent as text: the bytes that are no UTF-8 are gone, and only the start still shows what it was.
#[test]
fn case_075_mangled_library() {
    let mangled = String::from_utf8_lossy(&library()).into_owned();
    let runner = Runner::empty();
    let reply = runner.init(&Init::code(&mangled));
    assert!(matches!(reply.status, 400 | 502), "{reply}");
    for word in ["zip", "base64"] {
        assert!(reply.error().contains(word), "{reply}");
    }
    let zip = archive::zip(&[Entry::file("libaction.so", &library())]);
    let reply = runner.init(&Init::code(&String::from_utf8_lossy(&zip)));
    assert!(matches!(reply.status, 400 | 502), "{reply}");
    assert!(reply.error().contains("zip"), "{reply}");
}
