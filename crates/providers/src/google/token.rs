//! Tokens of OAuth: where they come from, and one that is kept while it is good.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use backstop_core::{Ask, Error, ErrorKind, Secret};
use http::header::AUTHORIZATION;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::{Attempt, HttpResponse, Post, Refusal, Service, bearer};

/// How long before its end a token is replaced. One that lives shorter is replaced halfway.
const EARLY: Duration = Duration::from_secs(300);

/// A token that ends within this is as good as gone: the request has to arrive with it.
const LAST: Duration = Duration::from_secs(10);

/// How long a token that is still good is used before a new one is asked for again, if that failed.
const AGAIN: Duration = Duration::from_secs(30);

/// How long whoever waits for a token leaves the asking to somebody else. A caller that is not dropped and not polled
/// either would hold up all others for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// Gives out tokens of OAuth for requests to Google's cloud.
///
/// For credentials that this crate does not know itself: workload identity, impersonation, a vault. It is asked once
/// for everybody who waits, and again shortly before the token's [lifetime](Token::with_lifetime) ends. What it fails with
/// becomes an error of the kind `Auth`, or stays one of the kind `Connect`.
///
/// # Cancellation
/// If the call that asks is dropped, the future is dropped with it, and the next who waits asks anew. So it does if there is
/// no answer for five seconds: the call that asks may not be polled any more.
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

/// The tokens of a provider: at most one is kept, and at most one is asked for at a time, unless whoever asks takes
/// longer than the others' patience.
#[derive(Debug)]
pub(crate) struct Tokens {
    source: Arc<dyn TokenSource>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: Option<Kept>,
    /// Since when somebody is asking, who is known by the number of those before.
    asking: Option<(u64, Instant)>,
    /// How many have begun to ask.
    begun: u64,
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
    /// Somebody else asks, and is left to it until then.
    Wait(Instant),
}

/// The right to ask. Whoever is dropped while asking passes it on, and whoever takes too long has lost it.
struct Asking<'a> {
    tokens: &'a Tokens,
    number: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.tokens.state();
            if state.asking.is_none_or(|(number, _)| number != self.number) {
                return;
            }
            state.asking = None;
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
        let mut alarm = None;
        let asking = match poll_fn(|cx| self.poll_turn(cx, seen, &mut alarm)).await {
            Ok(asking) => asking,
            Err(told) => return told,
        };
        let begun = Instant::now();
        let outcome = self.source.token().await;
        let outcome = self.settle(begun, outcome);
        drop(asking);
        outcome
    }

    /// The right to ask, or what somebody else was told; pending while somebody else asks, and the alarm has not rung.
    fn poll_turn(
        &self,
        cx: &mut Context<'_>,
        seen: u64,
        alarm: &mut Option<Pin<Box<Sleep>>>,
    ) -> Poll<Result<Asking<'_>, Result<Secret, Failure>>> {
        loop {
            let until = match self.turn(cx, seen) {
                Turn::Take(told) => return Poll::Ready(Err(told)),
                Turn::Ask(asking) => return Poll::Ready(Ok(asking)),
                Turn::Wait(until) => until,
            };
            // Without tokio there is no clock that rings: then it is looked at whenever this call is polled.
            if Handle::try_current().is_err() {
                return Poll::Pending;
            }
            let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
            if alarm.deadline() != until {
                alarm.as_mut().reset(until);
            }
            std::task::ready!(alarm.as_mut().poll(cx));
        }
    }

    /// What to do now. `seen` is how often somebody had asked when this one came.
    fn turn(&self, cx: &Context<'_>, seen: u64) -> Turn<'_> {
        let now = Instant::now();
        let mut state = self.state();
        let asking = state.asking.map(|(_, since)| since + PATIENCE).filter(|until| now < *until);
        let kept =
            state.kept.as_ref().filter(|kept| now < kept.renew || (asking.is_some() && kept.lasts(now)));
        if let Some(kept) = kept {
            return Turn::Take(Ok(kept.secret.clone()));
        }
        if let Some(until) = asking {
            if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.waiting.push(cx.waker().clone());
            }
            return Turn::Wait(until);
        }
        // Who has waited for an answer has it, good or bad: or else all of them would ask, one after the other.
        if let Some(told) = state.told.as_ref().filter(|_| state.asked > seen) {
            return Turn::Take(told.clone());
        }
        state.begun += 1;
        state.asking = Some((state.begun, now));
        Turn::Ask(Asking { tokens: self, number: state.begun })
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
    use std::sync::atomic::{AtomicBool, Ordering};

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

    /// Answers everybody but the first.
    #[derive(Debug, Default)]
    struct HangsOnce(AtomicBool);

    #[async_trait]
    impl TokenSource for HangsOnce {
        async fn token(&self) -> Result<Token, Error> {
            if !self.0.swap(true, Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            Ok(Token::new("new"))
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

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_is_polled_once_and_parked_holds_nobody_up_for_ever() {
        let tokens = Tokens::new(Arc::new(HangsOnce::default()));
        let mut parked = pin!(tokens.token());
        assert!(poll_fn(|cx| Poll::Ready(parked.as_mut().poll(cx))).await.is_pending());
        let begun = Instant::now();
        let waiters = tokio::join!(tokens.token(), tokens.token());
        assert_eq!((waiters.0.unwrap().expose(), waiters.1.unwrap().expose()), ("new", "new"));
        assert!((PATIENCE..PATIENCE * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
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
