//! Answers in one piece.

use backstop_core::chat::{ChatRequest, FinishReason};
use backstop_core::completion::CompletionRequest;
use backstop_core::embedding::EmbeddingRequest;
use backstop_core::{Capabilities, Error};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::door::{Door, now};
use crate::family::{ALL, Row, VECTORS};
use crate::stream::same_however_cut;
use crate::{sound, with_key};

/// What may be asked.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Asked {
    Chat,
    Complete,
    Embed,
}

impl Asked {
    pub(crate) fn pick(letter: u8) -> Self {
        match letter.wrapping_sub(b'a') % 3 {
            0 => Self::Chat,
            1 => Self::Complete,
            _ => Self::Embed,
        }
    }

    fn is_there(self, able: &Capabilities) -> bool {
        match self {
            Self::Chat => able.chat,
            Self::Complete => able.complete,
            Self::Embed => able.embed,
        }
    }
}

/// The provider that this byte names, among all of them.
pub(crate) fn pick(letter: u8) -> Row {
    let all: Vec<_> = ALL.iter().flat_map(|family| family.providers).chain(VECTORS).collect();
    *all[usize::from(letter.wrapping_sub(b'a')) % all.len()]
}

/// A body, given to a provider as a success: its letter, that of what is asked, that of the cuts, and the body.
pub fn whole(input: &[u8]) {
    let Some((&[letter, asked, cuts], input)) = input.split_first_chunk() else { return };
    let (door, asked) = (Door::new(pick(letter)), Asked::pick(asked));
    let json = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    same_however_cut(&with_key(input), cuts, |pieces| {
        door.says(200, json.clone(), pieces.iter().copied());
        answer(&door, asked).map_err(|error| sound::error(&error, input))
    });
}

/// What comes of an answer, in full.
pub(crate) fn answer(door: &Door, asked: Asked) -> Result<String, Error> {
    let (provider, ask) = (&door.provider, door.ask);
    let able = provider.capabilities(ask.model());
    // Some take one at a time.
    let texts = if able.embed_batch == Some(1) { &["a"][..] } else { &["a", "b"] };
    let said = match asked {
        Asked::Chat => now(provider.chat(ask, &ChatRequest::user("hello"))).map(|reply| {
            assert!(!reply.is_empty(), "an empty answer passes for one: {reply:?}");
            assert_ne!(reply.finish, FinishReason::ContentFilter, "a withheld answer passes for one");
            format!("{reply:?}")
        }),
        Asked::Complete => now(provider.complete(ask, &CompletionRequest::new("hello"))).map(|reply| {
            assert_ne!(reply.finish, FinishReason::ContentFilter, "a withheld text passes for one");
            format!("{reply:?}")
        }),
        Asked::Embed => {
            now(provider.embed(ask, &EmbeddingRequest::new(texts.iter().copied()))).map(|reply| {
                assert_eq!(reply.embeddings.len(), texts.len(), "a vector a text");
                let finite = reply.embeddings.iter().flatten().all(|number| number.is_finite());
                assert!(finite, "no numbers: {reply:?}");
                format!("{reply:?}")
            })
        }
    };
    assert_eq!(door.was_asked(), asked.is_there(&able), "asked, unless it says that it cannot: {said:?}");
    said
}
