use super::*;
use serde_json::value::RawValue;

/// serde_json's verdict and ours.
fn agree(text: &str) {
    let theirs = serde_json::from_str::<&RawValue>(text).is_ok();
    assert_eq!(is_value(text.as_bytes()), theirs, "{text:?}");
}

#[test]
fn as_serde_json() {
    for text in [
        "",
        " ",
        "1",
        "-1",
        "-",
        "01",
        "-0",
        "0.",
        "0.5",
        ".5",
        "1e3",
        "1e",
        "1E+3",
        "1e-",
        "1.5e999",
        "1x",
        "null",
        "nul",
        "nulll",
        "true",
        "false",
        "fals",
        "\"",
        "\"a\"",
        "\"a",
        "\"\\\"",
        "\"\\n\\u00e9\\ud800\"",
        "\"\\u00g0\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\",
        "\"\n\"",
        "\"\u{7f}\"",
        "\"❄ ☃\"",
        "{}",
        "{ }",
        "[]",
        "[ ]",
        "[1]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,2",
        "{\"a\":1}",
        "{\"a\" : 1 , \"b\" : [ { } ] }",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{]",
        "[}",
        "[[]",
        "[]]",
        "{}{}",
        "{} x",
        " \t\r\n{}\n ",
        "\u{a0}{}",
        "\u{feff}{}",
        "[1,\"x\",null,true,{\"y\":[false]}]",
        "[\"a\":1]",
    ] {
        agree(text);
    }
}

#[test]
fn strings_of_every_length_around_the_blocks() {
    for length in 0..200 {
        let body = "a".repeat(length);
        for end in [
            "\"",
            "",
            "\\\"\"",
            "\\",
            "\n\"",
            "☃\"",
            "\u{1f}\"",
            " \"",
            "\\u0041\"",
            "\" ",
            "\"x",
        ] {
            agree(&format!("\"{body}{end}"));
        }
    }
}

#[test]
fn every_depth_around_the_words() {
    for depth in [1, 2, 63, 64, 65, 127, 128, 129, 500] {
        let open: String = (0..depth)
            .map(|n| if n % 3 == 0 { "{\"k\":" } else { "[" })
            .collect();
        let close: String = (0..depth)
            .rev()
            .map(|n| if n % 3 == 0 { "}" } else { "]" })
            .collect();
        agree(&format!("{open}1{close}"));
        agree(&format!("{open}1{close}]"));
        agree(&format!("{open}1{}", &close[1..]));
        agree(&format!("{open}1{}]", &close[..depth - 1]));
    }
}

#[test]
fn any_change_of_one_byte() {
    let text = r#"{"a":[1,-2.5e3,"x\u00e9\n",{"b":null}],"c":true,"d":{}} "#;
    for place in 0..text.len() {
        for byte in 0..128_u8 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[place] = byte;
            agree(std::str::from_utf8(&bytes).expect("ASCII"));
        }
        agree(&text[..place]);
    }
}
