#![doc = include_str!("../../docs/probes.md")]

mod client;
mod drain;
mod exchange;
mod expectation;
mod probe;
mod tcp;
mod text;
mod tries;

pub use self::drain::HttpDrain;
pub use self::expectation::Statuses;
pub use self::probe::HttpProbe;
pub use self::tcp::TcpProbe;
