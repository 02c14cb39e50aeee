//! Tokens of OAuth: where they come from, and one that is kept while it is good.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backstop_core::{Ask, Error, ErrorKind, Secret};
use http::header::AUTHORIZATION;

use crate::http::{Attempt, HttpResponse, Post, Refusal, Service, bearer};

/// How long before its end a token is replaced. One that lives shorter is replaced halfway.
const EARLY: Duration = Duration::from_secs(300);

/// A token that ends within this is as good as gone: the request has to arrive with it.
const LAST: Duration = Duration::from_secs(10);

/// How long a token that is still good is used before a new one is asked for again, if that failed.
const AGAIN: Duration = Duration::from_secs(30);

/// Gives out tokens of OAuth for requests to Google's cloud.
///
/// For credentials that this crate does not know itself: workload identity, impersonation, a vault. It is asked once
/// for everybody who waits, and again shortly before the token's [lifetime](Token::with_lifetime) ends. What it fails with
/// becomes an error of the kind `Auth`, or stays one of the kind `Connect`.
///
/// # Cancellation
/// If the call that asks is dropped, the future is dropped with it, and the next who waits asks anew.
///
/// ```
/// use backstop_core::{Error, async_trait};
/// use backstop_providers::vertex::{Token, TokenSource};
///
/// #[derive(Debug)]
/// struct Vault;
///
/// #[async_trait]
/// impl TokenSource for Vault {
///     async fn token(&self) -> Result<Token, Error> {
///         Ok(Token::new("ya29.from-the-vault").with_lifetime(std::time::Duration::from_secs(3600)))
///     }
/// }
/// ```
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync + 'static {
    /// A token that is good now.
    ///
    /// # Errors
    /// Why there is none.
    async fn token(&self) -> Result<Token, Error>;
}

/// A token of OAuth.
#[derive(Clone, Debug)]
pub struct Token {
    secret: Secret,
    lifetime: Option<Duration>,
}

impl Token {
    /// A token for whoever waits for it now.
    #[must_use]
    pub fn new(secret: impl Into<Secret>) -> Self {
        Self { secret: secret.into(), lifetime: None }
    }

    /// Says for how long it is good from now on, so that it is kept and used again.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}

/// The tokens of a provider: at most one is kept, and at most one is asked for at a time.
#[derive(Debug)]
pub(crate) struct Tokens {
    source: Arc<dyn TokenSource>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: Option<Kept>,
    /// Somebody is asking.
    asking: bool,
    /// How often somebody has asked, to the end.
    asked: u64,
    /// What the last who asked was told, for those who waited for it.
    told: Option<Result<Secret, Failure>>,
    waiting: Vec<Waker>,
}

#[derive(Clone, Debug)]
struct Kept {
    secret: Secret,
    /// From then on a new one is asked for.
    renew: Instant,
    end: Instant,
}

/// Why there is no token, in a form that can be told to many.
#[derive(Clone, Debug)]
struct Failure {
    kind: ErrorKind,
    message: String,
}

impl Failure {
    fn of(error: &Error) -> Self {
        let kind = if error.kind() == ErrorKind::Connect { ErrorKind::Connect } else { ErrorKind::Auth };
        Self { kind, message: format!("no token: {}", error.message()) }
    }
}

/// What who wants a token is to do.
enum Turn<'a> {
    Take(Result<Secret, Failure>),
    Ask(Asking<'a>),
}

/// The right to ask. Whoever is dropped while asking passes it on.
struct Asking<'a>(&'a Tokens);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.state();
            state.asking = false;
            // Where there is no new one, whoever comes next has the old one, and need not wait for the same.
            let now = Instant::now();
            if let Some(kept) = state.kept.as_mut().filter(|kept| kept.renew <= now && kept.lasts(now)) {
                kept.renew = now + AGAIN;
            }
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Tokens {
    pub(super) fn new(source: Arc<dyn TokenSource>) -> Self {
        Self { source, state: Mutex::default() }
    }

    /// Sends one request with a token. If that is refused, the next request asks for another one.
    pub(super) async fn post<'a>(
        &self,
        service: &Service,
        mut attempt: Attempt<'a>,
        ask: Ask<'a>,
        mut post: Post<'_>,
        refused: impl FnOnce(&Attempt<'_>, &Refusal<'_>) -> Error,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        // A target that brings its own needs no other.
        let brings_own =
            ask.headers().iter().any(|(name, _)| name.eq_ignore_ascii_case(AUTHORIZATION.as_str()));
        let mut used = None;
        if !brings_own {
            let had = self.state().kept.as_ref().map(|kept| kept.secret.clone());
            let token =
                self.token().await.map_err(|failure| attempt.error(failure.kind, &failure.message))?;
            let value = bearer(service.name(), &token).map_err(|error| {
                self.forget(&token);
                attempt.error(ErrorKind::Auth, error.message())
            })?;
            post.headers.insert(AUTHORIZATION, value);
            attempt.mask.to_mut().add(token.clone());
            let is_old = had.is_some_and(|had| had.expose() == token.expose());
            used = Some((token, is_old));
        }
        let outcome = service.post(&attempt, ask, post, |refusal| refused(&attempt, refusal)).await;
        match outcome {
            Ok(response) => Ok((attempt, response)),
            Err(error) => {
                let Some((token, is_old)) = used.filter(|_| error.status() == Some(401)) else {
                    return Err(error);
                };
                self.forget(&token);
                if !is_old {
                    return Err(error);
                }
                // It may have been taken back, or a machine that slept did not see it end: a new one is worth a try.
                let again = attempt.error(ErrorKind::Server, error.message()).with_status(401).not_counted();
                Err(match error.request_id() {
                    Some(id) => again.with_request_id(id),
                    None => again,
                })
            }
        }
    }

    async fn token(&self) -> Result<Secret, Failure> {
        let seen = self.state().asked;
        let asking = match poll_fn(|cx| self.poll_turn(cx, seen)).await {
            Turn::Take(told) => return told,
            Turn::Ask(asking) => asking,
        };
        let begun = Instant::now();
        let outcome = self.source.token().await;
        let outcome = self.settle(begun, outcome);
        drop(asking);
        outcome
    }

    /// What to do now; pending while somebody else asks. `seen` is how often somebody had asked when this one came.
    fn poll_turn(&self, cx: &Context<'_>, seen: u64) -> Poll<Turn<'_>> {
        let now = Instant::now();
        let mut state = self.state();
        let kept = state.kept.as_ref().filter(|kept| now < kept.renew || (state.asking && kept.lasts(now)));
        if let Some(kept) = kept {
            return Poll::Ready(Turn::Take(Ok(kept.secret.clone())));
        }
        if state.asking {
            if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.waiting.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        // Who has waited for an answer has it, good or bad: or else all of them would ask, one after the other.
        if let Some(told) = state.told.as_ref().filter(|_| state.asked > seen) {
            return Poll::Ready(Turn::Take(told.clone()));
        }
        state.asking = true;
        Poll::Ready(Turn::Ask(Asking(self)))
    }

    fn settle(&self, begun: Instant, outcome: Result<Token, Error>) -> Result<Secret, Failure> {
        let mut state = self.state();
        let told = match outcome {
            Ok(Token { secret, lifetime }) => {
                state.kept = lifetime.and_then(|lifetime| Kept::of(secret.clone(), begun, lifetime));
                Ok(secret)
            }
            Err(error) => {
                // The old one may last a little longer.
                let kept = state.kept.as_ref().filter(|kept| kept.lasts(Instant::now()));
                kept.map(|kept| kept.secret.clone()).ok_or_else(|| Failure::of(&error))
            }
        };
        state.asked += 1;
        state.told = Some(told.clone());
        told
    }

    fn forget(&self, token: &Secret) {
        let mut state = self.state();
        if matches!(&state.told, Some(Ok(told)) if told.expose() == token.expose()) {
            state.told = None;
        }
        // By now there may be a newer one.
        if state.kept.as_ref().is_some_and(|kept| kept.secret.expose() == token.expose()) {
            state.kept = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Nothing for a lifetime that no clock can count.
    fn of(secret: Secret, begun: Instant, lifetime: Duration) -> Option<Self> {
        let renew = begun.checked_add(lifetime - EARLY.min(lifetime / 2))?;
        Some(Self { secret, renew, end: begun.checked_add(lifetime)? })
    }

    fn lasts(&self, now: Instant) -> bool {
        now + LAST < self.end
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;

    use super::*;

    /// Fails, or never answers.
    #[derive(Debug)]
    struct Vault {
        hangs: bool,
    }

    #[async_trait]
    impl TokenSource for Vault {
        async fn token(&self) -> Result<Token, Error> {
            if self.hangs {
                std::future::pending::<()>().await;
            }
            Err(Error::new(ErrorKind::Auth, "shut"))
        }
    }

    /// Tokens of which one is kept that should be replaced by now and ends in this time.
    fn with_kept(hangs: bool, left: Duration) -> Tokens {
        let tokens = Tokens::new(Arc::new(Vault { hangs }));
        let now = Instant::now();
        tokens.state().kept = Some(Kept { secret: Secret::new("old"), renew: now, end: now + left });
        tokens
    }

    async fn polled<T>(future: impl Future<Output = T>) -> Poll<T> {
        let mut future = pin!(future);
        poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
    }

    #[tokio::test]
    async fn while_a_token_lasts_nobody_waits_for_the_next() {
        let tokens = with_kept(true, Duration::from_secs(60));
        let mut asker = pin!(tokens.token());
        assert!(poll_fn(|cx| Poll::Ready(asker.as_mut().poll(cx))).await.is_pending());
        let Poll::Ready(Ok(token)) = polled(tokens.token()).await else { panic!("the old one lasts") };
        assert_eq!(token.expose(), "old");

        let tokens = with_kept(true, LAST / 2);
        let mut asker = pin!(tokens.token());
        assert!(poll_fn(|cx| Poll::Ready(asker.as_mut().poll(cx))).await.is_pending());
        assert!(polled(tokens.token()).await.is_pending(), "it would not arrive in time");
    }

    #[tokio::test]
    async fn who_comes_after_one_that_asked_in_vain_does_not_do_the_same_while_the_old_token_lasts() {
        let tokens = with_kept(true, Duration::from_secs(60));
        assert!(polled(tokens.token()).await.is_pending());
        let Poll::Ready(Ok(token)) = polled(tokens.token()).await else { panic!("it waits as well") };
        assert_eq!(token.expose(), "old");
    }

    #[tokio::test]
    async fn a_failure_hurts_nobody_while_the_old_token_lasts() {
        let tokens = with_kept(false, Duration::from_secs(60));
        assert_eq!(tokens.token().await.unwrap().expose(), "old");
        let tokens = with_kept(false, LAST / 2);
        assert_eq!(tokens.token().await.unwrap_err().message, "no token: shut");
    }

    #[tokio::test]
    async fn only_the_token_that_was_refused_is_forgotten() {
        let tokens = with_kept(false, Duration::from_secs(3600));
        tokens.state().kept.as_mut().unwrap().renew += Duration::from_secs(3000);
        tokens.forget(&Secret::new("older"));
        assert_eq!(tokens.token().await.unwrap().expose(), "old");
        tokens.forget(&Secret::new("old"));
        assert!(tokens.token().await.is_err());
    }

    #[tokio::test]
    async fn one_task_that_looks_again_and_again_waits_once() {
        let tokens = with_kept(true, Duration::ZERO);
        let mut asker = pin!(tokens.token());
        let mut waiter = pin!(tokens.token());
        for _ in 0..10 {
            assert!(poll_fn(|cx| Poll::Ready(asker.as_mut().poll(cx))).await.is_pending());
            assert!(poll_fn(|cx| Poll::Ready(waiter.as_mut().poll(cx))).await.is_pending());
        }
        assert_eq!(tokens.state().waiting.len(), 1);
    }
}
