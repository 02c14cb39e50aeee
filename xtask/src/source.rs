//! Rust source as text: enough of a lexer to tell code from comments and strings, and no more.
//!
//! A check that greps raw text trips over its own documentation; one that needs a full parser pulls in a tree of
//! crates. Blanking out what is not code is the middle way.

/// The text with comments and the insides of string and character literals replaced by spaces; lines stay lines.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut index = 0;
    while index < chars.len() {
        let end = match (at(index), at(index + 1)) {
            ('/', '/') => line_comment(&chars, index),
            ('/', '*') => block_comment(&chars, index),
            ('"', _) => string(&chars, index),
            // Not the `r` that ends an identifier such as `for`, which cannot be followed by a quote or hash anyway,
            // except in macros; looking at the character before settles those too.
            ('r', '"' | '#') if index == 0 || !is_word(at(index - 1)) || at(index - 1) == 'b' => {
                raw_string(&chars, index)
            }
            ('\'', _) => character(&chars, index),
            _ => index,
        };
        if end == index {
            out.push(at(index));
            index += 1;
            continue;
        }
        // The quotes stay, so that `"…"` still reads as one word in the right place.
        for (place, &char) in chars.iter().enumerate().take(end).skip(index) {
            let kept = char == '\n' || (char == '"' && (place == index || place + 1 == end));
            out.push(if kept { char } else { ' ' });
        }
        index = end;
    }
    out
}

fn line_comment(chars: &[char], start: usize) -> usize {
    chars.iter().skip(start).position(|&c| c == '\n').map_or(chars.len(), |length| start + length)
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = start;
    while index < chars.len() {
        match (chars.get(index), chars.get(index + 1)) {
            (Some('/'), Some('*')) => (depth, index) = (depth + 1, index + 2),
            (Some('*'), Some('/')) => (depth, index) = (depth.saturating_sub(1), index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            return index;
        }
    }
    chars.len()
}

fn string(chars: &[char], start: usize) -> usize {
    let mut index = start + 1;
    while let Some(&char) = chars.get(index) {
        match char {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    chars.len()
}

fn raw_string(chars: &[char], start: usize) -> usize {
    let hashes = chars.iter().skip(start + 1).take_while(|&&c| c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        // A raw identifier such as `r#type`.
        return start;
    }
    let mut index = open + 1;
    while index < chars.len() {
        let closed = chars.get(index) == Some(&'"')
            && chars.iter().skip(index + 1).take(hashes).filter(|&&c| c == '#').count() == hashes;
        if closed {
            return index + 1 + hashes;
        }
        index += 1;
    }
    chars.len()
}

/// A character literal, or nothing where the quote begins a lifetime.
fn character(chars: &[char], start: usize) -> usize {
    if chars.get(start + 1) == Some(&'\\') {
        let rest = chars.iter().skip(start + 3).position(|&c| c == '\'');
        return rest.map_or(start, |length| start + 3 + length + 1);
    }
    if chars.get(start + 2) == Some(&'\'') { start + 3 } else { start }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Where a path or name stands in code as a whole: `crate::openai` is not in `crate::openai_like`.
pub(crate) fn names(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(start, _)| {
        let before = code.get(..start).and_then(|text| text.chars().next_back());
        let after = code.get(start + path.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The one-based line of a byte offset.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

/// The lines before the test module, or all of them where there is none.
pub(crate) fn non_test_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let module = |index: usize| {
        let next = lines.iter().skip(index + 1).find(|line| !line.starts_with("#["));
        next.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
    };
    let tests = lines.iter().enumerate().position(|(index, line)| *line == "#[cfg(test)]" && module(index));
    tests.unwrap_or(lines.len())
}

/// The words of a name in any case: `RetryBudget_total` is retry, budget, total.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for char in name.chars() {
        if (!char.is_alphanumeric() || char.is_uppercase()) && !word.is_empty() && !all_upper(&word, char) {
            words.push(std::mem::take(&mut word).to_lowercase());
        }
        if char.is_alphanumeric() {
            word.push(char);
        }
    }
    words.push(word.to_lowercase());
    words.retain(|word| !word.is_empty());
    words
}

/// True in the middle of `MAX`, where a capital begins no new word.
fn all_upper(word: &str, next: char) -> bool {
    next.is_alphanumeric() && word.chars().all(|c| !c.is_lowercase()) && next.is_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_kept() {
        assert_eq!(code("a // tokio\nb"), "a         \nb");
        assert_eq!(code("a /* x /* y */ z\n */ b"), "a               \n    b");
        assert_eq!(code(r#"f("to\"kio", 1)"#), r#"f("       ", 1)"#);
        assert_eq!(code("let c = '\"'; d()"), "let c =    ; d()");
        assert_eq!(code(r"let c = '\''; d()"), "let c =     ; d()");
        assert!(!code("r#\"say \"todo!\" now\"#; x").contains("todo"));
        assert!(code("r#\"say \"todo!\" now\"#; x").ends_with("; x"));
    }

    #[test]
    fn lifetimes_and_raw_identifiers_are_code() {
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
        assert_eq!(code("self.r#type"), "self.r#type");
    }

    #[test]
    fn names_match_as_a_whole() {
        assert!(names("use crate::openai::Wire;", "crate::openai"));
        assert!(!names("use crate::openai_like::Wire;", "crate::openai"));
        assert!(!names("mytokio::x", "tokio"));
    }

    #[test]
    fn only_the_test_module_ends_the_count() {
        assert_eq!(non_test_lines("a\n#[cfg(test)]\nuse x;\nb\n"), 4);
        assert_eq!(non_test_lines("a\nb\n#[cfg(test)]\n#[path = \"x\"]\nmod tests {\n}\n"), 2);
        assert_eq!(non_test_lines("a\n#[cfg(test)]\nmod tests;\nb\n"), 4);
    }

    #[test]
    fn names_fall_into_words() {
        assert_eq!(words("RetryBudget"), ["retry", "budget"]);
        assert_eq!(words("MAX_BACKENDS"), ["max", "backends"]);
        assert_eq!(words("http_utils.rs"), ["http", "utils", "rs"]);
        assert!(words("imagine").iter().all(|word| word != "engine"));
    }

    #[test]
    fn offsets_have_lines() {
        assert_eq!(line_of("a\nbc\nd", 3), 2);
    }
}
