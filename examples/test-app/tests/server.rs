//! The server in this process, spoken to byte by byte: what it promises about connections.

// The helpers of tests are tests too, which clippy does not know.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bluegreen_test_app::{Config, Mode, Outcome, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything these tests wait for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Long enough to see that something does not happen.
const MOMENT: Duration = Duration::from_millis(50);

struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    run: JoinHandle<Outcome>,
}

impl Running {
    async fn start(config: Config) -> Self {
        let server = Server::bind(Config { port: 0, ..config }).await.unwrap();
        let address = (Ipv4Addr::LOCALHOST, server.address().port()).into();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), run }
    }

    fn stop(&mut self) {
        self.stop.take();
    }

    async fn outcome(self) -> Outcome {
        timeout(PATIENCE, self.run).await.unwrap().unwrap()
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, method_and_path: &str, headers: &str) {
        let request = format!("{method_and_path} HTTP/1.1\r\nhost: app\r\n{headers}\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    /// The next answer, up to the end of its head and body.
    async fn receive(&mut self) -> String {
        let mut answer = Vec::new();
        loop {
            let read = timeout(PATIENCE, self.0.read_buf(&mut answer)).await.unwrap().unwrap();
            let text = String::from_utf8(answer.clone()).unwrap();
            assert_ne!(read, 0, "closed after {text:?}");
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let (_, rest) = head.split_once("content-length: ").unwrap();
                if body.len() == rest.lines().next().unwrap().parse::<usize>().unwrap() {
                    return text;
                }
            }
        }
    }

    async fn ask(&mut self, method_and_path: &str) -> String {
        self.send(method_and_path, "").await;
        self.receive().await
    }

    async fn is_closed(&mut self) -> bool {
        matches!(timeout(PATIENCE, self.0.read(&mut [0])).await, Ok(Ok(0)))
    }

    async fn stays_open(&mut self) -> bool {
        timeout(MOMENT, self.0.read(&mut [0])).await.is_err()
    }
}

fn announces_close(answer: &str) -> bool {
    answer.contains("\r\nconnection: close\r\n")
}

#[tokio::test]
async fn keeps_connections_unless_the_client_wants_to_close() {
    let app = Running::start(Config::default()).await;
    let mut client = app.connect().await;
    for _ in 0..3 {
        let answer = client.ask("GET /").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\r\nx-version: v1\r\n"), "{answer}");
        assert!(!announces_close(&answer));
    }
    client.send("GET /", "connection: close\r\n").await;
    assert!(announces_close(&client.receive().await));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_drain_tells_idle_connections_with_their_next_answer() {
    let app = Running::start(Config::default()).await;
    let (mut client, mut tester) = (app.connect().await, app.connect().await);
    client.ask("GET /").await;
    assert!(tester.ask("GET /connections").await.ends_with(r#"{"open":1}"#));

    assert!(announces_close(&tester.ask("POST /drain").await));
    assert!(tester.is_closed().await);
    assert!(client.stays_open().await, "an idle connection is not closed without a word");
    let mut tester = app.connect().await;
    assert!(tester.ask("GET /connections").await.ends_with(r#"{"open":1}"#));

    assert!(announces_close(&client.ask("GET /").await));
    assert!(client.is_closed().await);
    let mut tester = app.connect().await;
    assert!(tester.ask("GET /connections").await.ends_with(r#"{"open":0}"#));
}

#[tokio::test]
async fn a_closed_connection_is_not_counted() {
    let app = Running::start(Config::default()).await;
    let mut client = app.connect().await;
    client.ask("GET /version").await;
    drop(client);
    let mut tester = app.connect().await;
    let gone = async { while !tester.ask("GET /connections").await.ends_with(r#"{"open":0}"#) {} };
    timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn a_stop_finishes_requests_and_says_goodbye() {
    let start_as = Mode::list("slow:1s").unwrap();
    let term_delay = Duration::from_millis(600);
    let mut app = Running::start(Config { term_delay, start_as, ..Config::default() }).await;
    let (mut busy, mut idle) = (app.connect().await, app.connect().await);
    idle.ask("GET /version").await;
    busy.send("GET /", "").await;
    assert!(busy.stays_open().await);

    app.stop();
    assert!(idle.stays_open().await);
    assert!(announces_close(&idle.ask("GET /version").await));
    let answer = app.connect().await.ask("GET /version").await;
    assert!(announces_close(&answer), "the app still accepts: {answer}");

    let answer = busy.receive().await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && announces_close(&answer), "{answer}");
    let address = app.address;
    assert_eq!(app.outcome().await, Outcome::Stopped);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_idle_connections_forever() {
    let mut app = Running::start(Config { term_delay: MOMENT, ..Config::default() }).await;
    let (mut idle, mut silent) = (app.connect().await, app.connect().await);
    idle.ask("GET /").await;
    app.stop();
    assert!(idle.is_closed().await && silent.is_closed().await);
    assert_eq!(app.outcome().await, Outcome::Stopped);
}

#[tokio::test]
async fn a_body_does_not_cost_the_answer() {
    let app = Running::start(Config::default()).await;
    let mut client = app.connect().await;
    client.send("POST /drain", "content-length: 5\r\n").await;
    client.0.write_all(b"hello").await.unwrap();
    assert!(client.receive().await.starts_with("HTTP/1.1 200 "));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn nonsense_does_not_end_the_app() {
    let app = Running::start(Config::default()).await;
    for nonsense in ["\r\n\r\n", "GET\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n", "POST /mode?set=slow:é HTTP/1.1\r\n\r\n"] {
        let mut client = app.connect().await;
        client.0.write_all(nonsense.as_bytes()).await.unwrap();
        client.0.shutdown().await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, client.0.read_to_end(&mut answer)).await.unwrap().unwrap();
    }
    assert!(app.connect().await.ask("GET /").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn exits_when_told_to_but_answers_first() {
    let app = Running::start(Config::default()).await;
    assert!(app.connect().await.ask("POST /mode?set=exit").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(app.outcome().await, Outcome::ToldToExit);
}
