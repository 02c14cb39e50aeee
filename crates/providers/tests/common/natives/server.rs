//! A server on a real socket that does what a script says, byte by byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// What happens on a connection once a request has come.
#[derive(Clone)]
pub(crate) enum Act {
    /// These bytes, then the next request on the same connection.
    Answer(Vec<u8>),
    /// These bytes, then the connection is closed.
    Last(Vec<u8>),
    /// These bytes, then zeros without end.
    Endless(Vec<u8>),
    /// Nothing.
    Silence,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    /// Requests, head and body, as they came.
    pub(crate) requests: UnboundedReceiver<String>,
    /// A message for every connection the client has closed.
    pub(crate) closed: UnboundedReceiver<()>,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Server {
    /// Does the same for every request.
    pub(crate) async fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, requests) = unbounded_channel();
        let (left, closed) = unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, act.clone(), asked.clone(), left.clone()));
            }
        });
        Self { port, requests, closed, connections }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many requests have come.
    pub(crate) async fn count(&mut self) -> usize {
        // Whatever is still under way on this machine arrives within this.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut count = 0;
        while self.requests.try_recv().is_ok() {
            count += 1;
        }
        count
    }

    pub(crate) async fn wait_for_request(&mut self) -> String {
        timeout(Duration::from_secs(5), self.requests.recv()).await.unwrap().unwrap()
    }

    pub(crate) async fn wait_for_close(&mut self) {
        timeout(Duration::from_secs(5), self.closed.recv()).await.unwrap().unwrap();
    }
}

async fn serve(mut stream: TcpStream, act: Act, asked: UnboundedSender<String>, left: UnboundedSender<()>) {
    while let Some(request) = read_request(&mut stream).await {
        let _ = asked.send(request);
        match &act {
            Act::Answer(bytes) => drop(stream.write_all(bytes).await),
            Act::Last(bytes) => {
                let _ = stream.write_all(bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Act::Endless(bytes) => {
                let zeros = vec![b'0'; 1 << 20];
                let mut sent = stream.write_all(bytes).await;
                while sent.is_ok() {
                    sent = stream.write_all(&zeros).await;
                }
                break;
            }
            Act::Silence => {}
        }
    }
    let _ = left.send(());
}

/// `None` once the client has closed the connection.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return Some(text.into_owned());
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend(chunk.iter().take(n)),
        }
    }
}

/// A whole response.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
