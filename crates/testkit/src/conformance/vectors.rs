//! Embeddings.

use backstop_core::ErrorKind;
use backstop_core::embedding::EmbeddingRequest;

use super::answers::sent;
use super::say::Say;
use super::stage::{Case, Stage, Verdict, case, ensure, in_time, unexpected};

pub(super) const CASES: &[Case] = &[
    case!("vectors come in the order of their texts", in_order),
    case!("as many vectors as texts, or it is a bad reply", too_few),
];

async fn in_order(stage: &Stage<'_>) -> Verdict {
    stage.needs("embeddings", |able| able.embed)?;
    let vectors = vec![vec![0.5, -1.0, 0.25], vec![0.0, 1.0, 2.0]];
    let texts: Vec<&str> = ["first text", "second text"].into_iter().take(batch(stage)).collect();
    let vectors: Vec<_> = vectors.into_iter().take(texts.len()).collect();
    let server = stage.server(&Say::Embed(vectors.clone()))?;
    let request = EmbeddingRequest::new(texts.clone());
    let reply = in_time(stage.provider(&server).embed(stage.ask(), &request)).await.map_err(unexpected)?;
    ensure!(reply.embeddings == vectors, "the vectors are {:?}", reply.embeddings);
    let sent = sent(&server);
    ensure!(texts.iter().all(|text| sent.contains(text)), "the texts were not sent: {sent}");
    ensure!(server.hits() == 1, "{} requests were sent", server.hits());
    Ok(())
}

fn batch(stage: &Stage<'_>) -> usize {
    stage.able().embed_batch.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

async fn too_few(stage: &Stage<'_>) -> Verdict {
    stage.needs("embeddings of several texts", |able| able.embed && able.embed_batch != Some(1))?;
    let server = stage.server(&Say::Embed(vec![vec![1.0, 2.0]]))?;
    let request = EmbeddingRequest::new(["first text", "second text"]);
    match in_time(stage.provider(&server).embed(stage.ask(), &request)).await {
        Err(error) if error.kind() == ErrorKind::BadReply => Ok(()),
        Err(error) => Err(format!("the error is {:?}: {error}", error.kind()).into()),
        Ok(reply) => Err(format!("{} vectors for two texts passed", reply.embeddings.len()).into()),
    }
}
