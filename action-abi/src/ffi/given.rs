//! The context as a library keeps it for the time of a call.

use std::{mem, ptr};

use super::{ContextPtr, RawContext, Str};

/// A copy of a context, whose strings may be read as long as it lives.
///
/// The texts are the runner's, or kept here.
pub(crate) struct Given(RawContext, Vec<String>);

// SAFETY: it is never written, and the runner does not write what it points to while it lives.
unsafe impl Send for Given {}
// SAFETY: the same.
unsafe impl Sync for Given {}

impl Given {
    pub(crate) const NOTHING: Self = Self(RawContext::EMPTY, Vec::new());

    /// Copies what the runner filled in; what lies beyond its `size` stays empty.
    ///
    /// # Safety
    /// `from` is null, or the address of a context of which `size` bytes are readable now, and its strings
    /// as long as the copy lives.
    pub(super) unsafe fn copy(from: ContextPtr) -> Self {
        let mut context = RawContext::EMPTY;
        if from.0.is_null() {
            return Self(context, Vec::new());
        }
        // SAFETY: `size` is the first field, so it stands at the address itself, and there is at least
        // that (the caller's word). Read by itself, since a reference would claim all fields.
        let given = unsafe { from.0.cast::<usize>().read() };
        // SAFETY: source: `given` bytes are readable (the caller's word); target: no more than it has.
        unsafe {
            ptr::copy_nonoverlapping(
                from.0.cast::<u8>(),
                ptr::addr_of_mut!(context).cast::<u8>(),
                given.min(mem::size_of::<RawContext>()),
            );
        }
        Self(context, Vec::new())
    }

    pub(crate) fn deadline_ms(&self) -> i64 {
        self.0.deadline_ms
    }

    pub(crate) fn set_deadline_ms(&mut self, deadline_ms: i64) {
        self.0.deadline_ms = deadline_ms;
    }

    /// Gives `field` a text, which is kept as long as this is.
    pub(crate) fn keep(&mut self, field: fn(&mut RawContext) -> &mut Str, text: String) {
        *field(&mut self.0) = Str::new(text.as_bytes());
        self.1.push(text);
    }
}

macro_rules! strings {
    ($($field:ident)+) => {
        impl Given {$(
            /// None when it is empty or not UTF-8.
            pub(crate) fn $field(&self) -> Option<&str> {
                // SAFETY: readable as long as `self` lives: the promise of `copy`.
                let bytes = unsafe { self.0.$field.bytes() };
                std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())
            }
        )+}
    };
}
strings! { activation_id transaction_id ns action_name action_version api_key api_host traceparent tracestate }
