//! What a client sent, and the reading of it off a socket.

use serde_json::Value;

/// Most bytes a request's head may have.
const HEAD_CAP: usize = 256 * 1024;
/// Most bytes a request's body may have.
const BODY_CAP: usize = 16 * 1024 * 1024;
/// Most bytes read ahead of one request: the body may be coded in small chunks, which takes more than its size.
pub(super) const REQUEST_CAP: usize = HEAD_CAP + 2 * BODY_CAP;

/// One request as a server saw it.
///
/// ```
/// # use backstop_testkit::server::{FailingServer, Recipe};
/// # fn main() { let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
/// # runtime.block_on(async {
/// let server = FailingServer::start(Recipe::healthy("Hello.")).await;
/// assert!(server.requests().is_empty());
/// # }); }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenRequest {
    /// `POST`, `GET`.
    pub method: String,
    /// The path with its query, as sent: `/v1/chat/completions`.
    pub path: String,
    /// Names in lower case, values as sent, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body, with any chunked coding taken off.
    pub body: Vec<u8>,
}

impl SeenRequest {
    pub(super) fn new(method: String, path: String, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Self { method, path, headers, body }
    }

    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `Null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Roughly what keeping this request costs.
    pub(super) fn size(&self) -> usize {
        self.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
            + self.path.len()
            + self.body.len()
    }

    /// Whether the header lists this word: `Connection: keep-alive, close`.
    fn lists(&self, header: &str, word: &str) -> bool {
        self.headers
            .iter()
            .filter(|(name, _)| name == header)
            .flat_map(|(_, value)| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(word))
    }
}

/// What the bytes read so far amount to.
pub(super) enum Parsed {
    /// The start of a request.
    Partial,
    /// Not a request, or one over the bounds.
    Refused,
    /// A whole request.
    Whole {
        request: SeenRequest,
        /// How many bytes it took.
        used: usize,
        /// The client wants the connection closed after the reply.
        last: bool,
    },
}

/// Reads one HTTP/1 request from the front of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if bytes.len() > HEAD_CAP { Parsed::Refused } else { Parsed::Partial };
    };
    let Some((head, rest)) = bytes.split_at_checked(end + 4) else { return Parsed::Partial };
    let Some((mut request, old)) = parse_head(head) else { return Parsed::Refused };

    let framed = if request.lists("transfer-encoding", "chunked") {
        take_chunked(rest)
    } else {
        let length = request.header("content-length").map_or(Ok(0), str::parse);
        length.map_or(Framed::Refused, |length| take_sized(rest, length))
    };
    match framed {
        Framed::Partial => Parsed::Partial,
        Framed::Refused => Parsed::Refused,
        Framed::Whole { body, used } => {
            request.body = body;
            let last = old || request.lists("connection", "close");
            Parsed::Whole { request, used: head.len() + used, last }
        }
    }
}

/// The request line and the headers; the flag says that the client speaks HTTP/1.0, where connections are not kept.
fn parse_head(head: &[u8]) -> Option<(SeenRequest, bool)> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let mut words = lines.next()?.split(' ');
    let (method, path, version) = (words.next()?, words.next()?, words.next()?);
    if !version.starts_with("HTTP/1.") {
        return None;
    }
    let headers = lines
        .map(|line| {
            line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect::<Option<Vec<_>>>()?;
    Some((SeenRequest::new(method.to_owned(), path.to_owned(), headers, Vec::new()), version == "HTTP/1.0"))
}

enum Framed {
    Partial,
    Refused,
    Whole { body: Vec<u8>, used: usize },
}

fn take_sized(bytes: &[u8], length: usize) -> Framed {
    if length > BODY_CAP {
        return Framed::Refused;
    }
    bytes.get(..length).map_or(Framed::Partial, |body| Framed::Whole { body: body.to_vec(), used: length })
}

fn take_chunked(bytes: &[u8]) -> Framed {
    let mut body = Vec::new();
    let mut rest = bytes;
    loop {
        let Some(eol) = rest.windows(2).position(|two| two == b"\r\n") else { return Framed::Partial };
        let Some((line, after)) = rest.split_at_checked(eol) else { return Framed::Partial };
        let size = String::from_utf8_lossy(line);
        let size = size.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else { return Framed::Refused };
        if body.len().saturating_add(size) > BODY_CAP {
            return Framed::Refused;
        }
        // The line's own end, the data, the data's end. Trailers are not spoken here.
        let Some(data) = after.get(2..2 + size) else { return Framed::Partial };
        match after.get(2 + size..4 + size) {
            None => return Framed::Partial,
            Some(b"\r\n") => {}
            Some(_) => return Framed::Refused,
        }
        rest = after.get(4 + size..).unwrap_or_default();
        if size == 0 {
            return Framed::Whole { body, used: bytes.len() - rest.len() };
        }
        body.extend_from_slice(data);
    }
}
