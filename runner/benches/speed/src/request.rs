//! What is sent, and what must come back: the invoker's whole request, with a fresh activation id in each.

use std::time::{SystemTime, UNIX_EPOCH};

/// A request whose bytes are ready but for the activation id.
pub struct Request {
    pub bytes: Vec<u8>,
    /// Where the 32 digits of the activation id are, in a run.
    id: Option<usize>,
    count: u64,
    /// What an action that reverses, or one that echoes, answers.
    pub reversed: Vec<u8>,
    pub echoed: Vec<u8>,
}

impl Request {
    /// A run with a payload of `size` bytes.
    pub fn run(size: usize) -> Self {
        let payload: String = ('a'..='z').cycle().take(size).collect();
        let backwards: String = payload.chars().rev().collect();
        let value = format!("{{\"payload\":\"{payload}\"}}");
        let mut request = Self::with_value(&value);
        request.reversed = format!("{{\"reversed\":\"{backwards}\"}}").into_bytes();
        request
    }

    /// A run with any parameters.
    pub fn with_value(value: &str) -> Self {
        let mut request = Self::post("/run", &format!("{{\"value\":{value}{}}}", members()));
        request.echoed = value.as_bytes().to_vec();
        let mark = b"\"activation_id\":\"";
        let found = request.bytes.windows(mark.len()).rposition(|window| window == mark);
        request.id = found.map(|at| at + mark.len());
        request
    }

    /// An `/init` that brings a library along.
    pub fn init(code: &[u8]) -> Self {
        let code = base64(code);
        Self::post(
            "/init",
            &format!("{{\"value\":{{\"name\":\"echo\",\"main\":\"main\",\"binary\":true,\"code\":\"{code}\"}}}}"),
        )
    }

    fn post(path: &str, body: &str) -> Self {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 172.17.0.2:8080\r\nAccept: application/json\r\nUser-Agent: pekko-http/1.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Self {
            bytes: format!("{head}{body}").into_bytes(),
            id: None,
            count: 0,
            reversed: Vec::new(),
            echoed: Vec::new(),
        }
    }

    /// Gives the next sending an id of its own.
    pub fn renew(&mut self) {
        let Some(id) = self.id else { return };
        self.count += 1;
        let mut rest = self.count;
        for digit in self.bytes[id..id + 32].iter_mut().rev().take(16) {
            *digit = b"0123456789abcdef"[(rest % 16) as usize];
            rest /= 16;
        }
    }
}

/// How much longer a request's body is than its `value`.
pub fn envelope() -> usize {
    "{\"value\":}".len() + members().len()
}

/// The seven members that the invoker adds. The deadline is an hour away.
fn members() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let deadline = now + 3_600_000;
    format!(
        ",\"namespace\":\"guest\",\"action_name\":\"/guest/reverse\",\"action_version\":\"0.0.1\",\"activation_id\":\"{:032x}\",\"transaction_id\":\"f2f4a9b8c1d24e57a3b9d6c1e0f7a8b4\",\"deadline\":\"{deadline}\",\"api_key\":\"23bc46b1-71f6-4ed5-8c54-816aa4f8c502\"",
        0
    )
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let three = chunk.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[three >> (18 - 6 * place) & 63];
            text.push(if place > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn each_sending_has_an_id_of_its_own() {
        let mut request = Request::run(10);
        let length = request.bytes.len();
        request.renew();
        let first = request.bytes.clone();
        request.renew();
        assert_ne!(first, request.bytes);
        assert_eq!(length, request.bytes.len());
    }
}
