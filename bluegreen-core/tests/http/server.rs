//! A server that says exactly what a test wants to have said, good HTTP or not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bluegreen_core::{Address, Color, ProbeTarget, Via};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What a connection gets after its request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// These bytes, and the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, and then nothing more.
    Hang(Vec<u8>),
    /// These bytes, and then others without end.
    Endless(Vec<u8>),
}

/// An answer with a status, further header lines, and a body.
pub(crate) fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n{headers}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    Reply::Bytes(bytes)
}

/// Runs until it is dropped, with all its connections.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers the first request with the first reply, and so on; the last reply is for all that follow.
    pub(crate) async fn replying(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<_> = replies.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, replies.clone(), Arc::clone(&seen)));
            }
        });
        Self { address, requests, task }
    }

    /// The head of every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn target(&self) -> ProbeTarget {
        target(&format!("http://{}", self.address))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, replies: Vec<Reply>, requests: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let number = {
        let mut requests = requests.lock().unwrap();
        requests.push(String::from_utf8(head).unwrap());
        requests.len() - 1
    };
    let reply = replies.get(number).or(replies.last()).unwrap();
    let (Reply::Bytes(bytes) | Reply::Hang(bytes) | Reply::Endless(bytes)) = reply;
    let mut written = stream.write_all(bytes).await;
    match reply {
        Reply::Bytes(_) => {}
        Reply::Hang(_) => std::future::pending().await,
        Reply::Endless(_) => {
            while written.is_ok() {
                written = stream.write_all(&[b'x'; 4096]).await;
            }
        }
    }
}

/// A target with this address.
pub(crate) fn target(address: &str) -> ProbeTarget {
    ProbeTarget {
        color: Color::Green,
        via: Via::Preview,
        address: Some(Address(address.to_owned())),
        endpoints: Vec::new(),
        once: false,
    }
}

/// An address at which nothing listens, and nothing can as long as the socket is held.
pub(crate) fn deserted() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// `text` with the times and ports in it, which differ from run to run, as `_`.
pub(crate) fn timeless(text: &str) -> String {
    let words = text.split_inclusive(' ').map(|word| {
        let is_time = word.starts_with(|first: char| first.is_ascii_digit())
            && word.trim_end_matches([' ', ':', ',']).ends_with(['s']);
        if is_time {
            let tail: String = word.chars().filter(|c| [' ', ':', ','].contains(c)).collect();
            return format!("_{tail}");
        }
        match word.find("127.0.0.1:") {
            Some(at) => {
                let (before, address) = word.split_at(at + "127.0.0.1:".len());
                format!("{before}_{}", address.trim_start_matches(|c: char| c.is_ascii_digit()))
            }
            None => word.to_owned(),
        }
    });
    words.collect()
}
