//! `${VAR}` and `${VAR:-default}` in the texts of a file.
//!
//! They are expanded in what TOML has already parsed, never in the raw file: a value can then neither end its own
//! string nor move the place an error points at.

use std::ops::Range;

use backstop_core::Env;

/// A text after its variables were put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    /// Whether any of it came from a variable, or could have.
    pub(crate) from_vars: bool,
}

/// Why a text cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// This variable is not set, or empty, and has no default.
    Unset(String, Range<usize>),
    /// A `${` without its `}`.
    Open(Range<usize>),
    /// What stands between the braces is no variable.
    Name(Range<usize>),
}

/// Puts the variables in. `$${` stands for a `${` that is meant as it is.
pub(crate) fn expand(raw: &str, env: &Env) -> Result<Expanded, Wrong> {
    let mut text = String::with_capacity(raw.len());
    let mut from_vars = false;
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once("${") {
        let begin = raw.len() - after.len() - 2;
        if let Some(before) = before.strip_suffix('$') {
            text.push_str(before);
            text.push_str("${");
            rest = after;
            continue;
        }
        text.push_str(before);
        let Some((inside, after)) = after.split_once('}') else {
            return Err(Wrong::Open(begin..raw.len()));
        };
        let whole = begin..raw.len() - after.len();
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            return Err(Wrong::Name(whole));
        }
        match env.var(name).as_deref().or(default) {
            Some(value) => text.push_str(value),
            None => return Err(Wrong::Unset(name.to_owned(), whole)),
        }
        from_vars = true;
        rest = after;
    }
    text.push_str(rest);
    Ok(Expanded { text, from_vars })
}

/// The names of the variables in a text, as far as it is well formed.
pub(crate) fn names(raw: &str) -> impl Iterator<Item = &str> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        loop {
            let (before, after) = rest.split_once("${")?;
            rest = after;
            if before.ends_with('$') {
                continue;
            }
            let (inside, after) = after.split_once('}')?;
            rest = after;
            let name = inside.split_once(":-").map_or(inside, |(name, _)| name);
            if is_name(name) {
                return Some(name);
            }
        }
    })
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(raw: &str) -> Result<String, Wrong> {
        let env = Env::new(|name| match name {
            "KEY" => Some("k${KEY}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        });
        expand(raw, &env).map(|expanded| expanded.text)
    }

    #[test]
    fn the_names_of_variables_are_those_that_are_put_in() {
        let found = |raw| names(raw).collect::<Vec<_>>();
        assert_eq!(found("a${ONE}b${TWO:-x}$${THREE}${}${FOUR}"), ["ONE", "TWO", "FOUR"]);
        assert_eq!(found("plain ${OPEN"), Vec::<&str>::new());
    }

    #[test]
    fn variables_are_put_in_once() {
        for (raw, text) in [
            ("", ""),
            ("plain $KEY {KEY}", "plain $KEY {KEY}"),
            ("a${KEY}b", "ak${KEY}b"),
            ("${NONE:-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${NONE:-}", ""),
            ("${KEY:-d}", "k${KEY}"),
            ("$${KEY}", "${KEY}"),
            ("$$${KEY}", "$${KEY}"),
            ("ü${NONE:-ö}", "üö"),
        ] {
            assert_eq!(expanded(raw).as_deref(), Ok(text), "{raw}");
        }
    }

    #[test]
    fn what_cannot_be_expanded_says_where() {
        assert_eq!(expanded("ü${NONE}"), Err(Wrong::Unset("NONE".to_owned(), 2..9)));
        assert_eq!(expanded("${EMPTY}"), Err(Wrong::Unset("EMPTY".to_owned(), 0..8)));
        assert_eq!(expanded("a${KEY"), Err(Wrong::Open(1..6)));
        for raw in ["${}", "${1A}", "${file:x}", "${A-B}", "${ A }"] {
            assert_eq!(expanded(raw), Err(Wrong::Name(0..raw.len())), "{raw}");
        }
    }
}
