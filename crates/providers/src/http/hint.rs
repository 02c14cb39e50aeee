//! When to ask again, as the provider states it.
//!
//! A hint is the first of: `retry-after-ms`, `retry-after` (seconds or a date), a phrase in the message. Headers that
//! tell when a bucket is *full* again are no hints: one request fits long before. What is zero, past or unreadable
//! states nothing.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// Longer than anybody waits. It keeps a server's absurd number from overflowing sums of times.
const WAIT_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What the headers of a refusal say about asking again.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hint {
    /// How long to wait.
    pub(crate) wait: Option<Duration>,
    /// Whether the server asks not to be asked again.
    pub(crate) refuses_comeback: bool,
}

impl Hint {
    /// Reads the headers. `now` is when they came; the server's own `Date` is preferred, since its clock wrote the
    /// date in `retry-after`.
    pub(crate) fn of(headers: &HeaderMap, now: SystemTime) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let millis = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok());
        let wait = millis.and_then(|millis| wait(millis / 1000.0)).or_else(|| {
            let text = text(RETRY_AFTER.as_str())?;
            match text.parse::<f64>() {
                Ok(seconds) => wait(seconds),
                Err(_) => wait_until(httpdate::parse_http_date(text).ok()?, headers, now),
            }
        });
        let refuses_comeback = text("x-should-retry").is_some_and(|text| text.eq_ignore_ascii_case("false"));
        Self { wait, refuses_comeback }
    }
}

/// How long it is until a moment that a server tells: by its own clock, where that is told.
pub(crate) fn wait_until(moment: SystemTime, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let date = headers.get(DATE).and_then(|value| value.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    moment.duration_since(date.unwrap_or(now)).ok().and_then(bounded)
}

/// The wait in a sentence such as "Please try again in 1m2.5s" or "retry after 12 seconds".
pub(crate) fn wait_in_message(message: &str) -> Option<Duration> {
    // Same length, so that positions agree.
    let lower = message.to_ascii_lowercase();
    ["try again in ", "retry in ", "retry after ", "try again after "].iter().find_map(|phrase| {
        let start = lower.find(phrase)? + phrase.len();
        spoken(lower.get(start..)?)
    })
}

/// The duration a text begins with: `1m2.5s`, `20ms`, `12 seconds`.
pub(crate) fn spoken(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0.0;
    loop {
        let number = split(rest, |c| c.is_ascii_digit() || c == '.');
        let Ok(value) = number.0.parse::<f64>() else { break };
        let unit = split(number.1.trim_start(), char::is_alphabetic);
        let Some(seconds) = unit_seconds(unit.0) else { break };
        total += value * seconds;
        rest = unit.1;
    }
    wait(total)
}

fn split(text: &str, inside: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !inside(c)).unwrap_or(text.len()))
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" | "millisecond" | "milliseconds" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86400.0,
        _ => return None,
    })
}

fn wait(seconds: f64) -> Option<Duration> {
    if !seconds.is_finite() || seconds <= 0.0 {
        return None;
    }
    bounded(Duration::try_from_secs_f64(seconds).unwrap_or(WAIT_MAX))
}

fn bounded(wait: Duration) -> Option<Duration> {
    (!wait.is_zero()).then_some(wait.min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const NOW: Duration = Duration::from_secs(1_445_412_480); // Wed, 21 Oct 2015 07:28:00 GMT

    type Header = (&'static str, &'static str);

    fn hint(headers: &[(&'static str, &str)]) -> Hint {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Hint::of(&map, SystemTime::UNIX_EPOCH + NOW)
    }

    #[test]
    fn the_first_header_that_states_something_counts() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let table: &[(&[Header], Option<Duration>)] = &[
            (&[("retry-after", "7")], ms(7000)),
            (&[("retry-after", " 1.5 ")], ms(1500)),
            (&[("retry-after-ms", "1500")], ms(1500)),
            (&[("retry-after-ms", "12.5")], Some(Duration::from_micros(12_500))),
            (&[("retry-after-ms", "100"), ("retry-after", "7")], ms(100)),
            (&[("retry-after-ms", "soon"), ("retry-after", "7")], ms(7000)),
            (&[("retry-after-ms", "0"), ("retry-after", "7")], ms(7000)),
            (&[("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT")], ms(30_000)),
            (&[("retry-after", "Wednesday, 21-Oct-15 07:28:30 GMT")], ms(30_000)),
            (&[("retry-after", "Wed Oct 21 07:28:30 2015")], ms(30_000)),
            (
                &[
                    ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"),
                    ("date", "Wed, 21 Oct 2015 07:28:20 GMT"),
                ],
                ms(10_000),
            ),
            (&[("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT")], None),
            (&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], None),
            (&[("retry-after", "0")], None),
            (&[("retry-after", "-3")], None),
            (&[("retry-after", "NaN")], None),
            (&[("retry-after", "inf")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "")], None),
            (&[("retry-after", "1e300")], Some(WAIT_MAX)),
            (&[("x-ratelimit-reset-requests", "6m0s")], None),
            (&[], None),
        ];
        for (headers, expected) in table {
            assert_eq!(hint(headers).wait, *expected, "{headers:?}");
        }
    }

    #[test]
    fn only_a_plain_false_refuses_a_comeback() {
        for (value, refuses) in [("false", true), ("False", true), ("true", false), ("0", false)] {
            assert_eq!(hint(&[("x-should-retry", value)]).refuses_comeback, refuses, "{value}");
        }
        assert!(!hint(&[]).refuses_comeback);
    }

    #[test]
    fn a_message_may_say_when() {
        let ms = |ms| Some(Duration::from_millis(ms));
        for (message, expected) in [
            ("Rate limit reached. Please try again in 1.8s. Visit us.", ms(1800)),
            ("Please try again in 20ms.", ms(20)),
            ("Please try again in 1m2.5s", ms(62_500)),
            ("try again in 6m0s", ms(360_000)),
            ("try again in 1h30m0s", ms(5_400_000)),
            ("Please retry in 10h17m5.7s", ms(37_025_700)),
            ("Please retry after 12 seconds.", ms(12_000)),
            ("RETRY AFTER 1 MINUTE", ms(60_000)),
            ("try again in a moment", None),
            ("try again in 0s", None),
            ("try again in 5", None),
            ("try again in 5 parsecs", None),
            ("try again in ..s", None),
            ("Limit 30000, Used 29500, 20ms", None),
            ("try again in ", None),
            ("", None),
        ] {
            assert_eq!(wait_in_message(message), expected, "{message}");
        }
    }

    #[test]
    fn nothing_a_server_writes_panics() {
        // A small generator: the point is the odd mixture, not the distribution.
        let parts = [
            "try again in ",
            "retry after ",
            "1",
            "9999999999999999999999",
            ".",
            "..",
            "e308",
            "-",
            "inf",
            "ms",
            "s",
            "µ",
            "d",
            " ",
            "\u{feff}",
            "ß",
            "İ",
            "\u{0}",
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "99:99",
        ];
        let mut state = 7_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..6 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(parts[(state >> 33) as usize % parts.len()]);
            }
            let _ = wait_in_message(&text);
            if HeaderValue::from_bytes(text.as_bytes()).is_ok() {
                let _ = hint(&[("retry-after", &text), ("retry-after-ms", &text), ("date", &text)]);
            }
        }
    }
}
