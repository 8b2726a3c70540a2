//! A small HTTP/1.1 client that shows every byte.
//!
//! Ordinary clients hide what many cases are about: the order of an interim answer, a missing length, who closes. This one
//! writes what it is told and reads one answer after the other, strictly. It never repeats a request.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::Value;

use crate::LIMIT;

/// One connection to a runner.
pub struct Connection {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Statuses of the interim answers (1xx) that came before.
    pub interim: Vec<u16>,
}

impl Connection {
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        Self::try_open(address).unwrap_or_else(|| panic!("nobody listens on {address}"))
    }

    /// The same; `None` when nobody listens any more.
    pub fn try_open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect_timeout(&address, LIMIT).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        stream.set_write_timeout(Some(LIMIT)).ok()?;
        let reader = BufReader::new(stream.try_clone().ok()?);
        Some(Self { stream, reader })
    }

    /// Writes bytes as they are. A peer that has closed already shows when the answer is read.
    pub fn send(&mut self, bytes: &[u8]) -> &mut Self {
        let _ = self.stream.write_all(bytes);
        self
    }

    /// Says that no more bytes will come.
    pub fn finish(&mut self) -> &mut Self {
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// One POST with a JSON body, one answer.
    #[track_caller]
    pub fn post(&mut self, path: &str, body: &[u8]) -> Reply {
        self.send(&request(
            "POST",
            path,
            &[("Content-Type", "application/json")],
            body,
        ));
        self.reply()
    }

    /// The next answer; panics when there is none.
    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        self.try_reply("POST")
            .unwrap_or_else(|why| panic!("no answer: {why}"))
    }

    /// Waits for an interim answer: 100, and nothing after it yet.
    pub fn interim(&mut self) -> Result<(), String> {
        match self.head()? {
            (100, _) => Ok(()),
            other => Err(format!("not an interim answer: {other:?}")),
        }
    }

    /// The answer to a HEAD request: it has no body, whatever its length says.
    #[track_caller]
    pub fn reply_to_head(&mut self) -> Reply {
        self.try_reply("HEAD")
            .unwrap_or_else(|why| panic!("no answer: {why}"))
    }

    /// The next answer to a request of this method, or why there is none.
    pub fn try_reply(&mut self, method: &str) -> Result<Reply, String> {
        let mut interim = Vec::new();
        loop {
            let (status, headers) = self.head()?;
            if (100..200).contains(&status) {
                interim.push(status);
                continue;
            }
            let mut reply = Reply {
                status,
                headers,
                body: Vec::new(),
                interim,
            };
            if method != "HEAD" {
                let length = reply
                    .header("content-length")
                    .ok_or_else(|| format!("an answer without a length: {reply:?}"))?;
                reply.body = vec![
                    0;
                    length
                        .parse()
                        .map_err(|_| format!("content-length {length:?}"))?
                ];
                self.reader
                    .read_exact(&mut reply.body)
                    .map_err(|error| format!("short body: {error}"))?;
            }
            return Ok(reply);
        }
    }

    fn head(&mut self) -> Result<(u16, Vec<(String, String)>), String> {
        let first = self.line()?;
        let status = first
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.get(2..5))
            .and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| format!("not a status line: {first:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok((status, headers));
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| format!("not a header: {line:?}"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => Err("the runner closed the connection".to_owned()),
            Ok(_) => Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                Err(format!("nothing within {LIMIT:?}"))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Waits for the runner to close; true when it did, without a further byte.
    pub fn closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// The bytes of a request with a length.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nHost: runner\r\nContent-Length: {}\r\n",
        body.len()
    )
    .into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// The bytes of a chunked request, in pieces of `size`.
pub fn chunked(path: &str, body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes =
        format!("POST {path} HTTP/1.1\r\nHost: runner\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for piece in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The answer as it was on the wire, near enough for the oracle.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {} X\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// What no answer of the runner may lack: a length, JSON, and the bytes as they are.
    #[track_caller]
    pub fn assert_framing(&self) -> &Self {
        assert!(
            self.header("content-length").is_some(),
            "no Content-Length: {self}"
        );
        assert_eq!(self.header("transfer-encoding"), None, "{self}");
        assert_eq!(self.header("content-encoding"), None, "{self}");
        let kind = self.header("content-type").unwrap_or("none");
        assert!(
            kind == "application/json" || kind == "application/json; charset=utf-8",
            "content type {kind}: {self}"
        );
        self
    }

    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// 200 with exactly this JSON.
    #[track_caller]
    pub fn assert_ok(&self, expected: &Value) -> &Self {
        self.assert_status(200);
        assert_eq!(&self.json(), expected);
        self
    }

    /// This status, and a body that is an object with the one key `error` and this text.
    #[track_caller]
    pub fn assert_error(&self, status: u16, text: &str) -> &Self {
        self.assert_status(status);
        assert_eq!(self.json(), serde_json::json!({ "error": text }));
        self
    }

    /// This status, and an error text that holds each of these, in any case.
    #[track_caller]
    pub fn assert_names(&self, status: u16, words: &[&str]) -> &Self {
        self.assert_status(status);
        let text = self.error();
        for word in words {
            assert!(
                text.to_lowercase().contains(&word.to_lowercase()),
                "{word:?} is not named in: {text}"
            );
        }
        self
    }

    /// The text under the one key `error`.
    #[track_caller]
    pub fn error(&self) -> String {
        let json = self.json();
        let text = json
            .as_object()
            .filter(|object| object.len() == 1)
            .and_then(|object| object["error"].as_str());
        text.unwrap_or_else(|| panic!("not {{\"error\": text}}: {self}"))
            .to_owned()
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = self.text().chars().take(2000).collect();
        write!(out, "{} {:?} {body}", self.status, self.headers)
    }
}
