//! Durations as a file writes them: a number and a unit.

use std::time::Duration;

/// A year: longer is a slip of the pen, and clocks can add it to any moment without overflow.
const MAX: Duration = Duration::from_secs(365 * 86_400);

/// The units, longest name first where one begins with another.
const UNITS: [(&str, u128); 4] =
    [("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];

/// Why a text is no duration.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is a bare number.
    NoUnit,
    TooLong,
    Other,
}

/// Reads `60s`, `1.5s`, `500ms`, `5m`, `1h`.
pub(crate) fn parse(text: &str) -> Result<Duration, Wrong> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).ok_or(Wrong::Other)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(Wrong::Other);
    }
    if unit.is_empty() {
        return Err(Wrong::NoUnit);
    }
    let (_, nanos) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or(Wrong::Other)?;
    // 19 digits fit; whoever writes more means more than a year, or less than a nanosecond.
    let whole: u128 = whole.parse::<u64>().map_err(|_| Wrong::TooLong)?.into();
    let fraction = fraction.get(..fraction.len().min(18)).unwrap_or_default();
    let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    let part = fraction.parse::<u128>().map_err(|_| Wrong::Other)? * nanos / scale;
    let total = u64::try_from(whole * nanos + part).map(Duration::from_nanos).map_err(|_| Wrong::TooLong)?;
    if total > MAX { Err(Wrong::TooLong) } else { Ok(total) }
}

/// Reads a duration as config files write them, for command lines that take the same.
///
/// ```
/// assert_eq!(backstop_config::parse_duration("1.5s"), Ok(std::time::Duration::from_millis(1_500)));
/// assert!(backstop_config::parse_duration("60").unwrap_err().contains("60s"));
/// ```
///
/// # Errors
/// What is wrong, in words for people.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text).map_err(|wrong| match wrong {
        Wrong::NoUnit => format!("a duration needs a unit: {text}s"),
        Wrong::TooLong => "a duration is at most a year".to_owned(),
        Wrong::Other => "a duration is a number and a unit: 500ms, 1.5s, 5m, 1h".to_owned(),
    })
}

/// Writes a duration so that [`parse`] reads it again.
pub(crate) fn write(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let fits = |(_, unit): &(&str, u128)| nanos.is_multiple_of(*unit);
    if nanos == 0 {
        return "0s".to_owned();
    }
    match UNITS.into_iter().rev().find(fits) {
        Some((name, unit)) => format!("{}{name}", nanos / unit),
        None => {
            let fraction = format!("{:06}", nanos % 1_000_000);
            format!("{}.{}ms", nanos / 1_000_000, fraction.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        for (text, ms) in [
            ("500ms", 500),
            ("60s", 60_000),
            ("1.5s", 1_500),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("0s", 0),
            ("0.25h", 900_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["60", "1.5", "0"] {
            assert_eq!(parse(text), Err(Wrong::NoUnit), "{text}");
        }
        for text in [
            "", "s", "-5s", "+5s", "1.s", ".5s", "1..5s", "5 min", "60 s", "1m30s", "5S", "5d", "1e3s",
            "five",
        ] {
            assert_eq!(parse(text), Err(Wrong::Other), "{text}");
        }
        for text in ["8761h", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(parse(text), Err(Wrong::TooLong), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for nanos in [0, 1, 999, 1_500_000, 250_000_000, 60_000_000_000, 90_000_000_000, 3_600_000_000_000] {
            let duration = Duration::from_nanos(nanos);
            assert_eq!(parse(&write(duration)), Ok(duration), "{}", write(duration));
        }
        assert_eq!(write(Duration::from_secs(90)), "90s");
        assert_eq!(write(Duration::from_secs(300)), "5m");
    }
}
