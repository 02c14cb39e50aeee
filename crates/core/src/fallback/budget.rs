//! Why a budget and not only a number of retries?
//!
//! A number of retries bounds one call. When a provider is down for everybody, every call spends its retries, and the
//! provider, just coming back, meets several times its usual load: the retries keep it down. A budget bounds what all
//! calls of a route spend together. In good times it is full and nobody notices it; in bad times it is empty, calls do
//! without comebacks and hedges, and load stays near one request a call.

use std::time::Duration;

use super::moment::Moment;

const FULL: u32 = 50_000;
const PRICE: u32 = 10_000;
const PER_SUCCESS: u32 = 1_000;
/// A thousandth of a point every 2 ms: 5 points in 10 s.
const MILLIS_PER_UNIT: u64 = 2;

/// Points that comebacks without a hint and hedges cost, in thousandths.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    milli: u32,
    refilled: Moment,
}

impl Default for Budget {
    fn default() -> Self {
        Self { milli: FULL, refilled: Moment::ORIGIN }
    }
}

impl Budget {
    pub(super) fn points(&mut self, now: Moment) -> f64 {
        self.refill(now);
        f64::from(self.milli) / 1_000.0
    }

    pub(super) fn affords(&mut self, now: Moment) -> bool {
        self.refill(now);
        self.milli >= PRICE
    }

    pub(super) fn pay(&mut self, now: Moment) -> bool {
        let can = self.affords(now);
        if can {
            self.milli -= PRICE;
        }
        can
    }

    pub(super) fn reward(&mut self, now: Moment) {
        self.refill(now);
        self.milli = (self.milli + PER_SUCCESS).min(FULL);
    }

    fn refill(&mut self, now: Moment) {
        let elapsed = u64::try_from((now - self.refilled).as_millis()).unwrap_or(u64::MAX);
        let units = elapsed / MILLIS_PER_UNIT;
        if units == 0 {
            return;
        }
        // Only whole units are booked; the rest of the time stays to be counted.
        self.refilled = self.refilled + Duration::from_millis(units * MILLIS_PER_UNIT);
        let gained = u32::try_from(units).unwrap_or(FULL);
        self.milli = self.milli.saturating_add(gained).min(FULL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::at(Duration::from_millis(ms))
    }

    #[test]
    fn five_are_paid_and_the_sixth_is_not() {
        let mut budget = Budget::default();
        let paid = (0..6).filter(|_| budget.pay(at(0))).count();
        assert_eq!(paid, 5);
    }

    #[test]
    fn ten_seconds_bring_five_points_however_often_one_looks() {
        let mut budget = Budget::default();
        while budget.pay(at(0)) {}
        for ms in 0..=10_000 {
            budget.affords(at(ms));
        }
        assert!((budget.points(at(10_000)) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn ten_successes_pay_for_one_comeback() {
        let mut budget = Budget::default();
        while budget.pay(at(0)) {}
        for _ in 0..10 {
            assert!(!budget.affords(at(0)));
            budget.reward(at(0));
        }
        assert!(budget.pay(at(0)));
    }

    #[test]
    fn it_is_never_more_than_full() {
        let mut budget = Budget::default();
        budget.reward(at(1_000_000_000));
        assert!((budget.points(at(2_000_000_000)) - 50.0).abs() < 1e-9);
    }
}
