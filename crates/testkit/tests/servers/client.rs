//! A few lines of HTTP over a plain socket, so that no client library hides what a server does.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here takes; a test that waits this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(10);
/// Long enough to believe that nothing more comes.
pub(crate) const QUIET: Duration = Duration::from_millis(40);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
    /// Nothing came for a while, and the connection is still open.
    Quiet,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends as much as the server wants to have before it closes the connection.
    pub(crate) async fn send_what_goes(&mut self, bytes: impl AsRef<[u8]>) {
        _ = self.stream.write_all(bytes.as_ref()).await;
    }

    pub(crate) async fn post(&mut self, body: &str) {
        self.send(request(&[], body)).await;
    }

    /// Everything until the end, and how many reads it took.
    pub(crate) async fn hear_in_pieces(&mut self, patience: Duration) -> (Vec<Vec<u8>>, End) {
        let mut pieces = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match timeout(patience, self.stream.read(&mut buffer)).await {
                Err(_) => return (pieces, End::Quiet),
                Ok(Ok(0)) => return (pieces, End::Closed),
                Ok(Ok(n)) => pieces.push(buffer.get(..n).unwrap().to_vec()),
                Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => return (pieces, End::Reset),
                Ok(Err(error)) => panic!("reading failed: {error}"),
            }
        }
    }

    pub(crate) async fn hear(&mut self, patience: Duration) -> (Vec<u8>, End) {
        let (pieces, end) = self.hear_in_pieces(patience).await;
        (pieces.concat(), end)
    }

    /// Exactly so many bytes.
    pub(crate) async fn take(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        timeout(LONG, self.stream.read_exact(&mut bytes)).await.unwrap().unwrap();
        bytes
    }

    /// One whole reply with a `content-length`, from a connection that may go on.
    pub(crate) async fn reply(&mut self) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.take(1).await);
        }
        let (status, headers) = parse_head(&head);
        let mut reply = Reply { status, headers, body: Vec::new() };
        let length = reply.header("content-length").unwrap_or("0").parse().unwrap();
        reply.body = self.take(length).await;
        reply
    }

    pub(crate) async fn ask(&mut self, body: &str) -> Reply {
        self.post(body).await;
        self.reply().await
    }
}

/// Connects, posts, and takes the whole reply.
pub(crate) async fn ask(address: SocketAddr, body: &str) -> Reply {
    Client::connect(address).await.ask(body).await
}

/// Connects, posts, and hears the server out.
pub(crate) async fn hear(address: SocketAddr) -> (String, End) {
    let mut client = Client::connect(address).await;
    client.post("{}").await;
    let (bytes, end) = client.hear(LONG).await;
    (String::from_utf8_lossy(&bytes).into_owned(), end)
}

pub(crate) fn request(headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// The address in a server's URL.
pub(crate) fn address(url: &str) -> SocketAddr {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

/// A head and the rest.
pub(crate) fn split_head(text: &str) -> (&str, &str) {
    text.split_once("\r\n\r\n").unwrap()
}

fn parse_head(head: &[u8]) -> (u16, Vec<(String, String)>) {
    let head = std::str::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    (status, headers)
}
