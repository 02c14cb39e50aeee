//! How the body of a streamed answer is cut into frames, whatever a frame is.

use std::fmt::Debug;

/// The most bytes a frame may have.
pub(crate) const FRAME_MAX: usize = 8 << 20;

/// Finds frames in bytes. Pure: how the bytes were cut makes no difference, and only what belongs to a frame that is
/// still to end is held.
pub(crate) trait Frames: Default + Debug + Send + Unpin + 'static {
    /// One frame.
    type Frame;

    /// Whether a body that begins with these bytes, after a byte order mark and white space, is one value or a page
    /// in place of frames. The first byte is not white space.
    fn is_whole(start: u8) -> bool;

    /// Takes bytes from the front of `input` until a frame has ended or there are none left.
    fn next(&mut self, input: &mut &[u8]) -> Result<Option<Self::Frame>, BadFrame>;

    /// The frame that the end of the body ends, if one has begun.
    fn end(self) -> Result<Option<Self::Frame>, BadFrame>;
}

/// Why bytes are no frame.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadFrame {
    /// It has more than [`FRAME_MAX`] bytes.
    TooLong,
    /// It is damaged.
    Damaged(&'static str),
}
