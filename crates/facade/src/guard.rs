//! Code of providers, kept from taking the caller down with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a provider's code comes to; nothing if it panics. What it leaves behind is dropped and never looked at again, and
/// its message is shown to nobody: it may quote the request.
pub(crate) fn guarded<T>(code: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(code)).ok()
}
