//! Reading a body without trusting its length.

use super::transport::{Body, TransportError};

/// The most that is read of an answer in one piece.
pub(crate) const REPLY_MAX: usize = 64 << 20;

/// The most that is read of an answer that is made of vectors.
pub(crate) const EMBEDDINGS_MAX: usize = 256 << 20;

/// The most that is read of an error's body. What follows is not read; the connection is closed.
pub(crate) const ERROR_MAX: usize = 256 << 10;

/// The most memory that is taken on the word of a header alone.
const AT_ONCE: usize = 1 << 20;

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It has more bytes than this.
    TooLong(usize),
    /// It broke off.
    Broken(TransportError),
}

/// The whole body, if it is within `max` bytes.
pub(crate) async fn read_reply(body: &mut Body, max: usize) -> Result<Vec<u8>, Unread> {
    let announced = http_body::Body::size_hint(body).lower();
    let announced = usize::try_from(announced).ok().filter(|length| *length <= max);
    let announced = announced.ok_or(Unread::TooLong(max))?;
    let mut bytes = Vec::with_capacity(announced.min(AT_ONCE));
    while let Some(chunk) = body.chunk().await.map_err(Unread::Broken)? {
        if bytes.len() + chunk.len() > max {
            return Err(Unread::TooLong(max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The beginning of an error's body: as much as came, and at most [`ERROR_MAX`]. Its status is known already, so
/// nothing that goes wrong here is worth losing that for.
pub(crate) async fn read_error(body: &mut Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = body.chunk().await {
        let room = ERROR_MAX - bytes.len();
        bytes.extend(chunk.iter().take(room));
        if bytes.len() == ERROR_MAX {
            break;
        }
    }
    bytes
}
