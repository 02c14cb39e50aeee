//! The one async loop: it does what the machine says, and tells it what happened.
//!
//! Providers only talk, the driver only waits. Everything that is decided is decided in
//! [`fallback`](backstop_core::fallback). Answers in one piece and in pieces take the same path: the former are streams
//! of nothing but their end.

#![expect(
    clippy::indexing_slicing,
    reason = "slots and attempts are numbered by the machine this driver made"
)]

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use backstop_core::fallback::{Action, AttemptId, Call, Event, Mode, Outcome, Seat, Terms};
use backstop_core::{Error, ErrorKind, Unmet};
use tokio::time::Sleep;

use crate::answer::Answer;
use crate::guard::guarded;
use crate::observe;
use crate::operation::{Flight, Operation, Running, Signal};
use crate::report::{Landed, Report};
use crate::wiring::{Shared, WiredRoute};

/// How many signals are taken in before other tasks get a turn.
const TURN: usize = 64;

/// One call under way. Dropping it closes every connection and returns every lease.
pub(crate) struct Driver<O: Operation> {
    shared: Arc<Shared>,
    route: Arc<WiredRoute>,
    request: Arc<O::Request>,
    call: Call,
    /// Why slots cannot take the request, by slot; empty if all can.
    unmet: Vec<Option<Unmet>>,
    live: Vec<Live<O>>,
    /// What is known of attempts, by number.
    landed: Vec<Landed>,
    committed: Option<AttemptId>,
    /// What the caller gets next. Never more than what one signal brings, and what was held back before it.
    out: VecDeque<Emit<O::Event>>,
    reply: Option<O::Reply>,
    sleep: Option<Pin<Box<Sleep>>>,
    log: observe::Log,
    stage: Stage,
}

struct Live<O: Operation> {
    attempt: AttemptId,
    flight: Flight<O>,
    /// Frames that came before its content.
    held: Vec<O::Event>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Stage {
    New,
    Running,
    /// The caller has been handed something and has not asked for more.
    Handed,
    Over,
}

/// What the driver hands to the caller.
#[derive(Debug)]
pub(crate) enum Emit<E> {
    /// Content comes from this target from here on; what was handed over before is void if it says so.
    Commit { target: Arc<str>, reset: bool },
    /// A piece of the answer, or a frame beside it.
    Event(E),
    /// The call is over.
    Finish(Outcome),
}

impl<O: Operation> Driver<O> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        route: Arc<WiredRoute>,
        request: O::Request,
        terms: Terms,
        watched: observe::Watched,
    ) -> Self {
        let needs = O::needs(&request);
        let needs_of_streams = needs.clone().streamed();
        let mut unmet = Vec::new();
        let mut seats = Vec::with_capacity(route.targets.len());
        for (slot, target) in route.targets.iter().enumerate() {
            let able = target.capabilities();
            let mut seat = Seat::default();
            seat.window = target.facts.context_tokens.or(able.context_tokens);
            seat.patient = target.facts.reasoning.unwrap_or(able.thinks)
                || target.overrides.reasoning.map_or(needs.reasoning(), |reasoning| reasoning.asks());
            let collected = O::MODE == Mode::Unary && route.collects() && O::may_collect(&able);
            seat.whole = O::MODE == Mode::Unary && !collected;
            let needs = if collected { &needs_of_streams } else { &needs };
            let unmet_need = needs.unmet_by(&able, target.name.provider());
            if let Some(problem) = unmet_need.or_else(|| O::misfit(&request, &route, slot)) {
                seat.unmet = Some(problem.kind);
                unmet.resize(route.targets.len(), None);
                unmet[slot] = Some(problem);
            }
            seats.push(seat);
        }
        let call = Call::new(Arc::clone(&route.plan), seats, terms, shared.now());
        let log = observe::Log::new(O::name(&request), &route.name, watched);
        Self {
            shared,
            route,
            request: Arc::new(request),
            call,
            unmet,
            live: Vec::with_capacity(1),
            landed: Vec::with_capacity(2),
            committed: None,
            out: VecDeque::new(),
            reply: None,
            sleep: None,
            log,
            stage: Stage::New,
        }
    }

    /// Waits for the end of the call, or until the caller has had enough.
    pub(crate) async fn finish(mut self, stop: impl Future<Output = ()>) -> Result<Answer<O::Reply>, Error> {
        let mut stop = pin!(stop);
        let finish = poll_fn(|cx| {
            loop {
                if let Poll::Ready(emit) = self.poll_emit(cx) {
                    let Emit::Finish(outcome) = emit else { continue };
                    return Poll::Ready(Some(outcome));
                }
                return stop.as_mut().poll(cx).map(|()| None);
            }
        });
        match finish.await {
            Some(outcome) => self.conclude(outcome),
            None => Err(self.cancel()),
        }
    }

    /// Ends the call on the caller's behalf: closes every connection, and says how far it had come.
    pub(crate) fn cancel(&mut self) -> Error {
        while !self.live.is_empty() {
            self.land(0);
        }
        while self.call.poll().is_some() {}
        self.tell(Event::Cancelled);
        self.stage = Stage::Over;
        match self.conclude(Outcome::Cancelled) {
            Err(error) => error,
            Ok(_) => Error::new(ErrorKind::Cancelled, "the caller left"),
        }
    }

    /// What the caller gets next. Must not be polled after `Finish`.
    pub(crate) fn poll_emit(&mut self, cx: &mut Context<'_>) -> Poll<Emit<O::Event>> {
        let span = self.log.span().clone();
        let _entered = span.enter();
        match std::mem::replace(&mut self.stage, Stage::Running) {
            Stage::New => self.tell(Event::Tick),
            // A slow reader is never an idle provider: its timers stood still meanwhile.
            Stage::Handed => self.tell(Event::Reading(true)),
            Stage::Running | Stage::Over => {}
        }
        for _ in 0..TURN {
            while let Some(action) = self.call.poll() {
                self.act(action);
            }
            // What is due by the clock goes before what is ready: a deadline holds for a full buffer too.
            if self.call.poll_timeout().is_some_and(|at| at <= self.shared.now()) {
                self.tell(Event::Tick);
                continue;
            }
            if let Some(emit) = self.out.pop_front() {
                match emit {
                    Emit::Finish(_) => self.stage = Stage::Over,
                    Emit::Commit { .. } | Emit::Event(_) => {
                        self.tell(Event::Reading(false));
                        self.stage = Stage::Handed;
                    }
                }
                return Poll::Ready(emit);
            }
            if !self.poll_flights(cx) && self.poll_clock(cx).is_pending() {
                return Poll::Pending;
            }
        }
        // There is more at once: others get a turn first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Start { attempt, slot } => {
                self.landed.resize_with(usize::from(attempt.0) + 1, Landed::default);
                let (route, request) = (Arc::clone(&self.route), Arc::clone(&self.request));
                self.log.started(&route.targets[usize::from(slot.0)].label);
                let flight = guarded(|| O::start(route, usize::from(slot.0), request));
                self.live.push(Live {
                    attempt,
                    flight: flight.unwrap_or_else(|| Box::pin(Crashed)),
                    held: Vec::new(),
                });
            }
            Action::Abort(attempt) => {
                if let Some(at) = self.live.iter().position(|live| live.attempt == attempt) {
                    self.land(at);
                }
            }
            Action::Commit { attempt, reset } => {
                self.committed = Some(attempt);
                self.out.push_back(Emit::Commit { target: self.report().target_of(attempt), reset });
                let live = self.live.iter_mut().find(|live| live.attempt == attempt);
                let held = live.map(|live| std::mem::take(&mut live.held)).unwrap_or_default();
                self.out.extend(held.into_iter().map(Emit::Event));
            }
            Action::Finish(outcome) => {
                if outcome == Outcome::Deadline || matches!(outcome, Outcome::Interrupted(_)) {
                    // The time is up, or the answer is cut: what has not been handed over stands in the error.
                    self.out.clear();
                }
                self.out.push_back(Emit::Finish(outcome));
            }
        }
    }

    /// Closes every connection.
    fn hang_up(&mut self) {
        while let Some(live) = self.live.pop() {
            guarded(|| drop(live));
        }
    }

    /// Ends an attempt: keeps what had arrived, and closes its connection.
    fn land(&mut self, at: usize) {
        let mut live = self.live.remove(at);
        let landed = &mut self.landed[usize::from(live.attempt.0)];
        landed.keep(&live.flight.receipt());
        landed.partial = live.flight.as_mut().partial();
        guarded(|| drop(live));
    }

    /// Lets every attempt get on; true if one had something to say.
    fn poll_flights(&mut self, cx: &mut Context<'_>) -> bool {
        for at in 0..self.live.len() {
            let Live { attempt, flight, held } = &mut self.live[at];
            let attempt = *attempt;
            let polled = guarded(|| flight.as_mut().poll_signal(cx));
            let Poll::Ready(signal) = polled.unwrap_or_else(|| Poll::Ready(Err(crash()))) else { continue };
            let committed = self.committed == Some(attempt);
            let (event, content) = match signal {
                Ok(Signal::Opened) => (Event::Opened(attempt), None),
                Ok(Signal::Progress) => (Event::Progress(attempt), None),
                Ok(Signal::Frame(frame)) => {
                    if committed {
                        self.out.push_back(Emit::Event(frame));
                    } else {
                        held.push(frame);
                    }
                    return true;
                }
                Ok(Signal::Content(piece)) => (Event::Content(attempt), Some(piece)),
                Ok(Signal::Done(reply)) => {
                    self.landed[usize::from(attempt.0)].keep(&O::receipt(&reply));
                    self.reply = Some(reply);
                    // Frames it held back are handed over with its commit, so its flight is not landed here.
                    (Event::Done(attempt), None)
                }
                Err(error) => {
                    let slot = self.report().slot_of(attempt);
                    let error = match slot.map(|slot| &self.route.targets[usize::from(slot.0)]) {
                        Some(target) if error.provider().is_none() => target.located(error),
                        _ => error,
                    };
                    let facts = error.facts();
                    self.land(at);
                    self.landed[usize::from(attempt.0)].error = Some(error);
                    (Event::Failed(attempt, facts), None)
                }
            };
            self.tell(event);
            if let Some(piece) = content {
                while let Some(action) = self.call.poll() {
                    self.act(action);
                }
                self.out.push_back(Emit::Event(piece));
            }
            return true;
        }
        false
    }

    /// Lets time pass until something is due.
    fn poll_clock(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.call.poll_timeout() else { return Poll::Pending };
        let due = self.shared.instant(at);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(cx)
    }

    fn tell(&mut self, event: Event) {
        self.shared.fleet(|fleet, now| self.call.on(event, now, fleet));
        self.log_decisions();
    }

    fn log_decisions(&mut self) {
        let report =
            Report { call: &self.call, route: &self.route, unmet: &self.unmet, landed: &self.landed };
        self.log.decisions(&report);
    }

    fn report(&self) -> Report<'_> {
        Report { call: &self.call, route: &self.route, unmet: &self.unmet, landed: &self.landed }
    }

    /// What the call came to, once its `Finish` has been handed over.
    pub(crate) fn conclude(&mut self, outcome: Outcome) -> Result<Answer<O::Reply>, Error> {
        let _entered = self.log.span().clone().entered();
        self.hang_up();
        if let (Outcome::Delivered(attempt), Some(reply)) = (outcome, self.reply.take()) {
            let report = self.report();
            let answer = Answer::new(reply, report.target_of(attempt), report.trail());
            self.log.answered(answer.target());
            return Ok(answer);
        }
        let retry_after = self.shared.fleet(|fleet, now| self.call.retry_at(now, fleet).map(|at| at - now));
        let report = self.report();
        let (trail, last) = (report.trail(), report.last_failure());
        let committed = self.committed.and_then(|attempt| self.landed[usize::from(attempt.0)].arrived());
        let partial = committed.or_else(|| self.landed.iter().rev().find_map(Landed::refusal));
        let cause = last.and_then(|at| self.landed[at].error.take());
        let short = self.call.short().map(|short| self.report().short(short));
        let error = Report::error(outcome, trail, cause, partial, retry_after, short.as_deref());
        self.log.failed(&error);
        Err(error)
    }
}

/// An attempt whose provider panicked before it began.
struct Crashed;

impl<E, R> Running<E, R> for Crashed {
    fn poll_signal(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<Signal<E, R>, Error>> {
        Poll::Ready(Err(crash()))
    }
}

fn crash() -> Error {
    Error::new(ErrorKind::Server, "the provider's code panicked; what it said then is on stderr")
}

impl<O: Operation> Drop for Driver<O> {
    fn drop(&mut self) {
        if self.stage != Stage::New && self.call.outcome().is_none() {
            self.hang_up();
            while self.call.poll().is_some() {}
            self.shared.fleet(|fleet, now| self.call.on(Event::Cancelled, now, fleet));
            let _entered = self.log.span().clone().entered();
            self.log_decisions();
        }
    }
}
