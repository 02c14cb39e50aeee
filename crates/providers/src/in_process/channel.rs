//! From a thread that writes to a task that reads. Whoever reads slowly makes the writer wait; whoever stops reading
//! makes it stop.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How many items may wait to be read.
const ROOM: usize = 64;

/// A new pair.
pub(super) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State { items: VecDeque::new(), ended: false, left: false, reader: None }),
        room: Condvar::new(),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// There is room again, or nobody reads any more.
    room: Condvar,
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
    /// Hands over an item, once there is room for it.
    pub(super) fn send(&self, item: T) -> Result<(), Left> {
        let full = |state: &mut State<T>| state.items.len() >= ROOM && !state.left;
        let state = self.0.room.wait_while(self.0.lock(), full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.left {
            return Err(Left);
        }
        state.items.push_back(item);
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
            drop(state);
            self.0.room.notify_one();
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
        self.0.room.notify_one();
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

    #[test]
    fn items_arrive_in_order_and_then_the_end() {
        let (sender, receiver) = channel();
        let writer = thread::spawn(move || (0..1000).try_for_each(|item| sender.send(item)));
        let read: Vec<u32> = std::iter::from_fn(|| next(&receiver)).collect();
        assert_eq!(read, (0..1000).collect::<Vec<_>>());
        assert_eq!(writer.join().unwrap(), Ok(()));
    }

    #[test]
    fn a_writer_waits_for_a_slow_reader() {
        let (sender, receiver) = channel();
        (0..ROOM).for_each(|item| sender.send(item).unwrap());
        let writer = thread::spawn(move || sender.send(ROOM));
        assert_eq!(next(&receiver), Some(0));
        assert_eq!(writer.join().unwrap(), Ok(()));
        assert_eq!(std::iter::from_fn(|| next(&receiver)).count(), ROOM);
    }

    #[test]
    fn a_writer_that_waits_learns_that_nobody_reads_any_more() {
        let (sender, receiver) = channel();
        let writer = thread::spawn(move || {
            let sent = (0..).take_while(|item| sender.send(*item).is_ok()).count();
            (sent, sender.is_left())
        });
        assert_eq!(next(&receiver), Some(0));
        drop(receiver);
        let (sent, left) = writer.join().unwrap();
        assert!(left && sent <= ROOM + 2, "{sent}");
    }
}
