//! What every [`Journal`](bluegreen_core::Journal) has to hold.

mod appending;
mod lasting;
mod records;
mod subject;

pub use self::subject::Subject;
use super::case::{Harness, Rule, Suite, rule};

/// The cases one by one, for a test of its own or for a debugger.
pub mod cases {
    pub use super::appending::*;
    pub use super::lasting::*;
}

/// The cases of a [`Journal`](bluegreen_core::Journal) for the backend that `harness` makes. Every subject begins with
/// nothing recorded.
pub fn suite(name: impl Into<String>, harness: impl Harness<Subject>) -> Suite {
    Suite::new(name, harness, rules())
}

fn rules() -> Vec<Rule<Subject>> {
    vec![
        rule!(appending::what_was_appended_is_loaded_in_order),
        rule!(appending::every_record_is_read_back_exactly),
        rule!(appending::another_position_appends_nothing),
        rule!(appending::one_of_many_appends_at_once_wins),
        rule!(appending::of_two_processes_only_one_goes_on),
        rule!(appending::rollouts_do_not_mix),
        rule!(appending::rollouts_are_listed_oldest_first),
        rule!(appending::what_was_never_recorded_is_missing),
        rule!(appending::records_of_another_rollout_or_target_are_refused),
        rule!(appending::records_of_a_newer_version_are_refused),
        rule!(lasting::what_was_confirmed_is_there_for_the_next_process),
        rule!(lasting::reading_changes_nothing_and_needs_no_lock),
        rule!(lasting::a_dropped_append_is_done_whole_or_not_at_all),
        rule!(lasting::a_torn_append_is_told_and_never_counts, |subject| subject.tears.is_some()),
        rule!(lasting::what_can_not_be_read_is_an_error, |subject| subject.damages.is_some()),
    ]
}
