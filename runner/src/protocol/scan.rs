//! Finds the end of a JSON value, checking the whole grammar on the way, without building anything.
//!
//! Written for what passes through here on every run: strings are searched in blocks that the compiler turns into
//! vector instructions, depth costs one bit a level and no stack. Accepts exactly what serde_json accepts, which a
//! test and a fuzz target hold against each other. Positions are byte offsets; the text is known to be UTF-8.

/// The offset behind the value that starts at `at`, white space before it included; `None` when it is not valid.
pub(super) fn value(text: &[u8], mut at: usize) -> Option<usize> {
    let mut nesting = Nesting::default();
    loop {
        at = space(text, at);
        match *text.get(at)? {
            b'"' => at = string(text, at + 1)?,
            b'{' => {
                at = space(text, at + 1);
                if *text.get(at)? != b'}' {
                    nesting.enter(true);
                    at = key(text, at)?;
                    continue;
                }
                at += 1;
            }
            b'[' => {
                at = space(text, at + 1);
                if *text.get(at)? != b']' {
                    nesting.enter(false);
                    continue;
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => at = number(text, at)?,
            b't' => at = literal(text, at, b"true")?,
            b'f' => at = literal(text, at, b"false")?,
            b'n' => at = literal(text, at, b"null")?,
            _ => return None,
        }
        match close(text, at, &mut nesting)? {
            Next::Value(start) => at = start,
            Next::End(end) => return Some(end),
        }
    }
}

/// Is this text one JSON value, with nothing but white space around it?
pub(super) fn is_value(text: &[u8]) -> bool {
    value(text, 0).is_some_and(|end| space(text, end) == text.len())
}

enum Next {
    Value(usize),
    End(usize),
}

/// Behind a value: leaves the containers that end here, up to the next value or the end of the outermost.
fn close(text: &[u8], mut at: usize, nesting: &mut Nesting) -> Option<Next> {
    while let Some(in_object) = nesting.innermost() {
        at = space(text, at);
        match (*text.get(at)?, in_object) {
            (b',', false) => return Some(Next::Value(at + 1)),
            (b',', true) => return Some(Next::Value(key(text, space(text, at + 1))?)),
            (b'}', true) | (b']', false) => {
                nesting.leave();
                at += 1;
            }
            _ => return None,
        }
    }
    Some(Next::End(at))
}

/// Over white space.
#[inline]
pub(super) fn space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// Over a member's name and the colon; `at` is where its quote must be.
pub(super) fn key(text: &[u8], at: usize) -> Option<usize> {
    if *text.get(at)? != b'"' {
        return None;
    }
    let colon = space(text, string(text, at + 1)?);
    (*text.get(colon)? == b':').then_some(colon + 1)
}

/// Over the rest of a string, its closing quote included.
#[inline]
fn string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += plain(&text[at..]);
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at = escape(text, at + 1)?,
            _ => return None,
        }
    }
}

/// The bytes that mean something inside a string, or may not stand there.
static SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

/// How many bytes from here on stand for themselves.
#[inline]
fn plain(text: &[u8]) -> usize {
    const SHORT: usize = 16;
    const BLOCK: usize = 64;
    let special = |byte: &u8| SPECIAL[usize::from(*byte)];
    // Most strings are short.
    let head = &text[..text.len().min(SHORT)];
    if let Some(found) = head.iter().position(special) {
        return found;
    }
    let mut passed = head.len();
    let (blocks, _) = text[passed..].as_chunks::<BLOCK>();
    for block in blocks {
        // No early exit inside a block: so it becomes a few comparisons of whole vectors.
        let found = block.iter().fold(0, |found, byte| {
            found | u8::from(*byte == b'"') | u8::from(*byte == b'\\') | u8::from(*byte < 0x20)
        });
        if found != 0 {
            break;
        }
        passed += BLOCK;
    }
    let rest = &text[passed..];
    passed + rest.iter().position(special).unwrap_or(rest.len())
}

/// Over what follows a backslash.
fn escape(text: &[u8], at: usize) -> Option<usize> {
    match *text.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => {
            let digits = text.get(at + 1..at + 5)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 5)
        }
        _ => None,
    }
}

fn number(text: &[u8], mut at: usize) -> Option<usize> {
    if text[at] == b'-' {
        at += 1;
    }
    at = match *text.get(at)? {
        b'0' => at + 1,
        b'1'..=b'9' => digits(text, at),
        _ => return None,
    };
    if text.get(at) == Some(&b'.') {
        at = some_digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = some_digits(text, at)?;
    }
    Some(at)
}

fn digits(text: &[u8], mut at: usize) -> usize {
    while let Some(b'0'..=b'9') = text.get(at) {
        at += 1;
    }
    at
}

fn some_digits(text: &[u8], at: usize) -> Option<usize> {
    let end = digits(text, at);
    (end > at).then_some(end)
}

fn literal(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    text[at..].starts_with(word).then_some(at + word.len())
}

/// Which containers are open: one bit each, set for an object. The first 64 need no memory.
#[derive(Default)]
struct Nesting {
    depth: usize,
    bits: u64,
    outer: Vec<u64>,
}

impl Nesting {
    fn enter(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(object);
        self.depth += 1;
    }

    fn innermost(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.bits & 1 == 1)
    }

    fn leave(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests;
