//! What a server remembers for the test that looks at it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::request::SeenRequest;

/// Requests kept for inspection; later ones are only counted.
const KEPT: usize = 10_000;
/// Bytes kept over all requests.
const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// The counts a test may wait for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) hits: usize,
    pub(super) open: usize,
    pub(super) connections: usize,
}

#[derive(Debug, Default)]
struct Kept {
    requests: Vec<SeenRequest>,
    bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Record {
    kept: Mutex<Kept>,
    tally: watch::Sender<Tally>,
    sent: AtomicU64,
}

impl Record {
    pub(super) fn saw(&self, request: SeenRequest) {
        {
            let mut kept = self.kept();
            let bytes = kept.bytes + request.size();
            if kept.requests.len() < KEPT && bytes <= KEPT_BYTES {
                kept.bytes = bytes;
                kept.requests.push(request);
            }
        }
        // Counted last: whoever waits for the hit finds the request kept.
        self.tally.send_modify(|tally| tally.hits += 1);
    }

    pub(super) fn requests(&self) -> Vec<SeenRequest> {
        self.kept().requests.clone()
    }

    pub(super) fn tally(&self) -> Tally {
        *self.tally.borrow()
    }

    pub(super) fn opened(&self) {
        self.tally.send_modify(|tally| {
            tally.open += 1;
            tally.connections += 1;
        });
    }

    pub(super) fn closed(&self) {
        self.tally.send_modify(|tally| tally.open -= 1);
    }

    pub(super) fn watch(&self) -> watch::Receiver<Tally> {
        self.tally.subscribe()
    }

    pub(super) fn sending(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    pub(super) fn unsent(&self, bytes: usize) {
        self.sent.fetch_sub(bytes as u64, Ordering::SeqCst);
    }

    pub(super) fn bytes_sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it holds the lock, and a list half pushed to is still a list.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: usize) -> SeenRequest {
        SeenRequest::new("POST".to_owned(), String::new(), Vec::new(), vec![0; body])
    }

    #[test]
    fn requests_over_the_count_are_counted_but_not_kept() {
        let record = Record::default();
        for _ in 0..=KEPT {
            record.saw(request(0));
        }
        assert_eq!(record.requests().len(), KEPT);
        assert_eq!(record.tally().hits, KEPT + 1);
    }

    #[test]
    fn requests_over_the_bytes_are_counted_but_not_kept() {
        let record = Record::default();
        for _ in 0..3 {
            record.saw(request(KEPT_BYTES / 2));
        }
        assert_eq!(record.requests().len(), 2);
        assert_eq!(record.tally().hits, 3);
    }
}
