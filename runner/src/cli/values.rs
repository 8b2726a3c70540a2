//! How times and sizes are written, and which environment variables there are.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// `60`, `60s`, `1500ms`, `2m`: seconds when no unit is given.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let factor_ms: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a time as 60, 60s, 1500ms or 2m".to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "write a time as 60, 60s, 1500ms or 2m".to_owned())?;
    Duration::try_from_secs_f64(number * factor_ms as f64 / 1000.0)
        .map_err(|_| "that is too long a time".to_owned())
}

/// `67108864`, `64MiB`, `64MB`, `64M`: bytes when no unit is given; powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let mistake = || "write a size as 67108864, 64MiB or 64M".to_owned();
    let (number, unit) = split(text);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err(mistake()),
    };
    let number: u64 = number.parse().map_err(|_| mistake())?;
    number
        .checked_shl(shift)
        .filter(|size| size >> shift == number)
        .ok_or_else(mistake)
}

/// `127.0.0.1:8080`; a port alone, as `8080` or `:8080`, means every interface.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    address_on(text, Ipv4Addr::UNSPECIFIED)
}

/// The same, but a port alone means this machine only.
pub(super) fn admin_address(text: &str) -> Result<SocketAddr, String> {
    address_on(text, Ipv4Addr::LOCALHOST)
}

fn address_on(text: &str, interface: Ipv4Addr) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        let port = port
            .parse()
            .map_err(|_| format!("{text} is no port: write 8080, :8080 or 127.0.0.1:8080"))?;
        return Ok((interface, port).into());
    }
    text.parse()
        .map_err(|_| "write an address as 127.0.0.1:8080, :8080 or 8080".to_owned())
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// Refuses `ACTION_RUNNER_…` variables that mean nothing: a typing mistake should not pass for the default.
pub(super) fn check_environment(command: &clap::Command) -> Result<(), String> {
    let known: Vec<String> = command
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned()))
        .collect();
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown: Vec<String> = set
        .filter(|name| name.starts_with("ACTION_RUNNER_") && !known.contains(name))
        .map(|name| {
            format!(
                "the environment variable {name} means nothing here; {}",
                hint(&name, &known)
            )
        })
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(unknown.join("; ") + ".")
    }
}

fn hint(name: &str, known: &[String]) -> String {
    let nearest = known
        .iter()
        .min_by_key(|candidate| distance(name, candidate));
    match nearest {
        Some(nearest) if distance(name, nearest) <= 3 => format!("{nearest} comes nearest"),
        _ => format!("there are {}", known.join(", ")),
    }
}

/// How many letters must be changed, added or removed.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for column in 0..to.len() {
            let changed = diagonal + usize::from(letter != to[column]);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, ms) in [
            ("60", 60_000),
            ("60s", 60_000),
            ("1500ms", 1500),
            ("2m", 120_000),
            ("0.5", 500),
            ("0", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "-1", "1x", "1 year"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("1", 1),
            ("64MiB", 64 << 20),
            ("64M", 64 << 20),
            ("1 GB", 1 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5M", "99999999999G"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mistyped_names_are_near() {
        assert_eq!(distance("ACTION_RUNNER_TIMOUT", "ACTION_RUNNER_TIMEOUT"), 1);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
