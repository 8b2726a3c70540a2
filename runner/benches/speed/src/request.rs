//! What is sent, and what must come back: the invoker's whole request, with a fresh activation id in each.

use std::time::{SystemTime, UNIX_EPOCH};

/// A request whose bytes are ready but for the activation id.
pub struct Request {
    pub bytes: Vec<u8>,
    /// Where the 32 digits of the activation id are.
    id: usize,
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
        let body = format!("{{\"value\":{value}{}}}", members());
        let head = format!(
            "POST /run HTTP/1.1\r\nHost: 172.17.0.2:8080\r\nAccept: application/json\r\nUser-Agent: pekko-http/1.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let bytes = format!("{head}{body}").into_bytes();
        let mark = b"\"activation_id\":\"";
        let id = bytes
            .windows(mark.len())
            .rposition(|window| window == mark)
            .map_or(0, |at| at + mark.len());
        Self {
            bytes,
            id,
            count: 0,
            reversed: Vec::new(),
            echoed: value.as_bytes().to_vec(),
        }
    }

    /// Gives the next sending an id of its own.
    pub fn renew(&mut self) {
        self.count += 1;
        let mut rest = self.count;
        for digit in self.bytes[self.id..self.id + 32].iter_mut().rev().take(16) {
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
