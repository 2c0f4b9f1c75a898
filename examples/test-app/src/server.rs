//! Listening, serving and stopping.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::config::Config;
use crate::{log, routes};

/// How long the app waits, once it has stopped listening, for requests that may be on their way over idle connections.
const LINGER: Duration = Duration::from_millis(500);

/// How long the app does not accept after it failed to, as the reason (no more files) does not pass at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The longest body that is read; nobody has a reason to send one.
const LONGEST_BODY: usize = 64 * 1024;

/// A listening app.
#[derive(Debug)]
pub struct Server {
    app: App,
    config: Config,
    listener: TcpListener,
    address: SocketAddr,
}

/// Why an app ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was asked to stop, and finished what it had begun.
    Stopped,
    /// Its mode told it to exit; whatever it had begun is lost.
    ToldToExit,
}

impl Server {
    /// Listens on the configured port of every IPv4 address.
    ///
    /// # Errors
    ///
    /// If the port cannot be had.
    pub async fn bind(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, config.port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { app: App::new(&config), config, listener, address })
    }

    /// Where the app listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` (SIGTERM) is done, and stops gracefully; or until its mode tells it to exit.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Outcome {
        let app = self.app.clone();
        log::line(format_args!("listening on {}: {}", self.address, app.identity()));
        self.config.start_as.iter().for_each(|mode| app.set(*mode));
        let outcome = select! {
            () = app.told_to_exit() => Outcome::ToldToExit,
            () = self.serve(stop) => Outcome::Stopped,
        };
        log::line(format_args!("stopped: {outcome:?}"));
        outcome
    }

    async fn serve(self, stop: impl Future<Output = ()> + Send) {
        let mut connections = JoinSet::new();
        let (close_idle, _) = watch::channel(false);
        self.accept_until(stop, &mut connections, &close_idle).await;

        log::line(format_args!("stopping: serving for another {:?}", self.config.term_delay));
        self.app.close_connections();
        self.accept_until(sleep(self.config.term_delay), &mut connections, &close_idle).await;

        drop(self.listener);
        if timeout(LINGER, all_done(&mut connections)).await.is_err() {
            close_idle.send_replace(true);
            all_done(&mut connections).await;
        }
    }

    async fn accept_until(
        &self,
        end: impl Future<Output = ()> + Send,
        connections: &mut JoinSet<()>,
        close_idle: &watch::Sender<bool>,
    ) {
        let mut end = pin!(end);
        loop {
            select! {
                // In this order, so that nobody is left waiting in the backlog at the end.
                biased;
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve_connection(stream, self.app.clone(), close_idle.subscribe()));
                    }
                    Err(error) => {
                        log::line(format_args!("cannot accept: {error}"));
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                () = &mut end => return,
            }
        }
    }
}

async fn all_done(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

/// Serves a connection to its end. How it ends is the business of the client alone, so errors are not looked at.
async fn serve_connection(stream: TcpStream, app: App, mut close_idle: watch::Receiver<bool>) {
    // Without it, answers may wait for acknowledgements; the connection works either way.
    let _ = stream.set_nodelay(true);
    let connection = app.connections().open();
    let service = service_fn(async |request: Request<Incoming>| {
        let (request, body) = request.into_parts();
        // Closing a socket with unread data resets it, and the answer may be lost with that.
        let _ = Limited::new(body, LONGEST_BODY).collect().await;
        Ok::<_, Infallible>(routes::answer(&app, &connection, &request).await)
    });
    let mut serving = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    select! {
        _ = serving.as_mut() => return,
        _ = close_idle.wait_for(|close| *close) => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}
