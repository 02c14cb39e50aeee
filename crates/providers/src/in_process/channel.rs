//! From a thread that writes to a task that reads.
//!
//! The writer never waits: a reader that stops reading would stop the thread, and with it every answer that waits for
//! the thread. What is unread is kept instead. That is bounded by what the writer has to say, which for a model is its
//! window; so a reader that has stopped takes no more of the thread's time than a quick one. Whoever drops its end makes
//! the writer stop.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How many items wait one by one. Later ones are joined to the last, so that what waits takes the room of its text
/// and not that of its pieces.
const APART: usize = 64;

/// Joins an item to the one in front of it, or gives it back if it has to stand alone.
pub(super) type Join<T> = fn(&mut T, T) -> Option<T>;

/// A new pair.
pub(super) fn channel<T>(join: Join<T>) -> (Sender<T>, Receiver<T>) {
    let state = State { items: VecDeque::new(), ended: false, left: false, reader: None };
    let shared = Arc::new(Shared { state: Mutex::new(state), join });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

struct Shared<T> {
    state: Mutex<State<T>>,
    join: Join<T>,
}

struct State<T> {
    items: VecDeque<T>,
    /// No more will come.
    ended: bool,
    /// Nobody reads any more.
    left: bool,
    reader: Option<Waker>,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing in here panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing end. Dropping it ends the items.
pub(super) struct Sender<T>(Arc<Shared<T>>);

/// The reading end. Dropping it tells the writer.
pub(super) struct Receiver<T>(Arc<Shared<T>>);

/// Nobody reads any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Left;

impl<T> Sender<T> {
    /// Hands over an item.
    pub(super) fn send(&self, item: T) -> Result<(), Left> {
        let mut state = self.0.lock();
        if state.left {
            return Err(Left);
        }
        let many = state.items.len() >= APART;
        let alone = match state.items.back_mut().filter(|_| many) {
            Some(last) => (self.0.join)(last, item),
            None => Some(item),
        };
        state.items.extend(alone);
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Whether nobody reads any more.
    pub(super) fn is_left(&self) -> bool {
        self.0.lock().left
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ended = true;
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }
}

impl<T> Receiver<T> {
    /// The next item; `None` after the last.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.lock();
        if let Some(item) = state.items.pop_front() {
            return Poll::Ready(Some(item));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.left = true;
        let unread = std::mem::take(&mut state.items);
        drop((state, unread));
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn next<T>(receiver: &Receiver<T>) -> Option<T> {
        struct Unpark(thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Arc::new(Unpark(thread::current())).into();
        loop {
            match receiver.poll_next(&mut Context::from_waker(&waker)) {
                Poll::Ready(item) => return item,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Numbers that stand alone.
    fn numbers() -> (Sender<u32>, Receiver<u32>) {
        channel(|_, item| Some(item))
    }

    #[test]
    fn items_arrive_in_order_and_then_the_end() {
        let (sender, receiver) = numbers();
        let writer = thread::spawn(move || (0..1000).try_for_each(|item| sender.send(item)));
        let read: Vec<u32> = std::iter::from_fn(|| next(&receiver)).collect();
        assert_eq!(read, (0..1000).collect::<Vec<_>>());
        assert_eq!(writer.join().unwrap(), Ok(()));
    }

    #[test]
    fn a_writer_does_not_wait_for_a_reader_and_what_it_is_behind_with_is_joined() {
        let (sender, receiver) = channel(|last: &mut String, more: String| {
            last.push_str(&more);
            None
        });
        let all: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        all.iter().for_each(|item| sender.send(item.clone()).unwrap());
        drop(sender);
        let read: Vec<String> = std::iter::from_fn(|| next(&receiver)).collect();
        assert_eq!((read.len(), &read[..APART - 1]), (APART, &all[..APART - 1]));
        assert_eq!(read.concat(), all.concat());
    }

    #[test]
    fn a_writer_learns_that_nobody_reads_any_more() {
        let (sender, receiver) = numbers();
        let (begun, wait) = std::sync::mpsc::channel();
        let writer = thread::spawn(move || {
            assert_eq!(sender.send(0), Ok(()));
            wait.recv().unwrap();
            (sender.send(1), sender.is_left())
        });
        assert_eq!(next(&receiver), Some(0));
        drop(receiver);
        begun.send(()).unwrap();
        assert_eq!(writer.join().unwrap(), (Err(Left), true));
    }
}
