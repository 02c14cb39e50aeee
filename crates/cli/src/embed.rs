//! `backstop embed`.

use std::path::PathBuf;
use std::sync::Arc;

use backstop::core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop::{Answer, Error, ErrorKind};

use crate::args::Embed;
use crate::exit::Exit;
use crate::human::{self, Progress};
use crate::json;
use crate::out;
use crate::setup::{Setup, Wants};
use crate::text::{beside, interrupted};

pub(crate) async fn run(config: Option<PathBuf>, verbose: bool, arguments: Embed) -> Exit {
    let Embed { terms, text } = arguments;
    let progress = Arc::new(Progress::new(verbose));
    let prepared = match check(&text).and_then(|()| Setup::find(config)) {
        Ok(setup) => setup.client_for(&terms, Wants::Vectors).await,
        Err(error) => Err(error),
    };
    let outcome = match prepared {
        Ok(client) => {
            let client = client.with_observer(Arc::clone(&progress) as Arc<dyn backstop::Observer>);
            let call = client.embed_until(EmbeddingRequest::new(text), interrupted());
            beside(call, progress.spin()).await
        }
        Err(error) => Err(error),
    };
    progress.clear();
    show(outcome.as_ref(), terms.json, &progress)
}

/// A text of nothing has no vector, and by its place alone it is hard to find what was left out.
fn check(texts: &[String]) -> Result<(), Error> {
    match texts.iter().position(|text| text.trim().is_empty()) {
        Some(at) => {
            let message = format!("text {} of {} is empty", at + 1, texts.len());
            Err(Error::new(ErrorKind::Usage, message))
        }
        None => Ok(()),
    }
}

/// For programs the object, for people the vectors and what there is to know of them.
fn show(outcome: Result<&Answer<EmbeddingReply>, &Error>, json: bool, progress: &Progress) -> Exit {
    let written = match outcome {
        _ if json => json::print_vectors(outcome),
        Ok(answer) => lines(&answer.embeddings),
        Err(_) => Ok(()),
    };
    match outcome {
        Ok(answer) => {
            if !json {
                let space = answer.space.as_deref().unwrap_or("unknown");
                human::note(&format!("the vectors live in the space {space}"));
            }
            progress.trail(answer.trail());
            out::ending(written, Exit::Answered)
        }
        Err(error) => {
            progress.trail(error.trail());
            human::failure(error);
            out::ending(written, Exit::of(error))
        }
    }
}

/// A line a vector: numbers with a space between.
fn lines(vectors: &[Vec<f32>]) -> std::io::Result<()> {
    vectors.iter().try_for_each(|vector| {
        let numbers: Vec<String> = vector.iter().map(f32::to_string).collect();
        out::text(&format!("{}\n", numbers.join(" ")))
    })
}
