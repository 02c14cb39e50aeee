//! Thoughts that stand in front of a text, between `<think>` and `</think>`.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// More white space than stands in front of any thought. What goes on like that is the text.
const GAP_MAX: usize = 4 << 10;

/// What is said, told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Thought(String),
    Text(String),
}

/// Tells thoughts from text, however the pieces are cut.
#[derive(Debug, Default)]
pub(super) struct Tags {
    place: Place,
    /// What may be the beginning of a tag.
    held: String,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Inside,
    /// Behind the thoughts; white space in front of the text is no part of it.
    Gap,
    Text,
}

impl Tags {
    pub(super) fn push(&mut self, piece: &str) -> Vec<Said> {
        self.held.push_str(piece);
        let mut said = Vec::new();
        if self.place == Place::Before {
            let start = self.held.trim_start();
            if let Some(rest) = start.strip_prefix(OPEN) {
                (self.place, self.held) = (Place::Inside, rest.to_owned());
            } else if !OPEN.starts_with(start) || self.held.len() > GAP_MAX {
                self.place = Place::Text;
            }
        }
        if self.place == Place::Inside {
            match self.held.split_once(CLOSE) {
                Some((thought, rest)) => {
                    said.push(Said::Thought(thought.to_owned()));
                    (self.place, self.held) = (Place::Gap, rest.to_owned());
                }
                None => {
                    let rest = self.held.split_off(self.held.len() - tail_of_tag(&self.held));
                    said.push(Said::Thought(std::mem::replace(&mut self.held, rest)));
                }
            }
        }
        if self.place == Place::Gap {
            self.held = self.held.trim_start().to_owned();
            if !self.held.is_empty() {
                self.place = Place::Text;
            }
        }
        if self.place == Place::Text {
            said.push(Said::Text(std::mem::take(&mut self.held)));
        }
        said.retain(|said| !matches!(said, Said::Thought(text) | Said::Text(text) if text.is_empty()));
        said
    }

    /// What was still held when the answer ended.
    pub(super) fn end(&mut self) -> Option<Said> {
        let held = Some(std::mem::take(&mut self.held)).filter(|held| !held.is_empty())?;
        Some(if self.place == Place::Inside { Said::Thought(held) } else { Said::Text(held) })
    }
}

/// How many bytes at the end may be the beginning of the closing tag.
fn tail_of_tag(text: &str) -> usize {
    (1..CLOSE.len())
        .rev()
        .find(|length| CLOSE.get(..*length).is_some_and(|tag| text.ends_with(tag)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let mut tags = Tags::default();
        let mut said: Vec<_> = pieces.into_iter().flat_map(|piece| tags.push(piece)).collect();
        said.extend(tags.end());
        let (mut thought, mut text) = (String::new(), String::new());
        for said in said {
            match said {
                Said::Thought(more) => thought.push_str(&more),
                Said::Text(more) => text.push_str(&more),
            }
        }
        (thought, text)
    }

    #[test]
    fn endless_white_space_is_not_held_back() {
        let mut tags = Tags::default();
        let told: usize = (0..10_000).map(|_| tags.push("\n").len()).sum();
        assert!(told > 0 && tags.held.len() <= GAP_MAX, "{told} pieces told, {} bytes held", tags.held.len());
    }

    #[test]
    fn thoughts_are_told_from_text_however_they_are_cut() {
        for (whole, thought, text) in [
            ("<think>hm, ß</think>\n\nYes.", "hm, ß", "Yes."),
            ("\n <think>a < b</ think></think>Yes.", "a < b</ think>", "Yes."),
            ("<think></think>", "", ""),
            ("<think>cut </th", "cut </th", ""),
            ("Yes <think>no</think>", "", "Yes <think>no</think>"),
            ("<thin", "", "<thin"),
            ("<thinner", "", "<thinner"),
            (" 🦊", "", " 🦊"),
            ("", "", ""),
        ] {
            let expected = (thought.to_owned(), text.to_owned());
            assert_eq!(read([whole]), expected, "{whole}");
            let letters: Vec<String> = whole.chars().map(String::from).collect();
            assert_eq!(read(letters.iter().map(String::as_str)), expected, "{whole}, letter by letter");
            for (at, _) in whole.char_indices() {
                let (head, tail) = whole.split_at(at);
                assert_eq!(read([head, tail]), expected, "{whole}, cut at {at}");
            }
        }
    }
}
