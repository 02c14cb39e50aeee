//! What only one kind of provider knows, read from its settings.

use backstop_core::{Error, ErrorKind, KindOption, Settings};
use serde_json::{Map, Value};

/// Settings every kind has. They are no options, but may be what a misspelt one was meant to be.
const COMMON: [&str; 4] = ["kind", "base_url", "api_key", "connect"];

/// The options of a provider. Each is taken out once; what is left at the end is a mistake.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    provider: &'a str,
    known: &'static [KindOption],
    left: Map<String, Value>,
}

impl<'a> Options<'a> {
    /// The options in these settings, of which a provider of this kind knows `known`.
    pub(crate) fn of(settings: &'a Settings, known: &'static [KindOption]) -> Result<Self, Error> {
        let options = Self { provider: &settings.name, known, left: settings.options.clone() };
        match options.left.keys().find(|name| known.iter().all(|known| known.name != name.as_str())) {
            Some(unknown) => Err(options.unknown(unknown)),
            None => Ok(options),
        }
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Error> {
        match self.left.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong(name, "is not a text")),
        }
    }

    /// True or false.
    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Error> {
        match self.left.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.wrong(name, "is neither true nor false")),
        }
    }

    /// A whole number, at least 1.
    pub(crate) fn count(&mut self, name: &str) -> Result<Option<u32>, Error> {
        let value = match self.left.remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
        match count {
            Some(count) => Ok(Some(count)),
            None => Err(self.wrong(name, "is not a whole number from 1 on")),
        }
    }

    /// A table of texts.
    pub(crate) fn texts(&mut self, name: &str) -> Result<Vec<(String, String)>, Error> {
        let table = match self.left.remove(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Object(table)) => table,
            Some(_) => return Err(self.wrong(name, "is not a table")),
        };
        let text = |(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            _ => Err(self.wrong(name, "holds something that is not a text")),
        };
        table.into_iter().map(text).collect()
    }

    fn wrong(&self, name: &str, problem: &str) -> Error {
        let message = format!("the setting `{name}` of provider `{}` {problem}", self.provider);
        Error::new(ErrorKind::Config, message)
    }

    fn unknown(&self, name: &str) -> Error {
        let names: Vec<_> = COMMON.into_iter().chain(self.known.iter().map(|known| known.name)).collect();
        let advice = match nearest(name, names.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        self.wrong(name, &format!("does not exist; {advice}"))
    }
}

/// The name that differs least, if it differs little enough to be meant.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let near = names.map(|other| (distance(name, other), other)).min()?;
    (near.0 <= (name.len() / 3).max(2)).then_some(near.1)
}

/// How many letters have to be put in, taken out or replaced.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.chars().zip(row.iter().skip(1).copied()) {
            left = (corner + usize::from(x != y)).min(above + 1).min(left + 1);
            corner = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_that_of_levenshtein() {
        for (a, b, expected) in
            [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("project", "project", 0)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        let names = || ["organization", "project", "headers", "base_url"].into_iter();
        for (name, meant) in [
            ("organisation", Some("organization")),
            ("baseurl", Some("base_url")),
            ("header", Some("headers")),
            ("temperature", None),
            ("x", None),
        ] {
            assert_eq!(nearest(name, names()), meant, "{name}");
        }
    }
}
