//! A wiremock server that answers with recipes.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::recipe::Recipe;
use super::record::Record;
use super::request::SeenRequest;

/// A server of well-formed answers, most of them bad news.
///
/// It answers every path and method alike, and remembers what was asked: whether a client asked in the right place is
/// for the test to say. Times are real, whatever the test does to tokio's clock.
///
/// ```
/// use backstop_testkit::server::{FailingServer, Recipe, RetryHint};
///
/// # fn main() { let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
/// # runtime.block_on(async {
/// // The first call meets a rate limit, every later one a reply.
/// let server = FailingServer::sequence([
///     Recipe::rate_limited(RetryHint::Seconds(2)),
///     Recipe::healthy("Hello."),
/// ]).await;
/// assert!(server.uri().ends_with("/v1"));
/// # }); }
/// ```
#[derive(Debug)]
pub struct FailingServer {
    server: MockServer,
    answers: Arc<Answers>,
}

#[derive(Debug)]
struct Answers {
    templates: Mutex<Templates>,
    record: Record,
}

/// The answers still to give, and the one given when there are none.
#[derive(Debug)]
struct Templates {
    coming: std::vec::IntoIter<ResponseTemplate>,
    last: ResponseTemplate,
}

impl Templates {
    /// Made on the thread of the test, so that a header that cannot be sent panics there.
    fn new(recipes: impl IntoIterator<Item = Recipe>) -> Self {
        let templates: Vec<_> = recipes.into_iter().map(|recipe| recipe.template()).collect();
        Self { coming: templates.into_iter(), last: Recipe::server_error().template() }
    }
}

/// What is mounted: the server keeps the answers, wiremock a handle to them.
struct Handle(Arc<Answers>);

impl Respond for Handle {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.record.saw(seen(request));
        let mut templates = self.0.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = templates.coming.next() {
            templates.last = next;
        }
        templates.last.clone()
    }
}

impl FailingServer {
    /// A server with one answer for everything.
    pub async fn start(recipe: Recipe) -> Self {
        Self::sequence([recipe]).await
    }

    /// A server that gives these answers one after another; the last one repeats. Without any, it answers 500.
    pub async fn sequence(recipes: impl IntoIterator<Item = Recipe>) -> Self {
        let templates = Mutex::new(Templates::new(recipes));
        let answers = Arc::new(Answers { templates, record: Record::default() });
        // Its own record is unbounded; ours is not.
        let server = MockServer::builder().disable_request_recording().start().await;
        server.register(Mock::given(any()).respond_with(Handle(Arc::clone(&answers)))).await;
        Self { server, answers }
    }

    /// From now on these answers, as in [`sequence`](Self::sequence). What was recorded stays.
    pub fn now_answers(&self, recipes: impl IntoIterator<Item = Recipe>) {
        let templates = Templates::new(recipes);
        *self.answers.templates.lock().unwrap_or_else(PoisonError::into_inner) = templates;
    }

    /// The base URL with the OpenAI wire's `/v1`: `http://127.0.0.1:4711/v1`.
    pub fn uri(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// The base URL without a path.
    pub fn origin(&self) -> String {
        self.server.uri()
    }

    /// Every request, oldest first. Bounded: 10 000 requests, 64 MiB.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.answers.record.requests()
    }

    /// How many requests arrived.
    pub fn hits(&self) -> usize {
        self.answers.record.tally().hits
    }

    /// The bodies of the requests as JSON; `Null` for one that is none.
    pub fn bodies(&self) -> Vec<Value> {
        self.requests().iter().map(SeenRequest::json).collect()
    }

    /// A header of the `n`th request, counted from 0.
    pub fn header_of(&self, n: usize, name: &str) -> Option<String> {
        self.requests().get(n)?.header(name).map(str::to_owned)
    }
}

fn seen(request: &Request) -> SeenRequest {
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let path = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    SeenRequest::new(request.method.to_string(), path, headers, request.body.clone())
}
