//! The raw server: each step, each script, and what the server tells about its connections.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use backstop_testkit::server::{
    ENDLESS_CAP, RawServer, Recipe, Script, SseEnding, SseEvent, Step, refused_url,
};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::client::{Client, End, LONG, QUIET, address, ask, hear, request, split_head};

const BODY: &str = "{\"answer\":42}";

fn ok() -> Script {
    Script::replies(200, &[], "ok")
}

#[tokio::test]
async fn a_reply_arrives_whole_and_its_request_is_kept() {
    let server = RawServer::start([Script::replies(418, &[("x-kind", "tea pot")], BODY)]);
    let reply = ask(server.address(), "{\"n\":1}").await;

    assert_eq!(
        (reply.status, reply.header("x-kind"), reply.body.as_slice()),
        (418, Some("tea pot"), BODY.as_bytes())
    );
    let requests = server.requests();
    let seen = requests.first().unwrap();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!((seen.header("HOST"), seen.header("absent")), (Some("test"), None));
    assert_eq!(seen.json(), serde_json::json!({ "n": 1 }));
    assert_eq!((server.hits(), server.connections()), (1, 1));
}

#[tokio::test]
async fn the_last_script_repeats_on_one_connection_and_on_new_ones() {
    let server = RawServer::start([Script::replies(500, &[], "first"), ok()]);
    let mut client = Client::connect(server.address()).await;
    let statuses = [client.ask("").await.status, client.ask("").await.status, client.ask("").await.status];
    assert_eq!(statuses, [500, 200, 200]);
    assert_eq!(server.connections(), 1);

    assert_eq!(ask(server.address(), "").await.status, 200);
    assert_eq!((server.hits(), server.connections()), (4, 2));
}

#[tokio::test]
async fn an_idle_connection_uses_up_no_script() {
    let server = RawServer::start_with(|n| Script::replies(200, &[], n.to_string()));
    let mut first = Client::connect(server.address()).await;
    assert_eq!(first.ask("").await.body, b"0");
    assert_eq!(ask(server.address(), "").await.body, b"1");
    assert_eq!(first.ask("").await.body, b"2");
}

#[tokio::test]
async fn two_requests_sent_at_once_get_two_replies() {
    let server = RawServer::start([ok()]);
    let mut client = Client::connect(server.address()).await;
    client.send(request(&[], "one") + &request(&[], "two")).await;
    client.reply().await;
    client.reply().await;
    let bodies: Vec<_> = server.requests().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [b"one", b"two"]);
}

#[tokio::test]
async fn a_connection_ends_when_either_side_says_close() {
    let server = RawServer::start([ok()]);
    for bytes in [request(&[("Connection", "keep-alive, Close")], ""), "GET / HTTP/1.0\r\n\r\n".to_owned()] {
        let mut client = Client::connect(server.address()).await;
        client.send(bytes).await;
        assert_eq!(client.hear(LONG).await.1, End::Closed);
    }
    let server = RawServer::start([Script::replies(200, &[("Connection", "close")], "ok")]);
    assert_eq!(hear(server.address()).await.1, End::Closed);

    let server = RawServer::start([ok()]);
    let mut client = Client::connect(server.address()).await;
    client.post("").await;
    assert_eq!(client.hear(QUIET).await.1, End::Quiet, "without the word it stays open");
}

#[tokio::test]
async fn without_scripts_every_connection_is_closed() {
    let server = RawServer::start(Vec::<Script>::new());
    let mut client = Client::connect(server.address()).await;
    assert_eq!(client.hear(LONG).await, (Vec::new(), End::Closed));
}

#[tokio::test]
async fn a_script_that_reads_nothing_runs_once_per_connection() {
    let server = RawServer::start([Script::default().then(Step::Send(b"hello".to_vec()))]);
    let mut client = Client::connect(server.address()).await;
    assert_eq!(client.hear(LONG).await, (b"hello".to_vec(), End::Closed));
}

#[tokio::test]
async fn resets_and_silent_closes_bring_no_byte() {
    for (script, end) in
        [(Script::resets_before_headers(), End::Reset), (Script::closes_before_headers(), End::Closed)]
    {
        let server = RawServer::start([script]);
        assert_eq!(hear(server.address()).await, (String::new(), end));
        assert_eq!((server.hits(), server.bytes_sent()), (1, 0));
    }
}

#[tokio::test]
async fn a_close_is_no_reset_even_for_a_client_that_still_sends() {
    let server = RawServer::start([
        Script::cut_body(BODY, 5),
        Script::default().then(Step::Send(b"413".to_vec())).then(Step::Close),
    ]);
    for heard in ["{\"ans", "413"] {
        let mut client = Client::connect(server.address()).await;
        client.send(request(&[], "") + &"more".repeat(1024 * 1024)).await;
        let (bytes, end) = client.hear(LONG).await;
        assert!(bytes.ends_with(heard.as_bytes()));
        assert_eq!(end, End::Closed);
    }
}

#[tokio::test]
async fn a_reset_at_once_waits_for_no_request() {
    let server = RawServer::start([Script::resets_at_once()]);
    let mut client = Client::connect(server.address()).await;
    assert_eq!(client.hear(LONG).await, (Vec::new(), End::Reset));
    assert_eq!(server.hits(), 0);
}

#[tokio::test]
async fn a_reset_after_the_headers_lets_them_arrive() {
    let server = RawServer::start([Script::resets_after_headers()]);
    let (text, end) = hear(server.address()).await;
    assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with("\r\n\r\n"), "{text:?}");
    assert_eq!(end, End::Reset);
}

#[tokio::test]
async fn silence_lasts_until_the_client_leaves() {
    for (script, sends) in [(Script::silent(), false), (Script::silent_after_headers(), true)] {
        let server = RawServer::start([script]);
        let mut client = Client::connect(server.address()).await;
        client.post("").await;
        let (bytes, end) = client.hear(QUIET).await;
        assert_eq!((bytes.is_empty(), end), (!sends, End::Quiet));
        assert_eq!(bytes.len() as u64, server.bytes_sent());

        assert_eq!((server.open_connections(), server.wait_until_closed(QUIET).await), (1, false));
        drop(client);
        assert!(server.wait_until_closed(LONG).await);
        assert_eq!((server.open_connections(), server.connections()), (0, 1));
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_a_sleep() {
    let server = RawServer::start([Script::slow_headers(Duration::from_secs(3600), ok())]);
    let mut client = Client::connect(server.address()).await;
    client.post("").await;
    assert!(server.wait_for_hits(1, LONG).await);
    assert_eq!(server.open_connections(), 1);
    drop(client);
    assert!(server.wait_until_closed(LONG).await);
    assert_eq!(server.bytes_sent(), 0);
}

#[tokio::test]
async fn slow_headers_come_late_and_whole() {
    let delay = Duration::from_millis(30);
    let server = RawServer::start([Script::slow_headers(delay, ok())]);
    let begun = Instant::now();
    assert_eq!(ask(server.address(), "").await.body, b"ok");
    assert!(begun.elapsed() >= delay);
}

#[tokio::test]
async fn bodies_begun_end_as_their_names_say() {
    for (script, end) in
        [(Script::cut_body(BODY, 5), End::Closed), (Script::resets_in_body(BODY, 5), End::Reset)]
    {
        let server = RawServer::start([script]);
        let (text, how) = hear(server.address()).await;
        let (head, body) = split_head(&text);
        assert!(head.contains("content-length: 13"), "{head}");
        assert_eq!((body, how), ("{\"ans", end));
    }
    let server = RawServer::start([Script::stalls_in_body(BODY, 5)]);
    let mut client = Client::connect(server.address()).await;
    client.post("").await;
    let (bytes, end) = client.hear(QUIET).await;
    assert!(bytes.ends_with(b"\r\n\r\n{\"ans"));
    assert_eq!(end, End::Quiet);
}

#[tokio::test]
async fn chunked_bodies_break_as_their_names_say() {
    for (script, body) in [
        (Script::cut_chunked(BODY, 5), "d\r\n{\"ans"),
        (Script::bad_chunk_header(BODY), "d\r\n{\"answer\":42}\r\nxyz\r\n\r\n"),
    ] {
        let server = RawServer::start([script]);
        let (text, end) = hear(server.address()).await;
        let (head, heard) = split_head(&text);
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        assert_eq!((heard, end), (body, End::Closed));
    }
}

#[tokio::test]
async fn a_wrong_content_length_is_sent_as_claimed() {
    for (script, claim) in [
        (Script::wrong_content_length(BODY, 4), "content-length: 4\r\n"),
        (Script::wrong_content_length(BODY, "many"), "content-length: many\r\n"),
    ] {
        let server = RawServer::start([script]);
        let (text, end) = hear(server.address()).await;
        assert!(text.contains(claim) && text.ends_with(BODY), "{text:?}");
        assert_eq!(end, End::Closed);
    }
}

#[tokio::test]
async fn garbage_is_not_http() {
    let server = RawServer::start([Script::garbage()]);
    let (text, end) = hear(server.address()).await;
    assert!(!text.is_empty() && !text.contains("HTTP/"), "{text:?}");
    assert_eq!(end, End::Closed);
}

#[tokio::test]
async fn a_split_reply_is_the_same_reply_in_pieces() {
    let script = Script::default().then(Step::ReadRequest).then(Step::SendSplit {
        bytes: b"abcdefg".to_vec(),
        every: 2,
        pause: Duration::from_millis(12),
    });
    let server = RawServer::start([script.then(Step::Close)]);
    let mut client = Client::connect(server.address()).await;
    client.post("").await;
    let (pieces, end) = client.hear_in_pieces(LONG).await;
    assert_eq!((pieces.concat(), end), (b"abcdefg".to_vec(), End::Closed));
    assert!(pieces.len() > 1, "one read got it all");

    let (whole, split) = (Script::replies(200, &[], BODY), Script::replies_split_every(1, 200, &[], BODY));
    let server = RawServer::start([whole, split.clone(), split]);
    assert_eq!(ask(server.address(), "").await, ask(server.address(), "").await);
}

#[test]
fn splitting_cuts_the_head_too() {
    let script = Script::replies_split_every(7, 200, &[], BODY);
    let Some(Step::SendSplit { bytes, every: 7, .. }) = script.steps().get(1) else { panic!("{script:?}") };
    assert!(bytes.starts_with(b"HTTP/1.1 200 ") && bytes.ends_with(BODY.as_bytes()));
}

#[tokio::test]
async fn endless_things_go_on_until_the_client_leaves() {
    const ENOUGH: usize = 3 * 1024 * 1024;
    for (script, starts) in [
        (Script::endless_header(), "HTTP/1.1 200 OK\r\nx-endless: aaaa"),
        (Script::endless_body(503), "HTTP/1.1 503 "),
        (Script::endless_line(), "HTTP/1.1 200 "),
        (Script::endless_events(SseEvent::comment(&"ping ".repeat(2000))), "HTTP/1.1 200 "),
    ] {
        let server = RawServer::start([script]);
        let mut client = Client::connect(server.address()).await;
        client.post("").await;
        let bytes = client.take(ENOUGH).await;
        assert!(bytes.starts_with(starts.as_bytes()));
        assert!(server.bytes_sent() >= ENOUGH as u64);
        drop(client);
        assert!(server.wait_until_closed(LONG).await);
        assert!(server.bytes_sent() < ENDLESS_CAP / 16);
    }
}

#[tokio::test]
async fn an_endless_line_has_no_end_and_an_endless_body_no_closing_quote() {
    for (script, opening) in
        [(Script::endless_line(), "6\r\ndata: \r\n"), (Script::endless_body(200), "7\r\n{\"id\":\"\r\n")]
    {
        let server = RawServer::start([script]);
        let mut client = Client::connect(server.address()).await;
        client.post("").await;
        let bytes = String::from_utf8(client.take(1024 * 1024).await).unwrap();
        let (_, body) = split_head(&bytes);
        let mut lines = body.strip_prefix(opening).unwrap().split("\r\n");
        // Whole chunks of filler; the last one is cut where the reading stopped.
        for _ in 0..10 {
            assert_eq!(lines.next(), Some("10000"), "the size of a chunk");
            assert!(lines.next().unwrap().bytes().all(|byte| byte == b'a'));
        }
    }
}

#[tokio::test]
async fn an_endless_step_stops_at_its_cap_and_closes() {
    let endless = Step::SendEndless { piece: b"abcd".to_vec(), pause: Duration::ZERO, cap: 10 };
    let server = RawServer::start([Script::default().then(Step::ReadRequest).then(endless)]);
    assert_eq!(hear(server.address()).await, ("abcdabcdab".to_owned(), End::Closed));
}

#[tokio::test]
async fn endless_events_keep_to_their_pause() {
    let pause = Duration::from_millis(10);
    let server = RawServer::start([Script::endless_events(SseEvent::comment("ping").after(pause))]);
    let mut client = Client::connect(server.address()).await;
    let begun = Instant::now();
    client.post("").await;
    let mut heard = Vec::new();
    while heard.windows(6).filter(|six| six == b": ping").count() < 4 {
        heard.extend(client.take(1).await);
    }
    assert!(begun.elapsed() >= 4 * pause);
    // A few more may be on their way; an unpaused server is megabytes ahead by now.
    assert!(server.bytes_sent() < heard.len() as u64 + 1024);
}

#[tokio::test]
async fn what_a_client_does_not_read_is_not_sent() {
    let server = RawServer::start([Script::endless_body(200)]);
    let mut client = Client::connect(server.address()).await;
    client.post("").await;
    assert!(server.wait_for_hits(1, LONG).await);
    sleep(QUIET).await;
    let sent = server.bytes_sent();
    assert!((1..1024 * 1024).contains(&sent), "{sent}");
    drop(client);
    assert!(server.wait_until_closed(LONG).await, "a server stuck in a write notices too");
}

#[tokio::test]
async fn a_stream_ends_as_chosen() {
    for (ending, tail, how) in [
        (SseEnding::Clean, "0\r\n\r\n", End::Quiet),
        (SseEnding::Cut, "", End::Closed),
        (SseEnding::Reset, "", End::Reset),
        (SseEnding::Stall, "", End::Quiet),
    ] {
        let server = RawServer::start([Script::sse(["one", "[DONE]"], ending)]);
        let mut client = Client::connect(server.address()).await;
        client.post("").await;
        let (bytes, end) = client.hear(QUIET).await;
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = split_head(&text);
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        assert_eq!(body, format!("b\r\ndata: one\n\n\r\ne\r\ndata: [DONE]\n\n\r\n{tail}"));
        assert_eq!(end, how, "{ending:?}");
    }
}

#[tokio::test]
async fn a_clean_stream_leaves_the_connection_usable_and_a_stalled_one_does_not() {
    for (ending, hits) in [(SseEnding::Clean, 2), (SseEnding::Stall, 1)] {
        let server = RawServer::start([Script::sse(["one"], ending), ok()]);
        let mut client = Client::connect(server.address()).await;
        client.post("").await;
        client.hear(QUIET).await;
        client.post("").await;
        client.hear(QUIET).await;
        assert_eq!(server.hits(), hits, "{ending:?}");
    }
}

#[tokio::test]
async fn events_wait_for_their_pause() {
    let pause = Duration::from_millis(45);
    let events = [SseEvent::data("now"), SseEvent::data("later").after(pause)];
    let server = RawServer::start([Script::sse(events, SseEnding::Cut)]);
    let begun = Instant::now();
    let mut client = Client::connect(server.address()).await;
    client.post("").await;
    let (pieces, _) = client.hear_in_pieces(LONG).await;
    assert!(begun.elapsed() >= pause);
    assert!(pieces.len() > 1, "the first event waited for the second");
}

#[test]
fn events_are_spelled_as_the_format_wants() {
    for (event, text) in [
        (SseEvent::data("two\nlines"), "data: two\ndata: lines\n\n"),
        (SseEvent::named("ping", "{}"), "event: ping\ndata: {}\n\n"),
        (SseEvent::comment("still here"), ": still here\n\n"),
        (SseEvent::raw("data: half"), "data: half"),
        (serde_json::json!({ "n": 1 }).into(), "data: {\"n\":1}\n\n"),
    ] {
        assert_eq!(event.bytes(), text.as_bytes());
    }
}

#[tokio::test]
async fn a_refused_url_refuses_and_no_server_gets_its_port() {
    let url = refused_url();
    let servers: Vec<_> = (0..20).map(|_| RawServer::start([ok()])).collect();
    assert!(servers.iter().all(|server| server.uri() != url));
    let error = TcpStream::connect(address(&url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_dropped_server_is_gone_with_its_connections() {
    let server = RawServer::start([Script::silent()]);
    let address = server.address();
    let mut client = Client::connect(address).await;
    client.post("").await;
    assert!(server.wait_for_hits(1, LONG).await);
    drop(server);
    assert_ne!(client.hear(LONG).await.1, End::Quiet);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_chunked_request_is_kept_without_its_chunks() {
    let server = RawServer::start([ok()]);
    let mut client = Client::connect(server.address()).await;
    client.send("POST /v1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n").await;
    sleep(Duration::from_millis(10)).await;
    assert_eq!(server.hits(), 0, "half a request is no hit");
    client.send("2\r\nde\r\n0\r\n\r\n").await;
    client.reply().await;
    assert_eq!(server.requests().first().unwrap().body, b"abcde");
}

#[tokio::test]
async fn what_is_no_request_or_too_long_ends_the_connection_unrecorded() {
    let server = RawServer::start([ok()]);
    for bytes in [
        "hello\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nContent-Length: 17000000\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n".to_owned(),
        format!("POST / HTTP/1.1\r\nx: {}", "a".repeat(300 * 1024)),
    ] {
        let mut client = Client::connect(server.address()).await;
        client.send_what_goes(&bytes).await;
        let (heard, end) = client.hear(LONG).await;
        assert!(heard.is_empty() && end != End::Quiet, "{bytes:.60}");
    }
    assert_eq!((server.hits(), server.connections()), (0, 5));
}

#[tokio::test]
async fn connections_over_the_bound_are_dropped() {
    let server = RawServer::start([Script::silent()]);
    let mut clients = Vec::new();
    for _ in 0..256 {
        clients.push(Client::connect(server.address()).await);
    }
    while server.open_connections() < 256 {
        tokio::task::yield_now().await;
    }
    let mut one_more = Client::connect(server.address()).await;
    assert_ne!(one_more.hear(LONG).await.1, End::Quiet);
    assert_eq!(server.open_connections(), 256);

    clients.pop();
    while server.open_connections() == 256 {
        tokio::task::yield_now().await;
    }
    let mut welcome = Client::connect(server.address()).await;
    assert_eq!(welcome.hear(QUIET).await.1, End::Quiet);
}

#[tokio::test(start_paused = true)]
async fn waiting_takes_real_time_while_the_clock_is_paused() {
    let server = RawServer::start([Script::silent()]);
    let begun = Instant::now();
    assert!(!server.wait_for_hits(1, QUIET).await);
    assert!(begun.elapsed() >= QUIET);
}

#[test]
fn a_caller_without_a_runtime_is_served_too() {
    use std::io::{Read, Write};
    let server = RawServer::start([Recipe::healthy("Hello.").header("connection", "close")]);
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    stream.write_all(request(&[], "{}").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("Hello."), "{text}");
    assert_eq!(server.hits(), 1);
}
