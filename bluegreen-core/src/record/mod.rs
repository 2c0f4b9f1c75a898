//! What happened: the events of a rollout, the journal that keeps them, and what a rollout ended in.
//!
//! Everything here is data: versioned, serializable, and free of engine and backend types that could not be read back
//! years later.

mod event;
mod journal;
mod observer;
mod outcome;
mod write;

pub use self::event::{Check, Event, Kind, RECORD_VERSION, Record, Request, Sample, Started};
pub use self::journal::{Journal, JournalError, Log};
pub use self::observer::{Observer, Update, Waiting};
pub use self::outcome::{End, Ending};
pub use self::write::{On, Write};
