//! A small world: targets that do what they are told to, calls that ask them, and a virtual now.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a fixture fails where it stands, as a test does"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Verdict};

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What a target says, each after so many milliseconds of the one before.
pub(crate) type Reply = Vec<(u64, Said)>;

#[derive(Copy, Clone, Debug)]
pub(crate) enum Said {
    Opened,
    Progress,
    Content,
    Done,
    Failed(Facts),
}

/// Answers in one piece, after 40 ms.
pub(crate) fn ok() -> Reply {
    ok_after(40)
}

pub(crate) fn ok_after(ms: u64) -> Reply {
    vec![(ms, Said::Done)]
}

/// Answers in pieces, the first after so many milliseconds.
pub(crate) fn streams_after(ms: u64) -> Reply {
    vec![(0, Said::Opened), (ms, Said::Content), (10, Said::Content), (10, Said::Done)]
}

/// Fails after 40 ms.
pub(crate) fn fails(kind: ErrorKind) -> Reply {
    fails_after(40, Facts::new(kind))
}

pub(crate) fn fails_with(facts: Facts) -> Reply {
    fails_after(40, facts)
}

pub(crate) fn fails_after(ms: u64, facts: Facts) -> Reply {
    vec![(ms, Said::Failed(facts))]
}

/// Says nothing, ever.
pub(crate) fn hangs() -> Reply {
    Vec::new()
}

/// Breaks off after its first content.
pub(crate) fn cuts() -> Reply {
    vec![(40, Said::Content), (10, Said::Failed(Facts::new(ErrorKind::BadReply)))]
}

pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) policy: Policy,
    pub(crate) seats: Vec<Seat>,
    pub(crate) terms: Terms,
    /// The list, where it is not simply all targets in order.
    pub(crate) steps: Option<Vec<PlanStep>>,
    pub(crate) rules: Vec<(ErrorKind, Rule)>,
    pub(crate) slots: Vec<Slot>,
    names: Vec<&'static str>,
    route: RouteId,
    replies: BTreeMap<&'static str, VecDeque<Reply>>,
    now: Moment,
    calls: Vec<Running>,
}

struct Running {
    call: Call,
    live: Vec<(AttemptId, VecDeque<(Moment, Said)>)>,
    started: Vec<(SlotId, Moment)>,
    commits: Vec<(AttemptId, bool)>,
    aborted: Vec<AttemptId>,
    ended: Option<Moment>,
    parked: bool,
}

/// The number of a call.
#[derive(Copy, Clone)]
pub(crate) struct CallNo(usize);

impl World {
    /// Targets, written `provider/model`; all of them are the route. They answer after 40 ms unless told otherwise.
    pub(crate) fn new(names: &[&'static str]) -> Self {
        let mut fleet = Fleet::default();
        let mut providers = BTreeMap::new();
        let mut targets = BTreeMap::new();
        let slots = names
            .iter()
            .map(|name| {
                let (provider, _) = name.split_once('/').unwrap();
                let provider = *providers.entry(provider).or_insert_with(|| fleet.add_provider());
                // `p/a` and `p/a+` are one target, with and without overrides.
                let target = name.trim_end_matches('+');
                let target = *targets.entry(target).or_insert_with(|| fleet.add_target(provider));
                Slot::new(target, provider)
            })
            .collect();
        let route = fleet.add_route();
        Self {
            fleet,
            policy: Policy::default(),
            seats: vec![Seat::default(); names.len()],
            terms: Terms::unary(7),
            steps: None,
            rules: Vec::new(),
            slots,
            names: names.to_vec(),
            route,
            replies: BTreeMap::new(),
            now: Moment::ORIGIN,
            calls: Vec::new(),
        }
    }

    /// What a target says to its next attempts; the last one is said again and again.
    pub(crate) fn says<const N: usize>(&mut self, name: &'static str, replies: [Reply; N]) {
        self.replies.insert(name, replies.into());
    }

    pub(crate) fn rule(&mut self, kind: ErrorKind, rule: Rule) {
        self.rules.push((kind, rule));
    }

    pub(crate) fn slot(&self, name: &str) -> SlotId {
        SlotId(self.names.iter().position(|n| *n == name).unwrap() as u8)
    }

    /// A rule's list.
    pub(crate) fn instead(&self, names: &[&str]) -> Rule {
        Rule::Instead(names.iter().map(|name| PlanStep::One(self.slot(name))).collect())
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.now - Moment::ORIGIN).as_millis() as u64
    }

    /// Nobody polls this call any more, and nobody drops it.
    pub(crate) fn park(&mut self, no: CallNo) {
        self.calls[no.0].parked = true;
        self.calls[no.0].live.clear();
    }

    /// Begins a call at this moment.
    pub(crate) fn begin(&mut self) -> CallNo {
        let steps = self
            .steps
            .clone()
            .unwrap_or_else(|| (0..self.slots.len()).map(|slot| PlanStep::One(SlotId(slot as u8))).collect());
        let mut plan = Plan::with_steps(self.route, self.policy.clone(), self.slots.clone(), steps).unwrap();
        for (kind, rule) in &self.rules {
            plan = plan.with_rule(*kind, rule.clone()).unwrap();
        }
        self.terms.seed += 1;
        let call = Call::new(Arc::new(plan), self.seats.clone(), self.terms, self.now);
        let no = CallNo(self.calls.len());
        self.calls.push(Running {
            call,
            live: Vec::new(),
            started: Vec::new(),
            commits: Vec::new(),
            aborted: Vec::new(),
            ended: None,
            parked: false,
        });
        self.tell(no, Event::Tick);
        no
    }

    /// Makes a call and lets time pass until it is over.
    pub(crate) fn call(&mut self) -> CallNo {
        let no = self.begin();
        self.finish(no);
        no
    }

    pub(crate) fn finish(&mut self, no: CallNo) {
        while self.calls[no.0].ended.is_none() {
            assert!(self.step(), "the call waits for nothing");
        }
    }

    /// Lets this much time pass, and all that happens in it.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.next().is_some_and(|(at, ..)| at <= until) {
            self.step();
        }
        self.now = until;
    }

    /// What happens next: a target says something, or (afterwards) a timer runs out.
    fn next(&self) -> Option<(Moment, bool, usize, usize)> {
        let said = self.calls.iter().enumerate().flat_map(|(no, running)| {
            let heads = running.live.iter().enumerate();
            heads.filter_map(move |(i, (_, queue))| queue.front().map(|(at, _)| (*at, false, no, i)))
        });
        let polled = self.calls.iter().enumerate().filter(|(_, running)| !running.parked);
        let due = polled.filter_map(|(no, running)| {
            running.call.poll_timeout().map(|at| (at.max(self.now), true, no, 0))
        });
        said.chain(due).min()
    }

    fn step(&mut self) -> bool {
        let Some((at, tick, no, live)) = self.next() else { return false };
        self.now = at;
        if tick {
            self.tell(CallNo(no), Event::Tick);
            return true;
        }
        let (attempt, queue) = &mut self.calls[no].live[live];
        let attempt = *attempt;
        let (_, said) = queue.pop_front().unwrap();
        let event = match said {
            Said::Opened => Event::Opened(attempt),
            Said::Progress => Event::Progress(attempt),
            Said::Content => Event::Content(attempt),
            Said::Done => Event::Done(attempt),
            Said::Failed(facts) => Event::Failed(attempt, facts),
        };
        if matches!(said, Said::Done | Said::Failed(_)) {
            self.calls[no].live.remove(live);
        }
        self.tell(CallNo(no), event);
        true
    }

    /// Tells a call something, and does what it answers.
    pub(crate) fn tell(&mut self, no: CallNo, event: Event) {
        let now = self.now;
        self.calls[no.0].call.on(event, now, &mut self.fleet);
        while let Some(action) = self.calls[no.0].call.poll() {
            let running = &mut self.calls[no.0];
            assert!(running.ended.is_none(), "{action:?} after the end");
            match action {
                Action::Start { attempt, slot } => {
                    running.started.push((slot, now));
                    let name = self.names[usize::from(slot.0)];
                    let mut at = now;
                    let queue = self.reply(name).into_iter().map(|(ms, said)| {
                        at = at + Duration::from_millis(ms);
                        (at, said)
                    });
                    let queue = queue.collect();
                    self.calls[no.0].live.push((attempt, queue));
                }
                Action::Abort(attempt) => {
                    running.live.retain(|(other, _)| *other != attempt);
                    running.aborted.push(attempt);
                }
                Action::Commit { attempt, reset } => running.commits.push((attempt, reset)),
                Action::Finish(_) => {
                    assert!(running.live.is_empty(), "an attempt outlives its call");
                    running.ended = Some(now);
                }
            }
        }
    }

    fn reply(&mut self, name: &str) -> Reply {
        match self.replies.get_mut(name) {
            Some(queue) if queue.len() > 1 => queue.pop_front().unwrap(),
            Some(queue) => queue.front().cloned().unwrap(),
            None => ok(),
        }
    }

    /// Who was asked, in order.
    pub(crate) fn asked(&self, no: CallNo) -> Vec<&'static str> {
        self.calls[no.0].started.iter().map(|(slot, _)| self.names[usize::from(slot.0)]).collect()
    }

    /// When the attempts of a call began, in milliseconds.
    pub(crate) fn begun(&self, no: CallNo) -> Vec<u64> {
        self.calls[no.0].started.iter().map(|(_, at)| (*at - Moment::ORIGIN).as_millis() as u64).collect()
    }

    pub(crate) fn ended_ms(&self, no: CallNo) -> u64 {
        (self.calls[no.0].ended.unwrap() - Moment::ORIGIN).as_millis() as u64
    }

    pub(crate) fn outcome(&self, no: CallNo) -> Option<Outcome> {
        self.calls[no.0].call.outcome()
    }

    pub(crate) fn answered(&self, no: CallNo) -> bool {
        matches!(self.outcome(no), Some(Outcome::Delivered(_)))
    }

    pub(crate) fn commits(&self, no: CallNo) -> &[(AttemptId, bool)] {
        &self.calls[no.0].commits
    }

    pub(crate) fn aborted(&self, no: CallNo) -> usize {
        self.calls[no.0].aborted.len()
    }

    pub(crate) fn entries(&self, no: CallNo) -> &[Entry] {
        self.calls[no.0].call.entries()
    }

    pub(crate) fn verdicts(&self, no: CallNo) -> Vec<(&'static str, Verdict)> {
        let entries = self.entries(no).iter();
        entries.map(|e| (self.names[usize::from(e.slot.0)], e.verdict.unwrap())).collect()
    }

    pub(crate) fn is_waiting(&self, no: CallNo) -> bool {
        let running = &self.calls[no.0];
        running.ended.is_none() && running.live.is_empty()
    }

    pub(crate) fn retry_in(&self, no: CallNo) -> Option<Duration> {
        self.calls[no.0].call.retry_at(self.now, &self.fleet).map(|at| at - self.now)
    }

    pub(crate) fn standing(&self, name: &str) -> Standing {
        let target = self.slots[usize::from(self.slot(name).0)].target;
        self.fleet.standing(target, self.now, true)
    }

    /// How long a target rests from now on; nothing if it does not.
    pub(crate) fn rests(&self, name: &str) -> Option<Duration> {
        match self.standing(name) {
            Standing::Told(rest) | Standing::Suspected(rest) => Some(rest.until - self.now),
            _ => None,
        }
    }

    pub(crate) fn is_told(&self, name: &str) -> bool {
        matches!(self.standing(name), Standing::Told(_))
    }

    pub(crate) fn is_suspected(&self, name: &str) -> bool {
        matches!(self.standing(name), Standing::Suspected(_))
    }

    pub(crate) fn points(&mut self) -> f64 {
        self.fleet.points(self.route, self.now)
    }

    /// Lets the breaker of a target open: three calls fail at it.
    pub(crate) fn break_target(&mut self, name: &'static str) {
        let (before, policy, steps) = (self.replies.remove(name), self.policy.clone(), self.steps.take());
        let (rules, terms) = (std::mem::take(&mut self.rules), self.terms);
        self.policy = Policy::default();
        self.terms = Terms::unary(99);
        self.policy.attempts = Some(1);
        self.steps = Some(vec![PlanStep::One(self.slot(name))]);
        self.says(name, [fails_after(1, Facts::new(ErrorKind::Server))]);
        for _ in 0..3 {
            self.call();
        }
        assert!(self.is_suspected(name));
        (self.policy, self.steps, self.rules, self.terms) = (policy, steps, rules, terms);
        match before {
            Some(replies) => self.replies.insert(name, replies),
            None => self.replies.remove(name),
        };
    }

    /// Drains the retry budget.
    pub(crate) fn spend_all(&mut self) {
        while self.fleet.pay(self.route, self.now) {}
    }
}
