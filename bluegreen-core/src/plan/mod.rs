//! What the user wants, as data.
//!
//! A [`PlanSpec`] says everything about a rollout but the backends themselves, which describe themselves in it. It is
//! journaled with the rollout, and compared when the rollout is recovered.

mod criterion;
mod source;
mod spec;
mod validate;
mod watch;

pub use self::criterion::{Criterion, NoData, Threshold};
pub(crate) use self::source::SourceName;
pub use self::spec::{
    ApprovalSpec, CanaryStep, Capacity, Expiry, MigrationSpec, Placement, PlanSpec, RollBackSpec, WriteBudget,
};
pub(crate) use self::validate::{Abilities, validate};
pub use self::validate::{PlanError, Problem};
pub use self::watch::{Guard, PodLimits, ProbeSpec, SignalSpec, Watch, WatchSpec};
