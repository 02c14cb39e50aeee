//! Reading a body without trusting its length, nor, of an error, that it ever ends.

use std::future::Future;
use std::time::Duration;

use super::transport::{Body, TransportError};

/// The most that is read of an answer in one piece.
pub(crate) const REPLY_MAX: usize = 64 << 20;

/// The most that is read of an answer that is made of vectors.
pub(crate) const EMBEDDINGS_MAX: usize = 256 << 20;

/// The most that is read of an error's body. What follows is not read; the connection is closed.
pub(crate) const ERROR_MAX: usize = 256 << 10;

/// How long an error's body is waited for, all its pieces together. The status says most of it already, and until it is
/// told nobody else is asked.
const ERROR_TIME: Duration = Duration::from_secs(1);

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

/// The beginning of an error's body: as much as came within a second, and at most [`ERROR_MAX`]. Its status is known
/// already, so nothing that goes wrong here is worth losing that for.
pub(crate) async fn read_error(body: &mut Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    within(ERROR_TIME, async {
        while let Ok(Some(chunk)) = body.chunk().await {
            let room = ERROR_MAX - bytes.len();
            bytes.extend(chunk.iter().take(room));
            if bytes.len() == ERROR_MAX {
                break;
            }
        }
    })
    .await;
    bytes
}

/// Polls to the end, or until the time is over. Without tokio there is no clock to go by: a transport of one's own may
/// run under another executor, and the caller's own timer is what bounds it there.
async fn within(time: Duration, future: impl Future<Output = ()>) {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => tokio::time::timeout(time, future).await.unwrap_or_default(),
        Err(_) => future.await,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use http_body::Frame;
    use tokio::time::{Instant, Sleep, sleep};

    use super::*;

    /// Gives a piece after each pause, and then never ends.
    struct Slow {
        pieces: VecDeque<&'static str>,
        pause: Duration,
        sleep: Pin<Box<Sleep>>,
    }

    impl Slow {
        fn body(pieces: impl IntoIterator<Item = &'static str>, pause: Duration) -> Body {
            let sleep = Box::pin(sleep(pause));
            Body::new(Self { pieces: pieces.into_iter().collect(), pause, sleep })
        }
    }

    impl http_body::Body for Slow {
        type Data = Bytes;
        type Error = TransportError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
            std::task::ready!(self.sleep.as_mut().poll(cx));
            let Some(piece) = self.pieces.pop_front() else { return Poll::Pending };
            let next = Instant::now() + self.pause;
            self.sleep.as_mut().reset(next);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_whose_body_stalls_is_told_by_what_came() {
        let begun = Instant::now();
        let mut body = Slow::body(["no ", "money"], Duration::ZERO);
        assert_eq!(read_error(&mut body).await, b"no money");
        assert!(begun.elapsed() <= ERROR_TIME * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_trickles_is_bounded_in_all() {
        let begun = Instant::now();
        let mut body = Slow::body(["x"; 1000], Duration::from_millis(300));
        assert_eq!(read_error(&mut body).await, b"xxx");
        assert!(begun.elapsed() <= ERROR_TIME * 2, "{:?}", begun.elapsed());
    }

    #[test]
    fn an_error_is_read_without_a_runtime_as_well() {
        let mut body = Body::from("no money");
        let mut reading = std::pin::pin!(read_error(&mut body));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert_eq!(reading.as_mut().poll(&mut context), Poll::Ready(b"no money".to_vec()));
    }
}
