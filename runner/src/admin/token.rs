//! The secret that an upload must bring.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use crate::refusal::CannotAdmit;

/// A token, read from its file each time that it is needed, so that it can be changed.
pub struct Token(Vec<u8>);

impl Token {
    /// Reads the file; white space around the token does not count.
    pub fn read(path: &Path) -> Result<Self, CannotAdmit> {
        let bytes = fs::read(path).map_err(|source| CannotAdmit::TokenFile {
            path: path.display().to_string(),
            source,
        })?;
        let token = bytes.trim_ascii();
        if token.is_empty() {
            return Err(CannotAdmit::NoToken {
                path: path.display().to_string(),
            });
        }
        Ok(Self(token.to_vec()))
    }

    /// Is this the token? Takes the same time wherever the first difference is; how long a token is, is no secret.
    pub fn is(&self, given: &[u8]) -> bool {
        if given.len() != self.0.len() {
            return false;
        }
        let difference = self
            .0
            .iter()
            .zip(given)
            .fold(0, |difference, (one, other)| {
                black_box(difference | (one ^ other))
            });
        black_box(difference) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_is_the_token() {
        let token = Token(b"secret".to_vec());
        assert!(token.is(b"secret"));
        for other in [&b""[..], b"secre", b"secret ", b"Secret", b"secreT"] {
            assert!(!token.is(other));
        }
    }
}
