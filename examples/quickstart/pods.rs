//! Running pods: what a node does in a cluster.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, PoisonError};

use bluegreen_core::{Clock as _, System};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::app;
use crate::deployment::{Deployment, Phase, Pod};
use crate::object::Object;

/// The tasks of all pods. They end when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Pods(Mutex<JoinSet<()>>);

impl Pods {
    pub(crate) fn start(&self, pod: &Pod, listener: TcpListener, object: Object<Deployment>) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(run(pod.clone(), listener, object));
    }
}

/// A listener on a free port. Without waiting, as it is needed in the middle of a write.
pub(crate) fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((TcpListener::from_std(listener)?, address))
}

/// The life of a pod: it starts, says whether it is ready, serves until it was told to stop, and is gone.
async fn run(pod: Pod, listener: TcpListener, object: Object<Deployment>) {
    let id = &pod.endpoint.id;
    let report = |phase| object.change(|deployment| deployment.report(id, phase, System.now()));
    let health = async {
        pod.app.boot().await;
        report(Phase::Ready);
        pod.app.turns_unready().await;
        report(Phase::Unready);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = health => {}
        () = app::serve(Arc::clone(&pod.app), listener) => {}
    }
    object.change(|deployment| deployment.remove(id));
}
