//! A small HTTP client: one connection, one request at a time, never a retry, so that every loss is seen.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, HOST};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::app;

/// Why there was no answer.
pub(crate) type NoAnswer = Box<dyn Error + Send + Sync>;

/// A request without an answer for so long is lost.
const DEADLINE: Duration = Duration::from_secs(5);

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) is_success: bool,
    pub(crate) release: String,
    pub(crate) pod: String,
    pub(crate) body: Bytes,
    /// The server closes the connection after this answer.
    pub(crate) closes: bool,
}

/// Whether a connection is used for further requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Open,
    Closed,
}

/// A request on a connection of its own.
pub(crate) async fn get_once(address: SocketAddr, path: &str) -> Result<Answer, NoAnswer> {
    Connection::open(address).await?.get(path, Keep::Closed).await
}

/// An open connection; closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    /// The one task that moves bytes.
    _task: JoinSet<()>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, NoAnswer> {
        let stream = timeout(DEADLINE, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            // What goes wrong is told to the sender of the request.
            let _ = connection.await;
        });
        Ok(Self { sender, _task: task })
    }

    pub(crate) async fn get(&mut self, path: &str, keep: Keep) -> Result<Answer, NoAnswer> {
        let mut request = Request::get(path).header(HOST, "shop");
        if keep == Keep::Closed {
            request = request.header(CONNECTION, "close");
        }
        let request = request.body(Empty::new())?;
        let exchange = async {
            self.sender.ready().await?;
            read(self.sender.send_request(request).await?).await
        };
        timeout(DEADLINE, exchange).await?
    }
}

async fn read(response: Response<Incoming>) -> Result<Answer, NoAnswer> {
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (release, pod, closes) = (header(app::RELEASE), header(app::POD), header("connection") == "close");
    Ok(Answer {
        is_success: response.status().is_success(),
        release,
        pod,
        closes,
        body: response.into_body().collect().await?.to_bytes(),
    })
}
