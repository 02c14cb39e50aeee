//! Embeddings.

use backstop_core::ErrorKind;
use backstop_core::embedding::{EmbeddingRequest, InputType};

use super::answers::sent;
use super::say::Say;
use super::stage::{Case, Stage, Unkept, Verdict, case, ensure, in_time, unexpected};

pub(super) const CASES: &[Case] = &[
    case!("vectors come in the order of their texts", in_order),
    case!("the size that is asked for is sent", size_is_sent),
    case!("what vectors are for is sent, if the model is said to be told", purpose_is_sent),
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

/// What is sent for one text, asked for in this way.
async fn sent_for(stage: &Stage<'_>, change: impl FnOnce(&mut EmbeddingRequest)) -> Result<String, Unkept> {
    let server = stage.server(&Say::Embed(vec![vec![0.5, -1.0, 0.25]]))?;
    let mut request = EmbeddingRequest::new(["first text"]);
    change(&mut request);
    in_time(stage.provider(&server).embed(stage.ask(), &request)).await.map_err(unexpected)?;
    Ok(sent(&server))
}

async fn size_is_sent(stage: &Stage<'_>) -> Verdict {
    stage.needs("embeddings", |able| able.embed)?;
    let usual = sent_for(stage, |_| {}).await?;
    let sized = sent_for(stage, |request| request.dimensions = Some(3)).await?;
    ensure!(usual != sized, "whatever the size, this is sent: {sized}");
    Ok(())
}

async fn purpose_is_sent(stage: &Stage<'_>) -> Verdict {
    stage.needs("embeddings", |able| able.embed)?;
    let document = sent_for(stage, |request| request.input_type = Some(InputType::Document)).await?;
    let query = sent_for(stage, |request| request.input_type = Some(InputType::Query)).await?;
    let declared = stage.able().embed_input_type;
    ensure!((document != query) == declared, "declared as {declared}, and sent: {document} and {query}");
    Ok(())
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
