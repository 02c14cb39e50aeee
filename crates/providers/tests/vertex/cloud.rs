//! Google's cloud without a network: it gives out tokens and answers, and remembers what it was asked.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::{Ask, Env, Error, Provider, async_trait};
use backstop_providers::http::{Body, HttpRequest, HttpResponse, Transport, TransportError};
use backstop_providers::vertex::{Vertex, VertexConfig};
use http::StatusCode;

pub(crate) const MODEL: &str = "gemini-x";
pub(crate) const ANSWER: &str =
    r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hi"}]},"finishReason":"STOP"}]}"#;
pub(crate) const TOKEN: &str = r#"{"access_token":"ya29.token-1","expires_in":3599,"token_type":"Bearer"}"#;

/// What one of its doors says: a status and a body, or nothing but a fault.
pub(crate) type Says = Result<(u16, String), TransportError>;

#[derive(Debug)]
pub(crate) struct Cloud {
    /// What the next requests for tokens are told; the last goes on.
    tokens: Mutex<Vec<Says>>,
    answer: Mutex<Says>,
    asked: Mutex<Vec<HttpRequest>>,
}

impl Cloud {
    pub(crate) fn new(tokens: impl IntoIterator<Item = Says>) -> Arc<Self> {
        let tokens = tokens.into_iter().collect();
        Arc::new(Self {
            tokens: Mutex::new(tokens),
            answer: Mutex::new(Ok((200, ANSWER.to_owned()))),
            asked: Mutex::default(),
        })
    }

    /// One that gives out this token to everybody.
    pub(crate) fn healthy() -> Arc<Self> {
        Self::new([Ok((200, TOKEN.to_owned()))])
    }

    /// One whose models say this.
    pub(crate) fn says(status: u16, body: &str) -> Arc<Self> {
        let cloud = Self::healthy();
        cloud.say(status, body);
        cloud
    }

    pub(crate) fn say(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = Ok((status, body.to_owned()));
    }

    /// What was asked for: method, URL, headers and body in short.
    fn asked<T>(&self, tokens: bool, of: impl Fn(&HttpRequest) -> T) -> Vec<T> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|request| is_for_token(request) == tokens).map(of).collect()
    }

    pub(crate) fn token_requests(&self) -> Vec<String> {
        self.asked(true, |request| {
            let header = |name: &str| request.headers.get(name).map_or("-", |value| value.to_str().unwrap());
            let body = String::from_utf8(request.body.to_vec()).unwrap();
            format!(
                "{} {} {} {} {body}",
                request.method,
                request.url,
                header("content-type"),
                header("metadata-flavor")
            )
        })
    }

    /// How many requests to models there were.
    pub(crate) fn count(&self) -> usize {
        self.asked(false, |_| ()).len()
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.asked(false, |request| request.url.to_string())
    }

    pub(crate) fn bodies(&self) -> Vec<serde_json::Value> {
        self.asked(false, |request| serde_json::from_slice(&request.body).unwrap())
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        self.asked(false, |request| {
            request.headers.get(name).map_or("-".to_owned(), |value| {
                assert!(value.is_sensitive(), "{name}");
                value.to_str().unwrap().to_owned()
            })
        })
    }
}

fn is_for_token(request: &HttpRequest) -> bool {
    request.url.path().ends_with("/token")
}

#[async_trait]
impl Transport for Cloud {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let for_token = is_for_token(&request);
        self.asked.lock().unwrap().push(request);
        let says = if for_token {
            // Whoever else wants one comes in between.
            tokio::task::yield_now().await;
            let mut tokens = self.tokens.lock().unwrap();
            if tokens.len() > 1 { tokens.remove(0) } else { tokens.first().unwrap().clone() }
        } else {
            self.answer.lock().unwrap().clone()
        };
        let (status, body) = says?;
        Ok(HttpResponse::new(StatusCode::from_u16(status).unwrap(), Body::from(body)))
    }
}

pub(crate) fn vertex(config: VertexConfig, cloud: &Arc<Cloud>) -> Vertex {
    let transport: Arc<dyn Transport> = cloud.clone();
    Vertex::with_transport(config, transport).unwrap()
}

pub(crate) async fn chat(vertex: &Vertex) -> Result<ChatReply, Error> {
    vertex.chat(Ask::new(MODEL), &ChatRequest::user("hello")).await
}

/// A file that goes with the test.
pub(crate) struct File(pub(crate) PathBuf);

impl File {
    pub(crate) fn new(text: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("backstop-vertex-{}-{count}.json", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(crate) const USER: &str = r#"{"type":"authorized_user","client_id":"id.apps","client_secret":"s3cret/+","refresh_token":"1//refresh=","quota_project_id":"billed"}"#;

/// A provider with the credentials of a user.
pub(crate) fn of_user(cloud: &Arc<Cloud>) -> Vertex {
    let file = File::new(USER);
    vertex(VertexConfig::new("p-1").with_credentials(&file.0), cloud)
}

pub(crate) fn env(vars: &[(&str, &str)]) -> Env {
    let vars: Vec<_> = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Env::new(move |name| vars.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
}
