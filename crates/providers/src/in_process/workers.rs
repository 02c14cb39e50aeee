//! Threads that run models, so that no async thread does.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use backstop_core::{Error, ErrorKind};

use super::channel::{Sender, channel};
use super::reply::{Piece, Writing};

/// How many answers may wait for a thread.
const WAITING: usize = 64;

/// A few threads, begun as they are needed and ended when there is nothing left to do.
#[derive(Clone)]
pub(crate) struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    /// The most threads at a time.
    threads: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    waiting: VecDeque<Job>,
}

struct Job {
    out: Out,
    work: Box<Work>,
}

/// Writes the text of an answer and returns its last piece.
type Work = dyn FnOnce(&Out) -> Result<Piece, Error> + Send;

/// Where the pieces of an answer go.
pub(crate) struct Out(Sender<Result<Piece, Error>>);

impl Out {
    /// More text; false if nobody wants it any more.
    pub(crate) fn text(&self, text: String) -> bool {
        text.is_empty() || self.0.send(Ok(Piece::Text(text))).is_ok()
    }

    /// Whether nobody wants the answer any more.
    pub(crate) fn is_left(&self) -> bool {
        self.0.is_left()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Workers {
    /// At most this many threads at a time.
    pub(crate) fn new(threads: usize) -> Self {
        Self { shared: Arc::new(Shared { threads: threads.max(1), state: Mutex::default() }) }
    }

    /// Has an answer written: `work` writes its text and returns its last piece, on a thread of its own.
    ///
    /// # Errors
    /// `Overloaded` if too many answers are waiting already.
    pub(crate) fn write(
        &self,
        work: impl FnOnce(&Out) -> Result<Piece, Error> + Send + 'static,
    ) -> Result<Writing, Error> {
        let (sender, receiver) = channel(Piece::join);
        let job = Job { out: Out(sender), work: Box::new(work) };
        let mut state = self.shared.lock();
        if state.running < self.shared.threads {
            state.running += 1;
            drop(state);
            self.begin(job)?;
        } else {
            if state.waiting.len() >= WAITING {
                state.waiting.retain(|job| !job.out.is_left());
            }
            if state.waiting.len() >= WAITING {
                let message = format!("{WAITING} answers wait for this model already");
                return Err(Error::new(ErrorKind::Overloaded, message));
            }
            state.waiting.push_back(job);
        }
        Ok(Writing::new(receiver))
    }

    fn begin(&self, first: Job) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let mut next = Some(first);
            while let Some(job) = next {
                job.run();
                let mut state = shared.lock();
                next = state.waiting.pop_front();
                if next.is_none() {
                    state.running -= 1;
                }
            }
        };
        let begun = thread::Builder::new().name("backstop model".to_owned()).spawn(work);
        begun.map(drop).map_err(|cause| {
            self.shared.lock().running -= 1;
            Error::new(ErrorKind::Overloaded, "no thread can be begun for the model").with_source(cause)
        })
    }
}

impl Job {
    fn run(self) {
        let Self { out, work } = self;
        if out.is_left() {
            return;
        }
        // A model that panics costs its answer and not the thread: others are waiting for that.
        let last = catch_unwind(AssertUnwindSafe(|| work(&out)));
        let last = last.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Server, "the model stopped at a bug in its code: please report it"))
        });
        // Whether anybody still reads makes no difference now.
        let _ = out.0.send(last);
    }
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers").field("threads", &self.shared.threads).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use backstop_core::Usage;
    use backstop_core::chat::FinishReason;

    use super::super::reply::tests::wait;
    use super::*;

    fn end() -> Result<Piece, Error> {
        Ok(Piece::End(FinishReason::Stop, Usage::UNKNOWN))
    }

    #[test]
    fn no_more_models_run_at_a_time_than_there_are_threads_for() {
        let workers = Workers::new(2);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let both = Arc::new(Barrier::new(2));
        let answers: Vec<_> = (0..20)
            .map(|_| {
                let (running, most, both) = (Arc::clone(&running), Arc::clone(&most), Arc::clone(&both));
                let work = move |_: &Out| {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    // Only two that run together get past this.
                    both.wait();
                    running.fetch_sub(1, Ordering::SeqCst);
                    end()
                };
                workers.write(work).unwrap()
            })
            .collect();
        for answer in answers {
            wait(answer).unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_full_queue_is_an_overload_and_those_who_left_make_room() {
        let workers = Workers::new(1);
        let gate = Arc::new(Barrier::new(2));
        let inside = Arc::clone(&gate);
        let first = workers
            .write(move |_| {
                inside.wait();
                end()
            })
            .unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| workers.write(|_| end()).unwrap()).collect();
        assert_eq!(workers.write(|_| end()).map(drop).unwrap_err().kind(), ErrorKind::Overloaded);
        waiting.pop();
        waiting.push(workers.write(|_| end()).unwrap());
        gate.wait();
        for answer in std::iter::once(first).chain(waiting) {
            wait(answer).unwrap();
        }
    }

    #[test]
    fn a_reader_that_stops_reading_holds_up_nobody_and_finds_all_of_its_answer_later() {
        let workers = Workers::new(1);
        let words = || (0..5000).map(|number| format!("{number} "));
        let stalled = workers
            .write(move |out| {
                assert!(words().all(|word| out.text(word)));
                end()
            })
            .unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let other = workers.write(move |_| {
            tell.send(()).unwrap();
            end()
        });
        assert_eq!(told.recv_timeout(std::time::Duration::from_secs(20)), Ok(()), "it waits for the reader");
        wait(other.unwrap()).unwrap();
        let (text, _, _) = wait(stalled).unwrap();
        assert_eq!(text, words().collect::<String>());
    }

    #[test]
    fn a_panic_costs_its_answer_and_no_other() {
        let workers = Workers::new(1);
        let bad = workers.write(|_| panic!("planted")).unwrap();
        let good = workers.write(|_| end()).unwrap();
        assert_eq!(wait(bad).unwrap_err().kind(), ErrorKind::Server);
        wait(good).unwrap();
    }
}
