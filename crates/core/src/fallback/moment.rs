//! Time as an argument.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in time: nanoseconds since an origin the driver chose.
///
/// Our own type, because unlike `Instant` it can be made in a test, printed, and written into a regression file.
/// Arithmetic saturates: a sum that would overflow is the end of time.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// Where time begins.
    pub const ORIGIN: Self = Self(0);

    /// The end of time.
    pub const END: Self = Self(u64::MAX);

    /// The moment this long after the origin.
    #[must_use]
    pub fn at(since_origin: Duration) -> Self {
        Self(nanos(since_origin))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub for Moment {
    type Output = Duration;

    /// As [`since`](Self::since).
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
