//! A provider over HTTP, written outside the workspace: an invented service, asked with reqwest. What it keeps is
//! checked by the conformance kit in `tests/`.

use std::sync::Arc;
use std::time::Duration;

use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, Message, Part};
use backstop_core::{
    Ask, Capabilities, Error, ErrorKind, Kind, Needs, Provider, Secret, Settings, Usage, async_trait,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// More than any answer is long.
const REPLY_MAX: usize = 4 << 20;

/// More of an error than anybody reads.
const ERROR_MAX: usize = 64 << 10;

/// The service.
#[derive(Debug)]
pub struct Courier {
    name: String,
    url: String,
    key: Option<Secret>,
    client: reqwest::Client,
}

/// The kind, for a registry: with it `kind = "courier"` works in config files.
pub fn kind() -> Kind {
    Kind::new("courier", |settings| Ok(Arc::new(Courier::new(settings)?)))
        .with_key_envs(&["COURIER_API_KEY"])
        .with_default_model("swift")
}

impl Courier {
    /// The service as it is set up.
    ///
    /// # Errors
    /// `Config` if the client cannot be built.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            // Neither may happen unseen: the machine counts every attempt, and a key stays where it was sent.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(settings.connect.unwrap_or(Duration::from_secs(5)))
            .build()
            .map_err(|cause| Error::new(ErrorKind::Config, "no HTTP client").with_source(cause))?;
        let base_url = settings.base_url.as_deref().unwrap_or("https://courier.example");
        Ok(Self { name: settings.name, url: format!("{base_url}/say"), key: settings.api_key, client })
    }

    /// An error of this attempt.
    fn error(&self, ask: Ask<'_>, kind: ErrorKind, message: &str) -> Error {
        let mut message = message.to_owned();
        // A server may repeat what it was sent.
        let own = self.key.iter().map(Secret::expose);
        for secret in own.chain(ask.headers().iter().map(|(_, value)| value.as_str())) {
            message = message.replace(secret, "***");
        }
        Error::new(kind, message).with_target(&self.name, ask.model())
    }

    /// At most so many bytes of a body.
    async fn read(
        &self,
        ask: Ask<'_>,
        response: &mut reqwest::Response,
        max: usize,
    ) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|_| self.error(ask, ErrorKind::BadReply, "the answer broke off"))?
        {
            if body.len() + piece.len() > max {
                return Err(self.error(ask, ErrorKind::BadReply, "the answer is too long"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// What a refusal means.
    async fn refused(&self, ask: Ask<'_>, mut response: reqwest::Response) -> Error {
        let status = response.status().as_u16();
        let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let wait = header("retry-after").and_then(|wait| wait.parse().ok());
        // Of a body that cannot be read nothing is known.
        let body = self.read(ask, &mut response, ERROR_MAX).await.unwrap_or_default();
        let told: Refusal = serde_json::from_slice(&body).unwrap_or_default();
        let kind = match (status, told.problem.as_str()) {
            (429, "spent") => ErrorKind::Quota,
            (400, "too-long") => ErrorKind::ContextLength,
            (400, "improper") => ErrorKind::ContentFilter,
            (400, "unknown-wish") => ErrorKind::Unsupported,
            _ => ErrorKind::of_status(status),
        };
        let error = self.error(ask, kind, &told.message).with_status(status);
        match wait {
            Some(seconds) => error.with_retry_after(Duration::try_from_secs_f64(seconds).unwrap_or_default()),
            None => error,
        }
    }
}

#[async_trait]
impl Provider for Courier {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        match self.key {
            Some(_) => Capabilities::default().with_chat(),
            None => Capabilities::missing("set COURIER_API_KEY or api_key"),
        }
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        // What is not declared is refused here as well: not everybody asks through a route.
        if let Some(unmet) = Needs::of(request).unmet_by(&self.capabilities(ask.model()), &self.name) {
            return Err(self.error(ask, unmet.kind, &unmet.reason));
        }
        let body = encode(ask, request).map_err(|error| error.with_target(&self.name, ask.model()))?;
        let mut post = self.client.post(&self.url).json(&body);
        if let Some(key) = &self.key {
            post = post.bearer_auth(key.expose());
        }
        for (name, value) in ask.headers() {
            post = post.header(name, value);
        }
        let mut response = post.send().await.map_err(|cause| {
            let kind = if cause.is_connect() { ErrorKind::Connect } else { ErrorKind::BadReply };
            self.error(ask, kind, "the service does not answer")
        })?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refused(ask, response).await);
        }
        let body = self.read(ask, &mut response, REPLY_MAX).await?;
        let said: Said = serde_json::from_slice(&body).map_err(|_| {
            self.error(ask, ErrorKind::BadReply, "the answer is not what was agreed").with_status(200)
        })?;
        let mut reply = ChatReply::text(said.text);
        reply.finish = if said.cut { FinishReason::Length } else { FinishReason::Stop };
        reply.usage = Usage::default();
        (reply.usage.input_tokens, reply.usage.output_tokens) = (Some(said.heard), Some(said.spoken));
        reply.status = Some(status.as_u16());
        // An answer without text is none.
        reply.check(request).map_err(|error| error.with_target(&self.name, ask.model()))
    }
}

/// The request in the words of the service, which knows turns of text and a few wishes.
fn encode(ask: Ask<'_>, request: &ChatRequest) -> Result<Value, Error> {
    let turns: Result<Vec<Value>, Error> = request
        .messages
        .iter()
        .map(|message| match message {
            Message::System { text, .. } => Ok(json!({ "who": "house", "text": text })),
            Message::User { parts, .. } => {
                let texts = parts.iter().filter_map(|part| match part {
                    Part::Text { text, .. } => Some(text.as_str()),
                    _ => None,
                });
                Ok(json!({ "who": "guest", "text": texts.collect::<Vec<_>>().join("\n") }))
            }
            Message::Assistant(earlier) if earlier.tool_calls.is_empty() => {
                Ok(json!({ "who": "courier", "text": earlier.text }))
            }
            _ => Err(Error::unsupported("the service knows no tools")),
        })
        .collect();
    let wishes = json!({
        "length": request.max_output_tokens,
        "heat": request.temperature,
        "nucleus": request.top_p,
        "until": request.stop,
        "seed": request.seed,
    });
    let mut body = json!({ "model": ask.model(), "turns": turns?, "wishes": wishes });
    if let (Some(body), Some(extra)) = (body.as_object_mut(), ask.extra_body()) {
        body.extend(extra.clone());
    }
    Ok(body)
}

/// An answer.
#[derive(Deserialize)]
struct Said {
    text: String,
    heard: u64,
    spoken: u64,
    #[serde(default)]
    cut: bool,
}

/// Why there is none.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    problem: String,
    message: String,
}
