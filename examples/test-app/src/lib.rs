//! The application that the end-to-end tests deploy: an HTTP/1.1 server that says which version it is and that
//! misbehaves on demand.
//!
//! # Configuration
//!
//! By environment only. A duration is written `10s`, `300ms` or, in seconds, `10`.
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `PORT` | `8080` | the port to listen on; `0` takes a free one, which the first line on stdout names |
//! | `VERSION` | `v1` | told in every answer by the header `x-version` |
//! | `COLOR`, `POD_NAME` | | echoed |
//! | `START_DELAY` | `0` | how long `/ready` answers 503 after the start |
//! | `TERM_DELAY` | `3` | how long the app keeps serving after SIGTERM |
//! | `START_AS` | | the [modes](Mode) to start in, separated by commas |
//!
//! # Endpoints
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | who answered, as JSON; 500 in mode `fail`; late in mode `slow` |
//! | `GET /version` | the same without the counter, and always at once |
//! | `GET /health`, `GET /ready` | the probes: 200 or 503 |
//! | `GET /connections` | `{"open": N}`, see [`Connections`] |
//! | `POST /drain` | every answer from now on closes its connection |
//! | `DELETE /drain` | takes that back |
//! | `POST /mode?set=fail,slow:200ms` | changes the [mode](Mode) |
//!
//! # Closing connections
//!
//! The app never closes a connection that a client may be about to use. It announces the end with `Connection: close`
//! on an answer and closes after that, also if it was the client that asked for it. After SIGTERM every answer does so
//! for `TERM_DELAY`; only a connection that stayed idle for all that time is closed without an announcement.

mod app;
mod config;
mod connections;
mod log;
mod mode;
mod routes;
mod server;

pub use app::App;
pub use config::{Config, ConfigError};
pub use connections::{Connection, Connections};
pub use mode::{Change, Mode, ModeError};
pub use server::{Outcome, Server};
