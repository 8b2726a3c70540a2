//! Bytes that an action made and that only the action can free.
#![expect(
    unsafe_code,
    reason = "the bytes are the action's: a pointer, a length, and a function that frees them"
)]

use action_abi::ffi::RawResult;

/// The bytes of a result. Freed by the action's own function when dropped, on whatever thread that happens.
#[derive(Debug)]
pub struct Buffer(RawResult);

// SAFETY: `action.h` promises that `release` may be called from any thread and that nobody writes to the bytes.
unsafe impl Send for Buffer {}
// SAFETY: shared access only reads the bytes.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Takes over a result that an entry point has returned.
    ///
    /// # Safety
    /// `raw` was returned by an entry point of a library that keeps to `action.h`: `len` bytes at `ptr` stay readable
    /// and unchanged until `release` is called with `owner`, and no other `Buffer` was made from it.
    pub(super) unsafe fn new(raw: RawResult) -> Self {
        Self(raw)
    }

    /// The status that came with the bytes.
    pub(super) fn status(&self) -> i32 {
        self.0.status
    }

    /// The bytes as text for people.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.as_ref()).into_owned()
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        if self.0.ptr.is_null() || self.0.len == 0 || isize::try_from(self.0.len).is_err() {
            return &[];
        }
        // SAFETY: not null, no longer than any object can be, and readable until dropped (the promise of `new`).
        unsafe { std::slice::from_raw_parts(self.0.ptr, self.0.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: the action's own function with its own argument, once (the promise of `new`).
            unsafe { release(self.0.owner) };
        }
    }
}

impl From<&'static str> for Buffer {
    fn from(text: &'static str) -> Self {
        Self(RawResult::from_static(0, text))
    }
}

impl From<String> for Buffer {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(RawResult::from_vec(0, bytes))
    }
}
