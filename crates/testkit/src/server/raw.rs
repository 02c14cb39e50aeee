//! A server on plain sockets that does what its scripts say.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::connection::Connection;
use super::record::{Record, Tally};
use super::request::SeenRequest;
use super::script::Script;

/// Connections open at once; one more is dropped as soon as it is accepted.
const OPEN_CAP: usize = 256;
/// Small on purpose: what a client does not read stays unsent, so that [`RawServer::bytes_sent`] tells how much it read.
const SEND_BUFFER: u32 = 64 * 1024;

/// A loopback server that plays one [`Script`] per request and remembers what happened.
///
/// It runs on a thread and a runtime of its own, in real time: a test may pause tokio's clock, or have no runtime at
/// all. Dropping the server ends it and all its connections.
///
/// The first script of a connection is taken when the connection is accepted, since it may act before any request; a
/// later one when the next request on the same connection begins to arrive.
///
/// ```
/// use std::time::Duration;
/// use backstop_testkit::server::{RawServer, Script};
///
/// # fn main() { let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
/// # runtime.block_on(async {
/// let server = RawServer::start([Script::silent()]);
/// let call = tokio::net::TcpStream::connect(server.address()).await.expect("loopback");
/// drop(call);
/// assert!(server.wait_until_closed(Duration::from_secs(5)).await);
/// # }); }
/// ```
pub struct RawServer {
    address: SocketAddr,
    record: Arc<Record>,
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RawServer {
    /// A server that plays these scripts one after another; the last one repeats. Without any, it closes every
    /// connection at once.
    ///
    /// # Panics
    ///
    /// If this machine has no loopback to listen on.
    pub fn start<S: Into<Script>>(scripts: impl IntoIterator<Item = S>) -> Self {
        let scripts: Vec<Script> = scripts.into_iter().map(Into::into).collect();
        Self::start_with(move |n| scripts.get(n).or_else(|| scripts.last()).cloned().unwrap_or_default())
    }

    /// A server that asks for the script of each exchange, counted from 0.
    ///
    /// # Panics
    ///
    /// If this machine has no loopback to listen on.
    #[expect(
        clippy::expect_used,
        reason = "a machine without loopback, threads or sockets cannot run these tests"
    )]
    pub fn start_with(scripts: impl Fn(usize) -> Script + Send + Sync + 'static) -> Self {
        let runtime =
            Builder::new_current_thread().enable_all().build().expect("cannot build a tokio runtime");
        let listener = {
            let _inside = runtime.enter();
            listen().expect("cannot listen on 127.0.0.1")
        };
        let address = listener.local_addr().expect("cannot tell the address of a socket");
        let record = Arc::new(Record::default());
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let accepting = accept(listener, Arc::clone(&record), Arc::new(scripts));
        let thread = std::thread::Builder::new()
            .name(format!("raw-server-{}", address.port()))
            .spawn(move || run(&runtime, accepting, stopped))
            .expect("cannot start a thread");
        Self { address, record, handle, stop: Some(stop), thread: Some(thread) }
    }

    /// The base URL with the OpenAI wire's `/v1`: `http://127.0.0.1:4711/v1`.
    pub fn uri(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// The base URL without a path.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request read in full, oldest first. Bounded: 10 000 requests, 64 MiB.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.record.requests()
    }

    /// How many requests were read in full.
    pub fn hits(&self) -> usize {
        self.record.tally().hits
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> usize {
        self.record.tally().open
    }

    /// How many connections were served, open or not. One dropped because too many were open does not count.
    pub fn connections(&self) -> usize {
        self.record.tally().connections
    }

    /// How many bytes were handed to the sockets: never less than clients have read, and at most some hundred KiB more,
    /// in the kernel's buffers and in a piece just being written.
    pub fn bytes_sent(&self) -> u64 {
        self.record.bytes_sent()
    }

    /// Waits until `n` requests were read in full; `false` if that takes longer than `within`.
    pub async fn wait_for_hits(&self, n: usize, within: Duration) -> bool {
        self.wait(within, move |tally| tally.hits >= n).await
    }

    /// Waits until no connection is open; `false` if that takes longer than `within`.
    ///
    /// With a script that never closes, such as [`Script::silent`], only the client can have closed: the proof that
    /// dropping a call closes its connection. A client that pools connections keeps those of finished calls open.
    /// It is true at once if nobody has connected yet, so wait for the hit first.
    pub async fn wait_until_closed(&self, within: Duration) -> bool {
        self.wait(within, |tally| tally.open == 0).await
    }

    /// The timer runs on the server's runtime, where no test has paused the clock.
    async fn wait(&self, within: Duration, until: impl Fn(&Tally) -> bool + Send + Sync + 'static) -> bool {
        let mut tally = self.record.watch();
        let waiting =
            async move { matches!(timeout(within, tally.wait_for(|now| until(now))).await, Ok(Ok(_))) };
        self.handle.spawn(waiting).await.unwrap_or(false)
    }
}

impl fmt::Debug for RawServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawServer")
            .field("address", &self.address)
            .field("tally", &self.record.tally())
            .finish_non_exhaustive()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Joined, so that nothing listens any more once the server is dropped. The thread has no long work.
            _ = thread.join();
        }
    }
}

/// A base URL on loopback where every connection is refused.
///
/// Its port stays taken, without anybody listening, for as long as the process lives: a port given back could be handed
/// to the server of another test.
///
/// # Panics
///
/// If this machine has no loopback.
#[expect(clippy::expect_used, reason = "a machine without loopback cannot run these tests")]
pub fn refused_url() -> String {
    let socket = TcpSocket::new_v4().expect("cannot make a socket");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("cannot bind to 127.0.0.1");
    let address = socket.local_addr().expect("cannot tell the address of a socket");
    std::mem::forget(socket);
    format!("http://{address}/v1")
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Set on the listener: accepted connections inherit it before their buffers grow.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(1024)
}

fn run(runtime: &Runtime, accepting: impl Future<Output = ()>, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        tokio::select! {
            () = accepting => {}
            _ = stopped => {}
        }
    });
}

async fn accept(
    listener: TcpListener,
    record: Arc<Record>,
    scripts: Arc<dyn Fn(usize) -> Script + Send + Sync>,
) {
    let exchanges = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, or a client gone again: neither is a reason to stop, nor to spin.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        if record.tally().open >= OPEN_CAP {
            continue;
        }
        // Pieces are meant to arrive as pieces. Where the option cannot be set, they arrive later.
        _ = stream.set_nodelay(true);
        let connection = Connection::new(stream, Arc::clone(&record));
        let (scripts, exchanges) = (Arc::clone(&scripts), Arc::clone(&exchanges));
        tokio::spawn(connection.serve(move || scripts(exchanges.fetch_add(1, Ordering::SeqCst))));
    }
}
