//! Single requests to the application, for orders and for questions that a load doesn't ask.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(5);

/// Sends one request over a connection of its own, and returns the whole answer as text; empty if there is none.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(Ok(answer)) => answer,
        _ => String::new(),
    }
}

/// The version that answers at `address`.
pub(crate) async fn version_at(address: SocketAddr) -> Option<String> {
    let answer = ask(address, "GET", "/version").await;
    let header = answer.lines().find_map(|line| line.strip_prefix("x-version: "))?;
    Some(header.trim().to_owned())
}
