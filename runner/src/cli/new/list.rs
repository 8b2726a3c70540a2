//! `new --list`: the languages, for people in columns, for programs as JSON.

use std::io::{self, Write as _};

use clap::ValueEnum as _;
use serde_json::{Value, json};

use super::projects::Lang;

/// Prints the languages. Nobody reading any more is no failure.
pub(super) fn print(as_json: bool) {
    let text = match as_json {
        true => format!("{:#}\n", Value::Array(rows().map(object).collect())),
        false => table(),
    };
    let _ = io::stdout().write_all(text.as_bytes());
}

/// The word after `--lang`, and what stands behind it.
fn rows() -> impl Iterator<Item = (String, Lang)> {
    Lang::value_variants().iter().filter_map(|lang| {
        let word = lang.to_possible_value()?.get_name().to_owned();
        Some((word, *lang))
    })
}

fn table() -> String {
    rows()
        .map(|(word, lang)| {
            let project = lang.project();
            let (needs, source, build) = (project.needs, project.source, project.build);
            format!("{word:<6} {source:<12} {build:<23} needs {needs}\n")
        })
        .collect()
}

fn object((word, lang): (String, Lang)) -> Value {
    let project = lang.project();
    json!({
        "lang": word,
        "default": lang == Lang::Rust,
        "needs": project.needs,
        "source": project.source,
        "build": project.build,
        "test": project.test,
        "library": project.library,
        "debug": project.debug,
        "debug_library": project.debug_library,
    })
}
