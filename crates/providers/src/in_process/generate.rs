//! The loop that writes an answer.

use backstop_core::chat::{ChatRequest, FinishReason};
use backstop_core::completion::CompletionRequest;
use backstop_core::{Ask, Error, ErrorKind, Usage};

use super::reply::Piece;
use super::sample::Sampler;
use super::text::{Shown, Text};
use super::workers::Out;

/// How many tokens of a question are read before somebody looks whether the answer is still wanted.
const AT_ONCE: usize = 64;

/// A model in the midst of one answer.
pub(crate) trait Session {
    /// How many tokens question and answer may have together.
    fn window(&self) -> usize;

    /// Reads these tokens, after all it has read before, and scores what may come next: one number a token, the
    /// larger the likelier. There is at least one token.
    ///
    /// # Errors
    /// If the model cannot be run.
    fn read(&mut self, tokens: &[u32]) -> Result<&[f32], Error>;

    /// The bytes a token stands for; `None` if it ends the answer.
    fn bytes(&self, token: u32) -> Option<&[u8]>;
}

/// How an answer is wanted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    max_tokens: usize,
    temperature: f32,
    top_p: f32,
    seed: Option<u64>,
    stop: Vec<String>,
}

impl Wanted {
    /// How a chat request wants it; `temperature` unless it says.
    ///
    /// # Errors
    /// `Unsupported` for what is no number.
    pub(crate) fn of(request: &ChatRequest, temperature: f64) -> Result<Self, Error> {
        Ok(Self {
            max_tokens: most(request.max_output_tokens),
            temperature: number("temperature", request.temperature.unwrap_or(temperature))?,
            top_p: number("top_p", request.top_p.unwrap_or(1.0))?,
            seed: request.seed,
            stop: request.stop.clone(),
        })
    }

    /// How a completion request wants it; `temperature` unless it says.
    ///
    /// # Errors
    /// `Unsupported` for what is no number.
    pub(crate) fn of_completion(request: &CompletionRequest, temperature: f64) -> Result<Self, Error> {
        Ok(Self {
            max_tokens: most(request.max_output_tokens),
            temperature: number("temperature", request.temperature.unwrap_or(temperature))?,
            top_p: number("top_p", request.top_p.unwrap_or(1.0))?,
            seed: request.seed,
            stop: request.stop.clone(),
        })
    }

    /// Has `session` answer `prompt`, and tells its last piece.
    ///
    /// # Errors
    /// `ContextLength` if the prompt leaves no room for an answer, or what the model fails of.
    pub(crate) fn write(self, session: &mut dyn Session, prompt: &[u32], out: &Out) -> Result<Piece, Error> {
        if prompt.is_empty() {
            return Err(Error::unsupported("the prompt is empty, and this model cannot begin from nothing"));
        }
        let room = session.window().saturating_sub(prompt.len());
        if room == 0 {
            return Err(too_long(prompt.len(), session.window()));
        }
        let most = self.max_tokens.min(room);
        let mut sampler = Sampler::new(self.temperature, self.top_p, self.seed);
        let mut text = Text::new(&self.stop);
        let mut written = 0;
        let mut token = None;
        for unread in prompt.chunks(AT_ONCE) {
            if out.is_left() {
                return Ok(end(FinishReason::Stop, prompt.len(), written));
            }
            token = Some(sampler.pick(session.read(unread)?));
        }
        let finish = loop {
            if written == most {
                break FinishReason::Length;
            }
            let Some(bytes) = token.and_then(|token| session.bytes(token)) else { break FinishReason::Stop };
            written += 1;
            let wanted = match text.push(bytes) {
                Shown::More(more) => out.text(more) && !out.is_left(),
                Shown::Stopped(last) => {
                    out.text(last);
                    return Ok(end(FinishReason::Stop, prompt.len(), written));
                }
            };
            // Whoever left does not read what is returned either.
            if !wanted {
                return Ok(end(FinishReason::Stop, prompt.len(), written));
            }
            if let (Some(last), true) = (token, written < most) {
                token = Some(sampler.pick(session.read(&[last])?));
            }
        };
        out.text(text.end());
        Ok(end(finish, prompt.len(), written))
    }
}

/// Refuses what a target would add to a request, where no request is sent.
///
/// # Errors
/// `Unsupported` if the target adds headers or body fields.
pub(crate) fn bare(ask: Ask<'_>) -> Result<(), Error> {
    if ask.headers().is_empty() && ask.extra_body().is_none() {
        return Ok(());
    }
    Err(Error::unsupported(
        "headers and extra_body have no effect on a model in this process: leave them out",
    ))
}

/// The error of a prompt that does not fit.
pub(crate) fn too_long(tokens: usize, window: usize) -> Error {
    let message = format!("the prompt has {tokens} tokens, and the model's window is {window}");
    let error = Error::new(ErrorKind::ContextLength, message);
    match u32::try_from(tokens) {
        Ok(tokens) => error.with_needed_tokens(tokens.saturating_add(1)),
        Err(_) => error,
    }
}

fn end(finish: FinishReason, input: usize, output: usize) -> Piece {
    let count = |tokens| u64::try_from(tokens).unwrap_or(u64::MAX);
    Piece::End(finish, Usage::new(count(input), count(output)))
}

fn most(tokens: Option<u32>) -> usize {
    tokens.map_or(usize::MAX, |tokens| usize::try_from(tokens).unwrap_or(usize::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the model counts in f32, and precision is all that is lost"
)]
fn number(name: &str, value: f64) -> Result<f32, Error> {
    if value.is_finite() && value >= 0.0 {
        Ok(value as f32)
    } else {
        Err(Error::unsupported(format!("{name} must be a number of 0 or more, not {value}")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, Sender};
    use std::time::Duration;

    use super::super::Workers;
    use super::super::reply::tests::wait;
    use super::*;

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(20);

    /// Says the letters after the last it has read, up to `z`, which ends it.
    #[derive(Debug)]
    struct Letters {
        read: Vec<u32>,
        scores: Vec<f32>,
        letters: Vec<u8>,
    }

    fn letters() -> Letters {
        Letters { read: Vec::new(), scores: Vec::new(), letters: (b'a'..=b'z').collect() }
    }

    impl Session for Letters {
        fn window(&self) -> usize {
            100
        }

        fn read(&mut self, tokens: &[u32]) -> Result<&[f32], Error> {
            assert!(!tokens.is_empty() && tokens.len() <= AT_ONCE);
            self.read.extend(tokens);
            let next = tokens.last().map_or(0, |last| last + 1);
            self.scores = (0..26).map(|token| if token == next { 1.0 } else { 0.0 }).collect();
            Ok(&self.scores)
        }

        fn bytes(&self, token: u32) -> Option<&[u8]> {
            let letter = self.letters.get(token as usize).filter(|letter| **letter != b'z')?;
            Some(std::slice::from_ref(letter))
        }
    }

    fn written(request: &ChatRequest, prompt: &[u32]) -> Result<(String, FinishReason, Usage), Error> {
        let wanted = Wanted::of(request, 0.0)?;
        let prompt = prompt.to_vec();
        let work = move |out: &Out| wanted.write(&mut letters(), &prompt, out);
        wait(Workers::new(1).write(work)?)
    }

    #[test]
    fn an_answer_ends_with_its_end_a_stop_text_or_the_limit() {
        let ask = ChatRequest::user("x");
        let (text, finish, usage) = written(&ask, &[0, 20]).unwrap();
        assert_eq!((text.as_str(), finish, usage), ("vwxy", FinishReason::Stop, Usage::new(2, 4)));
        let (text, finish, _) = written(&ask.clone().with_stop("xy"), &[20]).unwrap();
        assert_eq!((text.as_str(), finish), ("vw", FinishReason::Stop));
        let (text, finish, usage) = written(&ask.clone().with_max_output_tokens(2), &[20]).unwrap();
        assert_eq!((text.as_str(), finish, usage), ("vw", FinishReason::Length, Usage::new(1, 2)));
        let (text, finish, _) = written(&ask.with_max_output_tokens(0), &[20]).unwrap();
        assert_eq!((text.as_str(), finish), ("", FinishReason::Length));
    }

    #[test]
    fn the_window_ends_an_answer_and_a_prompt_that_fills_it_is_refused() {
        let ask = ChatRequest::user("x");
        let (text, finish, _) = written(&ask, &[0; 97]).unwrap();
        assert_eq!((text.as_str(), finish), ("bcd", FinishReason::Length));
        let error = written(&ask, &[0; 100]).unwrap_err();
        assert_eq!((error.kind(), error.facts().needed_tokens), (ErrorKind::ContextLength, Some(101)));
        assert_eq!(written(&ask, &[]).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for temperature in [f64::NAN, f64::INFINITY, -0.1] {
            let request = ChatRequest::user("x").with_temperature(temperature);
            assert_eq!(Wanted::of(&request, 0.0).unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }

    #[test]
    fn whoever_leaves_stops_the_model_before_its_next_token() {
        struct Endless(Sender<&'static str>);
        impl Session for Endless {
            fn window(&self) -> usize {
                usize::MAX
            }
            fn read(&mut self, _: &[u32]) -> Result<&[f32], Error> {
                self.0.send("goes on").unwrap();
                Ok(&[1.0])
            }
            fn bytes(&self, _: u32) -> Option<&[u8]> {
                Some(b"x")
            }
        }
        let (tell, told) = std::sync::mpsc::channel();
        let wanted = Wanted::of(&ChatRequest::user("x"), 0.0).unwrap();
        let work = move |out: &Out| wanted.write(&mut Endless(tell), &[0], out);
        let writing = Workers::new(1).write(work).unwrap();
        assert_eq!(told.recv_timeout(LONG), Ok("goes on"));
        drop(writing);
        let end = std::iter::repeat_with(|| told.recv_timeout(LONG)).find_map(Result::err);
        assert_eq!(end, Some(RecvTimeoutError::Disconnected));
    }
}
