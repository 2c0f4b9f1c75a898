//! The application that is rolled out: it takes orders over HTTP, and knows nothing of bluegreen.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The header that names the release that answered.
pub(crate) const RELEASE: &str = "x-release";
/// The header that names the pod that answered.
pub(crate) const POD: &str = "x-pod";

/// How long the application takes to start, as a real one loads what it needs.
const BOOT: Duration = Duration::from_millis(1500);
/// How long it takes a failing application to see that it isn't ready any more.
const NOTICES: Duration = Duration::from_secs(1);
/// How long connections may stay once the application was told to stop.
const GRACE: Duration = Duration::from_secs(2);
/// The pause after a connection could not be accepted: the reason (no more files) doesn't pass at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many lines of its log are kept.
const LOG: usize = 3;

/// One instance of the application.
#[derive(Debug)]
pub(crate) struct App {
    pod: String,
    release: String,
    /// The bug of this release: so long after its first order, it fails.
    fails_after: Option<Duration>,
    first_order: watch::Sender<Option<Instant>>,
    mode: watch::Sender<Mode>,
    connections: watch::Sender<u64>,
    log: Mutex<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Serving,
    /// Connections are closed, each after its next answer: a client that reads `Connection: close` opens another one,
    /// which goes where the route leads by then. Closing an idle connection instead could lose a request on its way.
    Draining,
    /// As draining, and then the instance ends.
    Stopping,
}

impl App {
    pub(crate) fn new(pod: &str, release: &str, fails_after: Option<Duration>) -> Self {
        Self {
            pod: pod.to_owned(),
            release: release.to_owned(),
            fails_after,
            first_order: watch::Sender::new(None),
            mode: watch::Sender::new(Mode::Serving),
            connections: watch::Sender::new(0),
            log: Mutex::default(),
        }
    }

    /// Ready once this returns.
    pub(crate) async fn boot(&self) {
        sleep(BOOT).await;
    }

    /// Returns when the application sees that it is not ready any more; a good release never does.
    pub(crate) async fn turns_unready(&self) {
        let mut first = self.first_order.subscribe();
        let Some(after) = self.fails_after else {
            return std::future::pending().await;
        };
        // The sender lives as long as `self`, so this can't fail.
        if first.wait_for(Option::is_some).await.is_ok() {
            sleep(after + NOTICES).await;
        }
    }

    /// Asks for open connections to be closed, or takes that back.
    pub(crate) fn drain(&self, draining: bool) {
        self.mode.send_if_modified(|mode| {
            let to = if draining { Mode::Draining } else { Mode::Serving };
            let change = *mode != Mode::Stopping && *mode != to;
            if change {
                *mode = to;
            }
            change
        });
    }

    pub(crate) fn stop(&self) {
        self.mode.send_replace(Mode::Stopping);
    }

    pub(crate) fn connections(&self) -> u64 {
        *self.connections.borrow()
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_failing(&self) -> bool {
        let first = *self.first_order.borrow();
        let since = first.map(|first| first.elapsed());
        self.fails_after.is_some_and(|after| since.is_some_and(|since| since >= after))
    }

    fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        let order = path.strip_prefix("/orders/");
        if order.is_some() && self.first_order.borrow().is_none() {
            self.first_order.send_replace(Some(Instant::now()));
        }
        let (status, body) = if self.is_failing() {
            self.complain(path);
            (StatusCode::INTERNAL_SERVER_ERROR, "no database connection".to_owned())
        } else {
            match (path, order) {
                ("/health", _) => (StatusCode::OK, "ok".to_owned()),
                (_, Some(order)) => (StatusCode::OK, order.to_owned()),
                _ => (StatusCode::NOT_FOUND, "only orders are taken here".to_owned()),
            }
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        for (name, value) in [(RELEASE, &self.release), (POD, &self.pod)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        if *self.mode.borrow() != Mode::Serving {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn complain(&self, path: &str) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() >= LOG {
            log.remove(0);
        }
        log.push(format!("ERROR {path}: no database connection: the pool of 8 is used up"));
    }
}

/// Serves until the application was told to stop and its connections are closed, or their time is up. All connections
/// end with this future.
pub(crate) async fn serve(app: Arc<App>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    let mut stopped = pin!(stopped(&app));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(Arc::clone(&app), stream));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = &mut stopped => return,
        }
    }
}

async fn stopped(app: &App) {
    let mut mode = app.mode.subscribe();
    let mut open = app.connections.subscribe();
    // The senders live as long as `app`, so only the time can be up.
    let _ = mode.wait_for(|mode| *mode == Mode::Stopping).await;
    let _ = timeout(GRACE, open.wait_for(|open| *open == 0)).await;
}

/// How a connection ends is the business of its client, so errors are not looked at.
async fn serve_connection(app: Arc<App>, stream: TcpStream) {
    let _counted = Counted::new(&app);
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request: Request<Incoming>| {
        let response = app.answer(request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

/// One open connection.
struct Counted<'a>(&'a App);

impl<'a> Counted<'a> {
    fn new(app: &'a App) -> Self {
        app.connections.send_modify(|open| *open += 1);
        Self(app)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.connections.send_modify(|open| *open = open.saturating_sub(1));
    }
}
