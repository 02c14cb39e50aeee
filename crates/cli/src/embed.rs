//! `backstop embed`.

use std::path::PathBuf;
use std::sync::Arc;

use backstop::core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop::{Answer, Error, ErrorKind};

use crate::args::Embed;
use crate::exit::Exit;
use crate::human::{self, Progress};
use crate::json;
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

/// For people a vector a line: numbers with a space between.
fn show(outcome: Result<&Answer<EmbeddingReply>, &Error>, json: bool, progress: &Progress) -> Exit {
    if json {
        // Nobody who reads it, nobody to tell.
        let _ = json::print_vectors(outcome);
    }
    match outcome {
        Ok(answer) => {
            if !json {
                for vector in &answer.embeddings {
                    let numbers: Vec<String> = vector.iter().map(f32::to_string).collect();
                    let _ = human::write_out(&format!("{}\n", numbers.join(" ")));
                }
                let space = answer.space.as_deref().unwrap_or("unknown");
                human::note(&format!("the vectors live in the space {space}"));
            }
            progress.trail(answer.trail());
            Exit::Answered
        }
        Err(error) => {
            progress.trail(error.trail());
            human::failure(error);
            Exit::of(error)
        }
    }
}
