//! What the fuzz targets share: the providers they feed, grouped by how their answers are framed, and what has to hold
//! whatever a server sends. Each provider is asked through its public API, over a transport that is no network.

mod door;
mod family;
mod frames;
mod headers;
mod sound;
mod stream;
mod whole;

pub use family::{ALL, FRAMES, Family, LINES, SSE, VECTORS};
pub use headers::refusal;
pub use stream::stream;
pub use whole::whole;

/// What must never be seen in an error.
pub const KEY: &str = "q7Zk-4uW9fXw2LbRt6Ye1";

/// Stands for the key in an input, so that a server that repeats keys is likely to be found.
const KEY_HERE: u8 = 0x1a;

/// The input with the key put in.
fn with_key(input: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(input.len());
    for byte in input {
        match *byte {
            KEY_HERE => bytes.extend_from_slice(KEY.as_bytes()),
            byte => bytes.push(byte),
        }
    }
    bytes
}
