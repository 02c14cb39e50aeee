//! What the tests of the providers with a wire of their own share.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod cuts;
pub(crate) mod fake;
pub(crate) mod rows;
pub(crate) mod server;
pub(crate) mod told;
