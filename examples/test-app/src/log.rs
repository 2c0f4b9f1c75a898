//! The log of the app: a line on stdout for whatever does not happen per request.

use std::fmt::Display;
use std::io::{Write, stdout};

/// Writes one line. Losing it is better than ending an app whose stdout is gone, as `println!` would.
pub(crate) fn line(message: impl Display) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{message}").and_then(|()| out.flush());
}
