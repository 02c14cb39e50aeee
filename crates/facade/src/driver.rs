//! The one async loop: it does what the machine says, and tells it what happened.
//!
//! Providers only talk, the driver only waits. Everything that is decided is decided in
//! [`fallback`](backstop_core::fallback).

#![expect(
    clippy::indexing_slicing,
    reason = "slots and attempts are numbered by the machine this driver made"
)]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use backstop_core::fallback::{Action, AttemptId, Call, Event, Outcome, Seat, SlotId, Terms};
use backstop_core::{Error, Unmet};
use tokio::time::Sleep;

use crate::answer::Answer;
use crate::observe;
use crate::operation::{Flight, Operation, Signal};
use crate::report::{Landed, Report};
use crate::wiring::{Shared, WiredRoute};

/// One call under way. Dropping it closes every connection and returns every lease.
pub(crate) struct Driver<O: Operation> {
    shared: Arc<Shared>,
    route: Arc<WiredRoute>,
    request: Arc<O::Request>,
    call: Call,
    /// Why slots cannot take the request, by slot; empty if all can.
    unmet: Vec<Option<Unmet>>,
    live: Vec<(AttemptId, Flight<O::Reply>)>,
    /// What is known of attempts, by number.
    landed: Vec<Landed>,
    reply: Option<O::Reply>,
    sleep: Option<Pin<Box<Sleep>>>,
    log: observe::Log,
    started: bool,
}

impl<O: Operation> Driver<O> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        route: Arc<WiredRoute>,
        request: O::Request,
        terms: Terms,
    ) -> Self {
        let needs = O::needs(&request);
        let mut unmet = Vec::new();
        let mut seats = Vec::with_capacity(route.targets.len());
        for (slot, target) in route.targets.iter().enumerate() {
            let able = target.provider.capabilities(target.name.model());
            let mut seat = Seat::default();
            seat.window = target.facts.context_tokens.or(able.context_tokens);
            seat.patient = target.facts.reasoning.unwrap_or(false)
                || target.overrides.reasoning.map_or(needs.reasoning(), |r| r.asks());
            if let Some(problem) = needs.unmet_by(&able, target.name.provider()) {
                seat.unmet = Some(problem.kind);
                unmet.resize(route.targets.len(), None);
                unmet[slot] = Some(problem);
            }
            seats.push(seat);
        }
        let call = Call::new(Arc::clone(&route.plan), seats, terms, shared.now());
        let log = observe::Log::new(O::NAME, &route.name);
        Self {
            shared,
            route,
            request: Arc::new(request),
            call,
            unmet,
            live: Vec::with_capacity(1),
            landed: Vec::with_capacity(2),
            reply: None,
            sleep: None,
            log,
            started: false,
        }
    }

    /// Waits for the end of the call.
    pub(crate) async fn finish(mut self) -> Result<Answer<O::Reply>, Error> {
        let outcome = poll_fn(|cx| self.poll_outcome(cx)).await;
        self.conclude(outcome)
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let span = self.log.span().clone();
        let _entered = span.enter();
        if !std::mem::replace(&mut self.started, true) {
            self.tell(Event::Tick);
        }
        loop {
            while let Some(action) = self.call.poll() {
                if let Some(outcome) = self.act(action) {
                    return Poll::Ready(outcome);
                }
            }
            if self.poll_flights(cx) || self.poll_clock(cx) {
                continue;
            }
            return Poll::Pending;
        }
    }

    fn act(&mut self, action: Action) -> Option<Outcome> {
        match action {
            Action::Start { attempt, slot } => {
                let SlotId(index) = slot;
                let index = usize::from(index);
                self.landed.resize_with(usize::from(attempt.0) + 1, Landed::default);
                let flight = O::start(Arc::clone(&self.route), index, Arc::clone(&self.request));
                self.live.push((attempt, flight));
                None
            }
            Action::Abort(attempt) => {
                self.live.retain(|(live, _)| *live != attempt);
                None
            }
            // An answer in one piece is handed over whole, at the finish.
            Action::Commit { .. } => None,
            Action::Finish(outcome) => Some(outcome),
        }
    }

    /// Lets every attempt get on; true if one had something to say.
    fn poll_flights(&mut self, cx: &mut Context<'_>) -> bool {
        for at in 0..self.live.len() {
            let (attempt, flight) = &mut self.live[at];
            let attempt = *attempt;
            let Poll::Ready(signal) = flight.as_mut().poll_signal(cx) else { continue };
            let landed = &mut self.landed[usize::from(attempt.0)];
            let event = match signal {
                Ok(Signal::Done(reply)) => {
                    let receipt = O::receipt(&reply);
                    landed.status = receipt.status;
                    landed.request_id = receipt.request_id.map(str::to_owned);
                    self.reply = Some(reply);
                    Event::Done(attempt)
                }
                Err(error) => {
                    let facts = error.facts();
                    landed.error = Some(error);
                    Event::Failed(attempt, facts)
                }
            };
            // It is over: its future must not be polled again.
            self.live.remove(at);
            self.tell(event);
            return true;
        }
        false
    }

    /// Lets time pass; true if something was due. What is due is told by the clock, not by the sleep.
    fn poll_clock(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.call.poll_timeout() else { return false };
        let due = self.shared.instant(at);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        if sleep.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.tell(Event::Tick);
        true
    }

    fn tell(&mut self, event: Event) {
        let now = self.shared.now();
        self.call.on(event, now, &mut self.shared.fleet());
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

    fn conclude(&mut self, outcome: Outcome) -> Result<Answer<O::Reply>, Error> {
        let _entered = self.log.span().clone().entered();
        if let (Outcome::Delivered(attempt), Some(reply)) = (outcome, self.reply.take()) {
            let report = self.report();
            let answer = Answer::new(reply, report.target_of(attempt), report.trail());
            self.log.answered(answer.target());
            return Ok(answer);
        }
        let now = self.shared.now();
        let retry_after = self.call.retry_at(now, &self.shared.fleet()).map(|at| at - now);
        let trail = self.report().trail();
        let cause = self.report().last_failure().and_then(|at| self.landed[at].error.take());
        let error = Report::error(outcome, trail, cause, retry_after);
        self.log.failed(&error);
        Err(error)
    }
}

impl<O: Operation> Drop for Driver<O> {
    fn drop(&mut self) {
        if self.started && self.call.outcome().is_none() {
            self.live.clear();
            let now = self.shared.now();
            while self.call.poll().is_some() {}
            self.call.on(Event::Cancelled, now, &mut self.shared.fleet());
            let _entered = self.log.span().clone().entered();
            self.log_decisions();
        }
    }
}
