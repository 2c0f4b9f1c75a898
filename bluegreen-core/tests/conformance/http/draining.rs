//! An application with open connections that can be told to finish them: one at each of two loopback addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use bluegreen_core::Endpoint;
use bluegreen_testkit::conformance::{Checked, Failure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Where it answers.
pub(crate) const HOSTS: [&str; 2] = ["127.0.0.1", "127.0.0.2"];

/// How many connections are open at each, unless it is draining.
pub(crate) const OPEN: u64 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Draining,
    Mute,
}

/// What was said to each address.
type Modes = Arc<Mutex<BTreeMap<IpAddr, Mode>>>;

/// Runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) port: u16,
    modes: Modes,
    task: JoinHandle<()>,
}

impl Application {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        let (port, modes) = (listener.local_addr()?.port(), Modes::default());
        let known = Arc::clone(&modes);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&known)));
            }
        });
        Ok(Self { port, modes, task })
    }

    /// Lets an endpoint not tell how many connections it has.
    pub(crate) fn stay_mute(&self, endpoint: &Endpoint) -> Checked {
        let address = endpoint.address.as_deref().unwrap_or_default().parse()?;
        self.modes.lock().unwrap_or_else(PoisonError::into_inner).insert(address, Mode::Mute);
        Ok(())
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, modes: Modes) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let (status, body) = answer(&head, stream.local_addr()?.ip(), &modes);
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await
}

fn answer(head: &[u8], address: IpAddr, modes: &Modes) -> (u16, String) {
    let mut modes = modes.lock().unwrap_or_else(PoisonError::into_inner);
    let mode = modes.get(&address).copied();
    if mode == Some(Mode::Mute) {
        return (500, String::new());
    }
    match head.split(|byte| *byte == b' ').next() {
        Some(b"POST") => modes.insert(address, Mode::Draining),
        Some(b"DELETE") => modes.remove(&address),
        _ => return (200, format!(r#"{{"open":{}}}"#, if mode.is_none() { OPEN } else { 0 })),
    };
    (204, String::new())
}
