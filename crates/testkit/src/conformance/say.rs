//! What a server may say, whoever's it is.

use std::time::SystemTime;

use backstop_core::ErrorKind;
use backstop_core::chat::{FinishReason, ToolCall};

/// Something a server says, to be spelled in the words of its wire.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Say {
    /// An answer to a chat in one piece.
    Chat(Said),
    /// The same as a stream, its terminal marker included.
    ChatStream(Said),
    /// A continuation of a text in one piece.
    Complete(Said),
    /// The same as a stream, its terminal marker included.
    CompleteStream(Said),
    /// These vectors, in this order.
    Embed(Vec<Vec<f32>>),
    /// A refusal of this kind, with the status it comes with.
    Error(ErrorKind),
    /// "Too many requests, come back later", with a hint in this form.
    Limited(HintForm),
    /// An error under the status 200, where an answer to a chat in one piece should be.
    ErrorInChat,
    /// A stream that opens with status 200 and then tells an error before any content.
    ErrorInStream,
    /// A stream that tells this text and then an error.
    ErrorAfter(String),
    /// An answer that a filter withheld, under the status 200.
    Filtered,
}

/// An answer.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Its text.
    pub text: String,
    /// The tools it calls.
    pub calls: Vec<ToolCall>,
    /// What was thought. An empty text is a thought that is not shown; a wire that cannot say so has an excuse.
    pub reasoning: Option<String>,
    /// Why it ended.
    pub finish: FinishReason,
    /// Tokens of input and output.
    pub usage: (u64, u64),
}

/// In which form a server says when to come back.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum HintForm {
    /// `retry-after: 7`, or the like.
    Seconds(u64),
    /// `retry-after: 1.5`.
    Float(f64),
    /// `retry-after-ms: 1500`.
    Millis(u64),
    /// `retry-after:` and an HTTP date.
    Date(SystemTime),
    /// In the provider's own words or fields.
    Own(u64),
}

/// A response.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A response of JSON.
    #[must_use]
    pub fn json(status: u16, body: impl ToString) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// A stream of events.
    #[must_use]
    pub fn events(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "text/event-stream", body)
    }

    /// A response of this type.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds the usual headers of a hint; one in the provider's own words is for the provider's author to add.
    #[must_use]
    pub fn hint(self, form: HintForm) -> Self {
        match form {
            HintForm::Seconds(seconds) | HintForm::Own(seconds) => self.header("retry-after", seconds),
            HintForm::Float(seconds) => self.header("retry-after", seconds),
            HintForm::Millis(millis) => self.header("retry-after-ms", millis),
            HintForm::Date(moment) => self.header("retry-after", http_date(moment)),
        }
    }

    pub(super) fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// A moment as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(moment: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let of_week = usize::try_from(days % 7).unwrap_or_default();
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut day) = (1970, days);
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while let Some(length) = lengths.get(month).filter(|length| day >= **length) {
        day -= length;
        month += 1;
    }
    let name = |names: &[&'static str], index: usize| names.get(index).copied().unwrap_or_default();
    let (of_week, month) = (name(&DAYS, of_week), name(&MONTHS, month));
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{of_week}, {:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT", day + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_written_as_http_writes_them() {
        for (seconds, expected) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_795_219_199, "Fri, 20 Nov 2026 23:59:59 GMT"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }
}
