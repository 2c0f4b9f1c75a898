//! The data plane: takes connections of users to the pods of the color that the route names.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bluegreen_core::{Color, PerColor};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::deployment::{Deployment, Phase};
use crate::object::Object;
use crate::pods::listen;
use crate::router::{Addresses, Route};

/// The pause after a connection could not be accepted: the reason (no more files) doesn't pass at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A TCP proxy. Its listeners and all connections end when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    addresses: Addresses,
    _listeners: JoinSet<()>,
}

impl Proxy {
    pub(crate) fn start(route: &Object<Route>, colors: &PerColor<Object<Deployment>>) -> io::Result<Self> {
        let (production, address) = listen()?;
        let (blue, blue_address) = listen()?;
        let (green, green_address) = listen()?;

        let mut listeners = JoinSet::new();
        listeners.spawn(serve(production, Backends::new(colors, Leads::Routed(route.clone()))));
        listeners.spawn(serve(blue, Backends::new(colors, Leads::To(Color::Blue))));
        listeners.spawn(serve(green, Backends::new(colors, Leads::To(Color::Green))));
        let previews = PerColor { blue: blue_address, green: green_address };
        Ok(Self { addresses: Addresses { production: address, previews }, _listeners: listeners })
    }

    pub(crate) const fn addresses(&self) -> &Addresses {
        &self.addresses
    }
}

/// Where the connections of one listener can go.
struct Backends {
    colors: PerColor<Object<Deployment>>,
    leads: Leads,
    turn: AtomicUsize,
}

enum Leads {
    Routed(Object<Route>),
    To(Color),
}

impl Backends {
    fn new(colors: &PerColor<Object<Deployment>>, leads: Leads) -> Self {
        Self { colors: colors.clone(), leads, turn: AtomicUsize::new(0) }
    }

    /// Where the next connection goes: decided once for each, so open ones stay where they are.
    fn next(&self) -> Option<SocketAddr> {
        let color = match &self.leads {
            Leads::Routed(route) => route.read(|route| route.split.sole())?,
            Leads::To(color) => *color,
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.colors.get(color).read(|deployment| {
            let mut pods: Vec<_> = deployment.ready().collect();
            if pods.is_empty() {
                // A bad answer tells a user more than none: without any ready pod, those that say they aren't are asked.
                pods.extend(deployment.pods.iter().filter(|pod| pod.phase == Phase::Unready));
            }
            let index = turn.checked_rem(pods.len())?;
            pods.get(index).map(|pod| pod.address)
        })
    }
}

async fn serve(listener: TcpListener, backends: Backends) {
    let backends = Arc::new(backends);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connect(stream, Arc::clone(&backends)));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A connection that can't be made is closed: its client counts the request as lost, which is what this example is about.
async fn connect(mut client: TcpStream, backends: Arc<Backends>) {
    let Some(address) = backends.next() else { return };
    let Ok(mut pod) = TcpStream::connect(address).await else {
        return;
    };
    // Without it, small answers may wait for acknowledgements; the connection works either way.
    let _ = client.set_nodelay(true);
    let _ = pod.set_nodelay(true);
    let _ = copy_bidirectional(&mut client, &mut pod).await;
}
