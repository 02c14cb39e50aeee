//! The body of an error, in whatever shape it came.

use serde_json::{Map, Value};

use super::redact::Mask;

/// How many characters of a message are looked at. The error keeps less; patterns are found early or not at all.
const MESSAGE_MAX: usize = 4096;

/// How deep errors within errors are looked for.
const DEPTH_MAX: usize = 4;

/// What an error's body says. Everything is empty if it says nothing; reading one never fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    /// The sentence for people, without keys.
    pub(crate) message: String,
    /// The machine's word for the case.
    pub(crate) code: Option<String>,
    /// The machine's word for the sort of case.
    pub(crate) sort: Option<String>,
    /// What the error is about.
    pub(crate) param: Option<String>,
    /// The status that the body itself speaks of.
    pub(crate) status: Option<u16>,
    /// The words are those of somebody behind the service, about itself.
    pub(crate) of_upstream: bool,
}

/// Names of what holds the sentence, the more telling first.
const MESSAGES: [&str; 12] = [
    "message",
    "error",
    "detail",
    "msg",
    "error_message",
    "errorMessage",
    "error_description",
    "Message",
    "description",
    "faultstring",
    "reason",
    "title",
];

impl ErrorBody {
    /// Reads any of: `{"error":{…}}`, `{"error":"…"}`, `{"code":"…","error":"…"}`, `{"errors":[…]}`, the members without an
    /// `error` around them, `{"detail":…}`, also in place of the message, `{"title":…,"status":…}`, a list whose first
    /// element is one of these, any of these as the text of a message or as what somebody behind the service said, HTML,
    /// text.
    pub(crate) fn parse(body: &[u8], mask: &Mask) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut read = match serde_json::from_str::<Value>(text) {
            Ok(value) => Self::of(&value, DEPTH_MAX).with_upstream(&value),
            Err(_) => Self { message: words_of_page(text).to_owned(), ..Self::default() },
        };
        // Masked first: of a key that is cut in two nobody would know the half that stays.
        read.message = mask.apply(&read.message).into_owned();
        if read.message.len() > MESSAGE_MAX {
            read.message = read.message.chars().take(MESSAGE_MAX).collect();
        }
        read
    }

    /// Whether the code or the sort is this word.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.code.as_deref() == Some(word) || self.sort.as_deref() == Some(word)
    }

    fn of(value: &Value, depth: usize) -> Self {
        match value {
            Value::Array(list) => list.first().map(|first| Self::of(first, depth)).unwrap_or_default(),
            Value::Object(outer) => Self::of_object(outer, depth),
            Value::String(text) => Self { message: text.clone(), ..Self::default() }.unwrapped(depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::default(),
        }
    }

    fn of_object(outer: &Map<String, Value>, depth: usize) -> Self {
        let told = detail(outer);
        let (told, place) = told.unzip();
        let own = |names: &[&str]| names.iter().find_map(|name| word(outer, name));
        let numbers =
            ["code", "status", "status_code", "statusCode"].iter().filter_map(|name| word(outer, name));
        let status =
            numbers.filter_map(|number| number.parse().ok()).find(|status| (400..600).contains(status));
        let own = Self {
            message: told.or_else(|| own(&MESSAGES)).unwrap_or_default(),
            code: own(&["code", "error_code", "errorCode", "errorcode"]),
            sort: own(&["type", "status", "error_type"]),
            param: own(&["param"]).or(place.flatten()),
            status,
            of_upstream: false,
        };
        let own = own.unwrapped(depth);
        let inner = ["error", "errors", "message", "detail", "fault", "response"].iter();
        let inner = inner.filter_map(|name| outer.get(*name)).filter(|value| is_error(value));
        let inner =
            inner.take(if depth == 0 { 0 } else { 2 }).map(|inner| Self::of(inner, depth.saturating_sub(1)));
        inner.fold(Self::default(), Self::or).or(own)
    }

    /// What is told here, and by the other what is not.
    fn or(self, other: Self) -> Self {
        Self {
            message: if self.message.is_empty() { other.message } else { self.message },
            code: self.code.or(other.code),
            sort: self.sort.or(other.sort),
            param: self.param.or(other.param),
            status: self.status.or(other.status),
            of_upstream: self.of_upstream || other.of_upstream,
        }
    }

    /// A proxy may put the error behind it into the text of its own.
    fn unwrapped(self, depth: usize) -> Self {
        if !self.message.starts_with('{') || depth == 0 {
            return self;
        }
        match serde_json::from_str::<Value>(&self.message) {
            Ok(inner) => Self::of(&inner, depth - 1).or(self),
            Err(_) => self,
        }
    }

    /// Adds what somebody behind the service said, where that is handed on beside the service's own words.
    fn with_upstream(self, body: &Value) -> Self {
        let Some(raw) = body.pointer("/error/metadata/raw") else { return self };
        let told = Self::of(raw, DEPTH_MAX);
        if told.message.is_empty() || self.message.contains(&told.message) {
            return self;
        }
        let message = match &*self.message {
            "" => told.message,
            own => format!("{}: {}", own.trim_end_matches('.'), told.message),
        };
        // Numbers repeat the status, and the service's own is the one that was sent.
        let code = told.code.filter(|code| code.parse::<u64>().is_err());
        Self { message, code: code.or(self.code), sort: self.sort.or(told.sort), of_upstream: true, ..self }
    }
}

/// Whether an error is looked for in it: not in lists of faults, which are read by their first sentence.
fn is_error(value: &Value) -> bool {
    value.is_object()
        || value.as_array().is_some_and(|list| list.first().is_some_and(|first| first.get("msg").is_none()))
}

/// A member that is a text or a number; codes are both.
fn word(map: &Map<String, Value>, name: &str) -> Option<String> {
    match map.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What frameworks for Python servers write: `{"detail":[{"loc":[…],"msg":"…"}]}`, and where it is wrong.
fn detail(outer: &Map<String, Value>) -> Option<(String, Option<String>)> {
    let first = outer.get("detail")?.as_array()?.first()?.as_object()?;
    let step = |step: &Value| step.as_str().map_or_else(|| step.to_string(), str::to_owned);
    let place = first.get("loc").and_then(Value::as_array);
    let place = place.map(|steps| steps.iter().map(step).collect::<Vec<_>>().join("."));
    Some((word(first, "msg")?, place))
}

/// The title of an HTML page, whose markup helps nobody; any other text as it is.
fn words_of_page(text: &str) -> &str {
    if !text.starts_with('<') {
        return text;
    }
    let title = |open: &str, close: &str| {
        let (_, rest) = text.split_once(open)?;
        Some(rest.split_once(close)?.0.trim())
    };
    title("<title>", "</title>").or_else(|| title("<TITLE>", "</TITLE>")).unwrap_or("an HTML page")
}

#[cfg(test)]
mod tests {
    use backstop_core::Secret;

    use super::*;

    fn read(body: &str) -> (String, Option<String>, Option<String>) {
        let body = ErrorBody::parse(body.as_bytes(), &Mask::default());
        (body.message, body.code, body.sort)
    }

    #[test]
    fn every_known_shape_is_read() {
        for (body, message, code, sort) in [
            (r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#, "m", "c", "t"),
            (r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#, "m", "", "t"),
            (r#"{"error":{"message":"m","code":429}}"#, "m", "429", ""),
            (r#"{"error":"m"}"#, "m", "", ""),
            (r#"{"code":"The service is down","error":"m"}"#, "m", "The service is down", ""),
            (r#"{"message":"m","type":"t","param":"p","code":"c"}"#, "m", "c", "t"),
            (r#"{"object":"error","message":"m","type":"t","code":40301}"#, "m", "40301", "t"),
            (r#"{"detail":"m"}"#, "m", "", ""),
            (r#"{"detail":[{"loc":["body"],"msg":"m","type":"t"}]}"#, "m", "", ""),
            (r#"{"object":"error","message":{"detail":[{"msg":"m"}]},"type":"t","code":null}"#, "m", "", "t"),
            (r#"{"error":"{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":400}}"}"#, "m", "400", "t"),
            (r#"{"message":"{\"detail\":[{\"msg\":\"m\"}]}","type":"t","code":"1000"}"#, "m", "1000", "t"),
            (r#"{"message":"{not json","type":"t"}"#, "{not json", "", "t"),
            (r#"{"message":"{}","type":"t"}"#, "{}", "", "t"),
            (
                r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#,
                "m",
                "400",
                "INVALID_ARGUMENT",
            ),
            ("<html><head><title> 502 Bad Gateway </title></head></html>", "502 Bad Gateway", "", ""),
            ("<!doctype html><p>", "an HTML page", "", ""),
            ("upstream connect error", "upstream connect error", "", ""),
            ("\u{feff}\n\n{\"error\":\"m\"}", "m", "", ""),
            (r#""m""#, "m", "", ""),
            (r#"{"error":{"message":{"odd":1},"type":[],"code":{}}}"#, "", "", ""),
            (r#"{"error":{"message":"cut off"#, r#"{"error":{"message":"cut off"#, "", ""),
            ("null", "", "", ""),
            ("17", "", "", ""),
            ("[]", "", "", ""),
            ("{}", "", "", ""),
            ("", "", "", ""),
        ] {
            let some = |word: &str| (!word.is_empty()).then(|| word.to_owned());
            assert_eq!(read(body), (message.to_owned(), some(code), some(sort)), "{body}");
        }
    }

    #[test]
    fn where_a_request_is_wrong_is_told() {
        for (body, param) in [
            (r#"{"detail":[{"loc":["body","messages",0,"user"],"msg":"m"}]}"#, "body.messages.0.user"),
            (r#"{"message":{"detail":[{"loc":["body","x"],"msg":"m"}]}}"#, "body.x"),
            (r#"{"error":{"message":"m","param":"p"}}"#, "p"),
        ] {
            let body = ErrorBody::parse(body.as_bytes(), &Mask::default());
            assert_eq!((&*body.message, body.param.as_deref()), ("m", Some(param)));
        }
    }

    #[test]
    fn no_part_of_a_key_is_left_where_a_long_message_ends() {
        let mask = Mask::new([Secret::new("0a1b2c3d4e5f6a7b")]);
        let body = format!("{}0a1b2c3d4e5f6a7b", " x".repeat(MESSAGE_MAX / 2 - 4));
        let told = ErrorBody::parse(body.as_bytes(), &mask).message;
        assert!(!told.contains("0a1b"), "{}", told.trim_start_matches(" x"));
    }

    #[test]
    fn bytes_that_are_no_text_and_endless_nesting_are_survived() {
        let body = ErrorBody::parse(b"\xff\xfe\x00 broken", &Mask::default());
        assert!(body.message.contains("broken"));
        let deep = "[".repeat(100_000);
        assert!(ErrorBody::parse(deep.as_bytes(), &Mask::default()).message.chars().count() <= MESSAGE_MAX);
        let wide = "ü".repeat(100_000);
        assert!(ErrorBody::parse(wide.as_bytes(), &Mask::default()).message.chars().count() <= MESSAGE_MAX);
    }
}
