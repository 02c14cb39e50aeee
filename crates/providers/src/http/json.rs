//! JSON that somebody else wrote.

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

/// How much of a path is told. Its names are the server's.
const PATH_MAX: usize = 80;

/// Reads JSON. Says what is wrong and where, and nothing of what was there: that is an answer, and answers are not
/// told in errors.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    // The path costs time that only a failure is worth.
    serde_json::from_str(text).map_err(|_| told::<T>(text))
}

/// The arguments of a tool call, which some services put into a text and some send as they are.
pub(crate) fn arguments(raw: Option<&RawValue>) -> String {
    let Some(raw) = raw.map(RawValue::get) else { return String::new() };
    serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned())
}

fn told<'a, T: Deserialize<'a>>(text: &'a str) -> String {
    let mut reader = serde_json::Deserializer::from_str(text);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut reader) else {
        return "goes on after its end".to_owned();
    };
    let at = error.inner();
    let place = format!("at `{}`, line {}, column {}", whole_names(error.path()), at.line(), at.column());
    match at.classify() {
        Category::Data => format!("has another form than documented {place}"),
        Category::Eof => "is JSON that breaks off".to_owned(),
        Category::Syntax | Category::Io => format!("is not JSON {place}"),
    }
}

/// The beginning of a path, in whole names: half of a name may be half of a key, which nobody would know for one.
fn whole_names(path: &Path) -> String {
    let mut told = String::new();
    for segment in path {
        let dot = if told.is_empty() || matches!(segment, Segment::Seq { .. }) { "" } else { "." };
        let name = segment.to_string();
        if told.len() + name.len() > PATH_MAX {
            told.push('…');
            break;
        }
        told = told + dot + &name;
    }
    if told.is_empty() { ".".to_owned() } else { told }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Outer {
        list: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Inner {
        number: u8,
    }

    #[test]
    fn what_is_wrong_is_told_with_its_path_and_without_its_content() {
        for (text, word) in [
            (&b""[..], "is empty"),
            (b"\n\n", "is empty"),
            (b"\xff", "not UTF-8"),
            (b"<html>private</html>", "is not JSON"),
            (br#"{"list":[{"number":"private"}]}"#, "at `list[0].number`"),
            (br#"{"list":[{"number":1}]} private"#, "after its end"),
            (br#"{"list":[{"number":1}"#, "breaks off"),
            (b"[]", "has another form"),
        ] {
            let told = from_json::<Outer>(text).unwrap_err();
            assert!(told.contains(word) && !told.contains("private"), "{told}");
        }
    }

    #[test]
    fn a_path_is_cut_between_names() {
        type Deep = BTreeMap<String, BTreeMap<String, Vec<u8>>>;
        let long = "k".repeat(PATH_MAX - 1);
        for (first, second, path) in [
            ("a".to_owned(), "b".to_owned(), "`a.b[0]`".to_owned()),
            (long.clone(), "secret".to_owned(), format!("`{long}…`")),
            ("secret".repeat(PATH_MAX), "b".to_owned(), "`…`".to_owned()),
        ] {
            let told =
                from_json::<Deep>(format!(r#"{{"{first}":{{"{second}":["x"]}}}}"#).as_bytes()).unwrap_err();
            assert!(told.contains(&path) && !told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn arguments_are_one_text_whichever_form_they_have() {
        const EMPTY: &str = "\"\"";
        for (raw, expected) in [
            (r#""{\"a\": broken""#, r#"{"a": broken"#),
            (r#"{"a": [1]}"#, r#"{"a": [1]}"#),
            (EMPTY, ""),
            ("7", "7"),
        ] {
            let raw: &RawValue = serde_json::from_str(raw).unwrap();
            assert_eq!(arguments(Some(raw)), expected);
        }
        assert_eq!(arguments(None), "");
    }

    #[test]
    fn a_byte_order_mark_and_blank_lines_in_front_are_skipped() {
        assert!(from_json::<Outer>("\u{feff}\n\n {\"list\":[]}".as_bytes()).is_ok());
    }
}
