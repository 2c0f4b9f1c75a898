//! As much of an HTTP/1.1 client as the load needs: `GET` and answers whose length is known in advance.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long the server has to close a connection after it said so; then the client does.
const CLOSING: Duration = Duration::from_secs(1);

/// No head of an answer is that long.
const LONGEST_HEAD: usize = 64 * 1024;

/// How much is read at once; answers are shorter.
const READ: usize = 2 * 1024;

/// The system errors that mean the loader ran out of something: `ENOMEM`, `ENFILE`, `EMFILE`, `EADDRINUSE`,
/// `EADDRNOTAVAIL`, `ENOBUFS`.
const EXHAUSTED: [i32; 6] = [12, 23, 24, 98, 99, 105];

/// Where the requests go, and how.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// The addresses to connect from, in turn; if there are none, the system chooses.
    pub(super) sources: Vec<IpAddr>,
    pub(super) keep_alive: bool,
}

/// The part of an answer that counts.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) version: String,
    /// Whether the connection ends with this answer.
    pub(super) closes: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server has lost the request.
    Lost(String),
    /// The load could not do its part.
    Own(String),
}

/// A connection, which is opened by its first request and again whenever it has ended.
#[derive(Debug, Default)]
pub(super) struct Connection {
    stream: Option<TcpStream>,
    received: Vec<u8>,
}

impl Connection {
    /// Sends a request and reads its answer.
    pub(super) async fn request(&mut self, target: &Target, number: u64) -> Result<Answer, Failure> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            closed => closed.insert(connect(target, number).await.map_err(|error| failure("connecting", &error))?),
        };
        let option = if target.keep_alive { "keep-alive" } else { "close" };
        let host = target.address;
        let request = format!("GET /?number={number} HTTP/1.1\r\nHost: {host}\r\nConnection: {option}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| failure("sending", &error))?;
        read_answer(stream, &mut self.received).await
    }

    /// Closes the connection if the server has already done so, and tells whether that was the case.
    pub(super) fn close_if_ended(&mut self) -> bool {
        let ended = match &self.stream {
            None => false,
            Some(stream) => match stream.try_read(&mut [0]) {
                Ok(read) => read == 0,
                Err(error) => error.kind() != ErrorKind::WouldBlock,
            },
        };
        if ended {
            self.close();
        }
        ended
    }

    /// Lets the server close the connection, as it has announced.
    pub(super) async fn wait_for_close(&mut self) {
        if let Some(stream) = &mut self.stream {
            let mut end = [0; 64];
            let ended = async { while matches!(stream.read(&mut end).await, Ok(1..)) {} };
            // The answer is there; a server that does not close after it does no harm.
            let _ = timeout(CLOSING, ended).await;
        }
        self.close();
    }

    /// Closes the connection; the next request opens another one.
    pub(super) fn close(&mut self) {
        self.stream = None;
    }
}

async fn connect(target: &Target, number: u64) -> io::Result<TcpStream> {
    let socket = if target.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    let mut turns = target.sources.iter().cycle();
    let turn = usize::try_from(number).unwrap_or_default() % target.sources.len().max(1);
    if let Some(source) = turns.nth(turn) {
        socket.bind((*source, 0).into())?;
    }
    let stream = socket.connect(target.address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn failure(doing: &str, error: &io::Error) -> Failure {
    let text = format!("{doing}: {error}");
    let own = error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code));
    if own { Failure::Own(text) } else { Failure::Lost(text) }
}

async fn read_answer(stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<Answer, Failure> {
    received.clear();
    let head_length = loop {
        if let Some(position) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break position + 4;
        }
        if received.len() > LONGEST_HEAD {
            return Err(Failure::Lost("the head of the answer does not end".to_owned()));
        }
        read_more(stream, received).await?;
    };
    let head = String::from_utf8_lossy(&received[..head_length]);
    let (answer, body_length) = parse_head(&head)?;
    let mut missing = body_length.saturating_sub(received.len() - head_length);
    while missing > 0 {
        received.clear();
        read_more(stream, received).await?;
        missing = missing.saturating_sub(received.len());
    }
    Ok(answer)
}

async fn read_more(stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<(), Failure> {
    received.reserve(READ);
    match stream.read_buf(received).await {
        Ok(0) => Err(Failure::Lost("the connection was closed before the answer was complete".to_owned())),
        Ok(_) => Ok(()),
        Err(error) => Err(failure("receiving", &error)),
    }
}

/// Reads the head of an answer, and the length of the body that follows it.
fn parse_head(head: &str) -> Result<(Answer, usize), Failure> {
    let mut lines = head.lines();
    let status_line = lines.next().unwrap_or_default();
    let status = match status_line.split_once(' ') {
        Some(("HTTP/1.1" | "HTTP/1.0", rest)) => rest.get(..3).and_then(|status| status.parse().ok()),
        _ => None,
    };
    let status = status.ok_or_else(|| Failure::Lost(format!("not an answer: {status_line:?}")))?;
    let mut answer = Answer { status, version: "?".to_owned(), closes: false };
    let mut length = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("x-version") {
            value.clone_into(&mut answer.version);
        } else if name.eq_ignore_ascii_case("connection") {
            answer.closes = value.split(',').any(|option| option.trim().eq_ignore_ascii_case("close"));
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok();
        }
    }
    match length {
        Some(length) => Ok((answer, length)),
        None => Err(Failure::Own("the load only understands answers with a content-length".to_owned())),
    }
}
