//! Puts a filter of ours at every place of a template where a value may grow.
//!
//! The interpreter counts steps, and a step may double a text: forty of them fill any memory. Nothing of it can be hooked
//! into but filters, so a template is given some before it is run: behind each sum and what it is made of, and around each list
//! and map it writes. Only the tokens of a tag are looked at, which are few and simple; what they mean is left to the interpreter,
//! but for which operators bind tighter than others.

use std::fmt::Write as _;

/// The filter that a result passes through: it bounds what there is.
pub(super) const BOUND: &str = "bound_";
/// The filter for what is to be a number.
pub(super) const NUMBER: &str = "number_";

/// The largest template that is run; the largest there are have a fifth of it.
const SOURCE_MAX: usize = 128 << 10;

/// How many operators one tag may have: that often may one of them add something before the sum is looked at.
const OPERATORS_MAX: usize = 128;

/// A template that bounds itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bounded {
    pub(super) source: String,
    /// The longest text outside of tags, if the template keeps any of it instead of writing it.
    pub(super) longest_kept: usize,
}

/// Puts the filters into a template.
pub(super) fn bounded(source: &str) -> Result<Bounded, String> {
    if source.len() > SOURCE_MAX {
        return Err(format!("it is longer than {} KiB", SOURCE_MAX >> 10));
    }
    let mut inserted: Vec<(usize, &'static str)> = Vec::new();
    let (mut longest, mut keeps) = (0, false);
    let mut at = 0;
    while let Some((begin, tag)) = next_tag(source, at) {
        longest = longest.max(begin - at);
        at = match tag {
            b'#' => find(source, begin + 2, "#}").ok_or("a comment in it has no end")? + 2,
            _ => {
                let mut tag = Tag::new(source, begin + 2, tag == b'%');
                let end = tag.read(&mut inserted)?;
                keeps |= tag.keeps;
                end
            }
        };
    }
    longest = longest.max(source.len() - at);
    // Those at one place stay in their order: the inner ones were found first.
    inserted.sort_by_key(|(at, _)| *at);
    let (mut rewritten, mut done) = (String::with_capacity(source.len() * 2), 0);
    for (at, text) in inserted {
        let _ = write!(rewritten, "{}{text}", source.get(done..at).unwrap_or_default());
        done = at;
    }
    rewritten.push_str(source.get(done..).unwrap_or_default());
    Ok(Bounded { source: rewritten, longest_kept: if keeps { longest } else { 0 } })
}

fn find(source: &str, from: usize, what: &str) -> Option<usize> {
    source.get(from..)?.find(what).map(|at| from + at)
}

/// Where the next tag begins, and the second letter of its beginning.
fn next_tag(source: &str, from: usize) -> Option<(usize, u8)> {
    let pairs = source.as_bytes().windows(2).enumerate().skip(from);
    pairs.into_iter().find_map(|(at, pair)| match pair {
        [b'{', second @ (b'{' | b'%' | b'#')] => Some((at, *second)),
        _ => None,
    })
}

/// A token of a tag, as far as it matters here.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name, a number, a text: a part of what operators stand between. So are `.`, `|` and `is`.
    Part,
    Open,
    Close,
    /// `+`
    Plus,
    /// `~`
    Tilde,
    /// `*`
    Star,
    /// Another operator of numbers.
    Other,
    /// `in`, where a text may be searched for anything; and the `not` before it.
    In,
    Not,
    /// What binds looser than any operator.
    Break,
}

/// What stands between two brackets or commas: operators and what they stand between.
#[derive(Debug, Default)]
struct Sum {
    /// Where it begins and ends, as far as it has been read.
    place: Option<(usize, usize)>,
    /// Whether an operator would have something on its left.
    has_left: bool,
    grows: bool,
    /// What the right side of the last operator has to pass through.
    right: Option<&'static str>,
    /// Whether the brackets around it are a list or map that the template writes, and where they begin.
    literal: Option<usize>,
}

struct Tag<'s> {
    source: &'s str,
    at: usize,
    is_block: bool,
    /// Whether it begins something that keeps text: a macro, a block that is set or filtered.
    keeps: bool,
    operators: usize,
    sums: Vec<Sum>,
    word: &'s str,
}

impl<'s> Tag<'s> {
    fn new(source: &'s str, at: usize, is_block: bool) -> Self {
        Self { source, at, is_block, keeps: false, operators: 0, sums: vec![Sum::default()], word: "" }
    }

    /// Reads it to its end, and says where that is.
    fn read(&mut self, inserted: &mut Vec<(usize, &'static str)>) -> Result<usize, String> {
        let end = if self.is_block { "%}" } else { "}}" };
        let rest = |at: usize| self.source.get(at..).unwrap_or_default();
        if rest(self.at).starts_with(['-', '+']) {
            self.at += 1;
        }
        let (mut is_first, mut is_loop, mut sets) = (self.is_block, false, false);
        loop {
            let text = self.source.get(self.at..).unwrap_or_default();
            let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
            self.at = self.source.len() - text.len();
            if self.sums.len() == 1 {
                let sign = usize::from(text.starts_with(['-', '+']));
                if text.get(sign..).is_some_and(|text| text.starts_with(end)) {
                    self.end_sum(inserted);
                    // `{% set x %}` keeps what follows; `{% set x = 1 %}` does not.
                    self.keeps |= sets;
                    return Ok(self.at + sign + end.len());
                }
            }
            let length = length_of(text)?;
            let (word, before) = (text.get(..length).unwrap_or_default(), self.word);
            let token = if is_first { Token::Break } else { token_of(word, before) };
            if is_first {
                match word {
                    "raw" => return Err("it has a raw block".to_owned()),
                    "macro" | "filter" | "call" | "block" => self.keeps = true,
                    "set" => sets = true,
                    "for" => is_loop = true,
                    _ => {}
                }
            }
            sets &= word != "=" || self.sums.len() > 1;
            // The first `in` of a loop is its own.
            let token = if token == Token::In && std::mem::take(&mut is_loop) { Token::Break } else { token };
            is_first = false;
            // `is not` is one word.
            self.word = if (word, before) == ("not", "is") { before } else { word };
            self.take(token, self.at, self.at + length, inserted)?;
            self.at += length;
        }
    }

    fn take(
        &mut self,
        token: Token,
        begin: usize,
        end: usize,
        inserted: &mut Vec<(usize, &'static str)>,
    ) -> Result<(), String> {
        let is_list = self.source.get(begin..end).is_some_and(|text| text != "(");
        let Some(sum) = self.sums.last_mut() else { return Err("a bracket in it closes nothing".to_owned()) };
        let (is_binary, last) = (sum.has_left, sum.place.map_or(begin, |(_, end)| end));
        match token {
            Token::Part => {
                sum.place = Some((sum.place.map_or(begin, |(begin, _)| begin), end));
                sum.has_left = true;
            }
            Token::Open => {
                sum.place = Some((sum.place.map_or(begin, |(begin, _)| begin), end));
                // What follows a name or a bracket picks from it or calls it.
                let literal = (is_list && !is_binary).then_some(begin);
                self.sums.push(Sum { literal, ..Sum::default() });
            }
            Token::Close => {
                let literal = sum.literal;
                self.end_sum(inserted);
                self.sums.pop();
                let Some(sum) = self.sums.last_mut() else {
                    return Err("a bracket in it closes nothing".to_owned());
                };
                if let Some(place) = literal {
                    inserted.push((place, "("));
                    inserted.push((end, "|bound_)"));
                }
                (sum.place, sum.has_left) = (sum.place.map(|(begin, _)| (begin, end)), true);
            }
            Token::Plus | Token::Tilde | Token::Star | Token::Other if is_binary => {
                self.operators += 1;
                if self.operators > OPERATORS_MAX {
                    return Err(format!("a tag of it has more than {OPERATORS_MAX} operators"));
                }
                let through = match token {
                    Token::Tilde => Some("|bound_"),
                    Token::Star => Some("|number_"),
                    _ => None,
                };
                inserted.extend(sum.right.take().map(|filter| (last, filter)));
                inserted.extend(through.map(|filter| (last, filter)));
                (sum.right, sum.has_left) = (through, false);
                sum.grows |= matches!(token, Token::Plus | Token::Tilde);
            }
            // A sign.
            Token::Plus | Token::Other => {
                sum.place = Some((sum.place.map_or(begin, |(begin, _)| begin), end));
            }
            Token::In | Token::Not => {
                inserted.extend(sum.has_left.then_some((last, "|bound_")));
                self.end_sum(inserted);
            }
            Token::Tilde | Token::Star | Token::Break => self.end_sum(inserted),
        }
        Ok(())
    }

    /// A sum has come to its end, and another may begin.
    fn end_sum(&mut self, inserted: &mut Vec<(usize, &'static str)>) {
        let Some(sum) = self.sums.last_mut() else { return };
        if let Some((begin, end)) = sum.place {
            inserted.extend(sum.right.map(|filter| (end, filter)));
            if sum.grows {
                inserted.push((begin, "("));
                inserted.push((end, ")|bound_"));
            }
        }
        let literal = sum.literal;
        *sum = Sum { literal, ..Sum::default() };
    }
}

/// How long the token is that a text begins with.
fn length_of(text: &str) -> Result<usize, String> {
    let Some(first) = text.chars().next() else { return Err("a tag in it has no end".to_owned()) };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    Ok(match first {
        '"' | '\'' => {
            let mut is_escaped = false;
            let end = text.char_indices().skip(1).find(|(_, c)| {
                let ends = *c == first && !is_escaped;
                is_escaped = *c == '\\' && !is_escaped;
                ends
            });
            end.map(|(at, _)| at + 1).ok_or("a text in it has no end")?
        }
        first if is_word(first) => text.find(|c| !is_word(c)).unwrap_or(text.len()),
        _ if ["//", "**", "==", "!=", ">=", "<="].iter().any(|double| text.starts_with(double)) => 2,
        first => first.len_utf8(),
    })
}

fn token_of(word: &str, before: &str) -> Token {
    match word {
        "(" | "[" | "{" => Token::Open,
        ")" | "]" | "}" => Token::Close,
        "+" => Token::Plus,
        "~" => Token::Tilde,
        "*" => Token::Star,
        "-" | "/" | "//" | "%" | "**" => Token::Other,
        "." | "|" | "is" => Token::Part,
        // `x is not y`
        "not" if before == "is" => Token::Part,
        // Behind a dot, a bar or a test a word is a name, whatever it says.
        _ if matches!(before, "." | "|" | "is") => Token::Part,
        "in" => Token::In,
        "not" => Token::Not,
        "and" | "or" | "if" | "else" | "recursive" => Token::Break,
        word if word.starts_with(|c: char| c.is_alphanumeric() || "_\"'".contains(c)) => Token::Part,
        _ => Token::Break,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(source: &str) -> String {
        bounded(source).unwrap().source
    }

    #[test]
    fn what_may_grow_passes_through_a_filter_and_all_else_stays_as_it_is() {
        for same in [
            "text { and } {{ x }}{# {{ a + b }} #}",
            "{%- for m in messages[1:] -%}{{ m['role'] }}{%+ endfor +%}",
            "{% if a == b and not c is defined or loop.index0 % 2 - 1 > -x %}{% endif %}",
            "{{ f(x, y=1)|trim|default('a + b') }}{% set x = '~' %}",
        ] {
            assert_eq!(rewritten(same), same);
        }
        for (source, expected) in [
            ("{{ a + b }}", "{{ (a + b)|bound_ }}"),
            ("{{- a.b['c'] ~ d|trim -}}", "{{- (a.b['c']|bound_ ~ d|trim|bound_)|bound_ -}}"),
            ("{{ a + b if c + d else e }}", "{{ (a + b)|bound_ if (c + d)|bound_ else e }}"),
            ("{% set n.x = n.x + f(a + 1, 'b') %}", "{% set n.x = (n.x + f((a + 1)|bound_, 'b'))|bound_ %}"),
            ("{{ 'x' * 3 + y }}", "{{ ('x'|number_ * 3|number_ + y)|bound_ }}"),
            ("{{ -a * b ** 2 }}", "{{ -a|number_ * b|number_ ** 2 }}"),
            ("{{ [a, b][0] }}", "{{ ([a, b]|bound_)[0] }}"),
            ("{{ {'a': {}} }}", "{{ ({'a': ({}|bound_)}|bound_) }}"),
            ("{{ x is not in [1] + y }}", "{{ (x is not in [1] + y)|bound_ }}"),
            ("{{ not a or x not in y }}", "{{ not a or x|bound_ not in y }}"),
            ("{{ x in y + z }}", "{{ x|bound_ in (y + z)|bound_ }}"),
            ("{% for a in b if a in c %}", "{% for a in b if a|bound_ in c %}"),
            ("{{ f(*a, **b) }}", "{{ f(*a, **b) }}"),
            ("{{ '\\'}}' ~ a }}", "{{ ('\\'}}'|bound_ ~ a|bound_)|bound_ }}"),
        ] {
            assert_eq!(rewritten(source), expected, "{source}");
        }
    }

    #[test]
    fn text_that_a_template_keeps_is_measured() {
        for (source, kept) in [
            ("0123456789{% set x = 1 %}{% if x %}", 0),
            ("0123456789{% set x %}01234{% endset %}", 10),
            ("{% macro f(a=1) %}01234{% endmacro %}", 5),
            ("{% set x | trim %}01234{% endset %}", 5),
        ] {
            assert_eq!(bounded(source).unwrap().longest_kept, kept, "{source}");
        }
    }

    #[test]
    fn what_is_no_template_is_an_error_and_nothing_panics() {
        let whole = "a{{ [x ~ {'b': \"c\" * 2}](1) in é + '\\'' }}{% set y | f %}{# é #}{%- raw -%}";
        for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            let _ = bounded(&whole[..end]);
        }
        for wrong in [whole, "{{ a", "{{ 'a }}", "{# a", "{{ ) }}", &"{{ a + b }}".repeat(20_000)] {
            assert!(bounded(wrong).is_err(), "{wrong:.40}");
        }
        assert!(bounded(&format!("{{{{ {}b }}}}", "a ~ ".repeat(200))).is_err());
    }
}
