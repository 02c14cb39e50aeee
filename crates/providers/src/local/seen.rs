//! What is known of a model's file before anybody asks the model.
//!
//! To look at a file takes as long as the disk, or the network that the disk is on, happens to take. So no call does it: a
//! thread looks when the provider is built, and again now and then, and calls are told what it saw last.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::file::Stamp;

/// How often a file is looked at while it is asked for.
const EVERY: Duration = Duration::from_millis(250);

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// `None` if it is not there.
    pub(super) stamp: Option<Stamp>,
    /// The window, or why it cannot be used.
    pub(super) window: Result<u32, String>,
}

/// Looks at a file, given what was known of it.
type Look = dyn Fn(Option<Known>) -> Known + Send + Sync;

/// A file, and what was last seen of it.
#[derive(Clone)]
pub(super) struct Seen {
    shared: Arc<Shared>,
    every: Duration,
}

struct Shared {
    look: Box<Look>,
    state: Mutex<State>,
    /// Somebody has looked.
    looked: Condvar,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    is_looking: bool,
    last: Option<Instant>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// A file that is looked at like this, and for the first time now.
    pub(super) fn new(look: impl Fn(Option<Known>) -> Known + Send + Sync + 'static) -> Self {
        let shared = Shared { look: Box::new(look), state: Mutex::default(), looked: Condvar::new() };
        let seen = Self { shared: Arc::new(shared), every: EVERY };
        seen.look();
        seen
    }

    /// What was last seen; `None` as long as the first look has not come to its end. If that was a while ago, somebody
    /// looks again, for the calls to come.
    pub(super) fn known(&self) -> Option<Known> {
        let state = self.shared.lock();
        let is_old = state.last.is_none_or(|last| last.elapsed() >= self.every);
        let known = state.known.clone();
        drop(state);
        if is_old {
            self.look();
        }
        known
    }

    /// Notes what somebody who had to look has seen.
    pub(super) fn note(&self, known: Known) {
        let mut state = self.shared.lock();
        (state.known, state.last) = (Some(known), Some(Instant::now()));
    }

    /// Waits for the first look to come to its end, at most until then.
    pub(super) fn wait(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let unknown = |state: &mut State| state.is_looking && state.known.is_none();
        drop(self.shared.looked.wait_timeout_while(self.shared.lock(), left, unknown));
    }

    /// Has a thread look, unless one does already.
    fn look(&self) {
        let mut state = self.shared.lock();
        if std::mem::replace(&mut state.is_looking, true) {
            return;
        }
        let before = state.known.clone();
        drop(state);
        let shared = Arc::clone(&self.shared);
        let look = move || {
            let known = (shared.look)(before);
            let mut state = shared.lock();
            *state = State { known: Some(known), is_looking: false, last: Some(Instant::now()) };
            drop(state);
            shared.looked.notify_all();
        };
        // Without a thread nothing is known, and the next call tries again.
        if thread::Builder::new().name("backstop file".to_owned()).spawn(look).is_err() {
            self.shared.lock().is_looking = false;
        }
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen").field("known", &self.shared.lock().known).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(20);

    fn known(window: u32) -> Known {
        Known { stamp: None, window: Ok(window) }
    }

    #[test]
    fn a_file_is_looked_at_by_another_thread_and_nobody_waits_for_a_slow_one() {
        let (open, gate) = channel::<()>();
        let (tell, told) = channel();
        let gate = Mutex::new(gate);
        let seen = Seen::new(move |_| {
            tell.send(thread::current().id()).unwrap();
            let _ = gate.lock().unwrap().recv();
            known(7)
        });
        assert_ne!(told.recv_timeout(LONG), Ok(thread::current().id()));
        seen.wait(Instant::now() + Duration::from_millis(1));
        assert_eq!(seen.known(), None);
        // A second look does not begin while the first goes on.
        assert!(told.try_recv().is_err());
        drop(open);
        seen.wait(Instant::now() + LONG);
        assert_eq!(seen.known(), Some(known(7)));
    }

    #[test]
    fn a_change_is_seen_by_a_later_call_and_what_was_known_is_passed_on() {
        let now = Arc::new(AtomicU32::new(1));
        let file = Arc::clone(&now);
        let mut seen = Seen::new(move |before| {
            let window = file.load(Ordering::SeqCst);
            before.filter(|known| known.window == Ok(window)).unwrap_or_else(|| known(window))
        });
        seen.wait(Instant::now() + LONG);
        assert_eq!(seen.known(), Some(known(1)));
        seen.every = Duration::ZERO;
        now.store(2, Ordering::SeqCst);
        let until = Instant::now() + LONG;
        while seen.known() != Some(known(2)) {
            assert!(Instant::now() < until, "it is never seen");
            thread::yield_now();
        }
    }

    #[test]
    fn what_a_call_has_seen_itself_counts_at_once() {
        let seen = Seen::new(|_| known(1));
        seen.wait(Instant::now() + LONG);
        seen.note(known(2));
        assert_eq!(seen.known(), Some(known(2)));
    }
}
