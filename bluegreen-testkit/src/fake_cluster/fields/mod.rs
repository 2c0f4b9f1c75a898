//! Who wrote which field: `managedFields`, and server-side apply on top of them.

mod applied;
mod compare;
mod managers;
mod schema;
mod set;

pub(crate) use self::managers::{Manager, Managers, Operation};
pub(crate) use self::schema::Place;
