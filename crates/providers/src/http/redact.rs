//! Masks keys in what others wrote before it gets into an error.

use std::borrow::Cow;

use backstop_core::Secret;

/// What stands in place of a key.
const MASK: &str = "[redacted]";

/// A shorter secret is no secret, and masking it would eat half of every message.
const SECRET_MIN: usize = 4;

/// How the keys of well-known services begin.
const PREFIXES: [&str; 11] =
    ["sk-", "sk_", "pk-", "gsk_", "xai-", "pplx-", "csk-", "hf_", "nvapi-", "AIza", "eyJ"];

/// What must follow a prefix before it is taken for a key.
const TOKEN_MIN: usize = 8;

/// The secrets of a provider, to be masked wherever they turn up; things that look like keys are masked as well.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mask(Vec<Secret>);

impl Mask {
    /// Masks these.
    pub(crate) fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut secrets: Vec<_> =
            secrets.into_iter().filter(|secret| secret.expose().len() >= SECRET_MIN).collect();
        // A secret that is part of another must not tear a hole into it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(secrets)
    }

    /// Masks this as well.
    pub(crate) fn add(&mut self, secret: Secret) {
        *self = Self::new(std::mem::take(&mut self.0).into_iter().chain([secret]));
    }

    /// Masks what these headers hold as well: any of them may carry a key.
    pub(crate) fn with_headers<'a>(
        &'a self,
        headers: impl IntoIterator<Item = &'a (String, String)>,
    ) -> Cow<'a, Self> {
        let more: Vec<Secret> = headers
            .into_iter()
            .filter(|(name, _)| may_hold_key(name))
            .map(|(_, value)| Secret::new(value.strip_prefix("Bearer ").unwrap_or(value)))
            .collect();
        if more.is_empty() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self::new(self.0.iter().cloned().chain(more)))
    }

    /// The text without keys.
    pub(crate) fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret.expose()) {
                text = Cow::Owned(text.replace(secret.expose(), MASK));
            }
        }
        match without_tokens(&text) {
            Some(masked) => Cow::Owned(masked),
            None => text,
        }
    }
}

fn may_hold_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["auth", "key", "token", "secret", "cookie"].iter().any(|word| name.contains(word))
}

/// `None` if nothing looks like a key.
fn without_tokens(text: &str) -> Option<String> {
    let mut masked = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let word = rest.find(|c| !is_token(c)).unwrap_or(rest.len());
        let Some(token) = rest.get(..word).filter(|token| !token.is_empty()) else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let after_bearer = text.get(..at).is_some_and(|before| {
            before.len() >= 7
                && before.get(before.len() - 7..).is_some_and(|b| b.eq_ignore_ascii_case("bearer "))
        });
        let is_key = PREFIXES
            .iter()
            .any(|prefix| token.strip_prefix(prefix).is_some_and(|rest| rest.len() >= TOKEN_MIN));
        if is_key || (after_bearer && token.len() >= TOKEN_MIN) {
            masked.push_str(text.get(copied..at).unwrap_or_default());
            masked.push_str(MASK);
            copied = at + word;
        }
        at += word;
    }
    (copied > 0).then(|| masked + text.get(copied..).unwrap_or_default())
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '.' | '~' | '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_key_is_masked_wherever_it_stands() {
        let mask = Mask::new([Secret::new("my private key"), Secret::new("private")]);
        assert_eq!(mask.apply("got <my private key>!"), "got <[redacted]>!");
        assert_eq!(mask.apply("nothing"), "nothing");
    }

    #[test]
    fn what_looks_like_a_key_is_masked() {
        let mask = Mask::default();
        for (text, masked) in [
            (
                "Incorrect API key provided: sk-proj*****wxyz. You",
                "Incorrect API key provided: [redacted] You",
            ),
            ("key=sk-abcdefgh12345, next", "key=[redacted], next"),
            ("Bearer abcdef0123456789 refused", "Bearer [redacted] refused"),
            ("a task-oriented risk-averse model", "a task-oriented risk-averse model"),
            ("sk-1", "sk-1"),
            ("the bearer of news", "the bearer of news"),
            ("ключ sk-ABCDEFGHIJKL ß", "ключ [redacted] ß"),
            ("", ""),
        ] {
            assert_eq!(mask.apply(text), masked);
        }
    }

    #[test]
    fn keys_in_headers_of_a_target_are_masked_too() {
        let headers = [
            ("authorization".to_owned(), "Bearer tgt-key-1".to_owned()),
            ("x-team".to_owned(), "blue team".to_owned()),
        ];
        let mask = Mask::default();
        let mask = mask.with_headers(&headers);
        assert_eq!(mask.apply("tgt-key-1 of blue team"), "[redacted] of blue team");
    }
}
