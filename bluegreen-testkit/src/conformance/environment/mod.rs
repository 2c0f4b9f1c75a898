//! What every [`Environment`](bluegreen_core::Environment) has to hold.

mod fences;
mod follow;
mod keeping;
mod life;
mod subject;

pub use self::subject::Subject;
use super::case::{Harness, Rule, Suite, rule};

/// The cases one by one, for a test of its own or for a debugger.
pub mod cases {
    pub use super::fences::*;
    pub use super::follow::*;
    pub use super::keeping::*;
    pub use super::life::*;
}

/// The cases of an [`Environment`](bluegreen_core::Environment) for the backend that `harness` makes. Every subject begins
/// with both colors absent.
pub fn suite(name: impl Into<String>, harness: impl Harness<Subject>) -> Suite {
    Suite::new(name, harness, rules())
}

fn rules() -> Vec<Rule<Subject>> {
    let autoscaled = |subject: &Subject| subject.can().autoscaler && subject.autoscaled.is_some();
    vec![
        rule!(life::a_color_that_was_never_deployed_is_absent),
        rule!(life::a_deploy_makes_the_color_in_one_write),
        rule!(life::a_deployed_release_gets_ready),
        rule!(life::deploying_what_is_there_keeps_what_runs),
        rule!(life::another_release_replaces_every_endpoint),
        rule!(life::a_color_goes_to_zero_and_comes_back),
        rule!(life::a_color_changes_without_the_other),
        rule!(life::every_change_has_a_new_version),
        rule!(life::a_deploy_does_not_wait_for_readiness, |subject| subject.never_ready.is_some()),
        rule!(life::what_is_lost_comes_back_under_new_identities, |subject| subject.loses_pods.is_some()),
        rule!(life::scaling_sets_and_clears_when_a_color_may_be_removed, |subject| subject.cleanup_after.is_some()),
        rule!(fences::who_creates_what_exists_by_now_meets_a_conflict),
        rule!(fences::one_of_two_creations_at_once_wins),
        rule!(fences::one_of_two_deploys_at_once_wins),
        rule!(fences::one_of_two_scales_at_once_wins),
        rule!(fences::an_older_stamp_is_a_conflict),
        rule!(fences::an_older_version_is_a_conflict),
        rule!(fences::a_seal_changes_nothing_but_the_stamp),
        rule!(fences::a_stamp_that_was_not_read_can_not_be_tested),
        rule!(fences::what_is_not_there_is_neither_scaled_nor_sealed),
        rule!(fences::a_dropped_write_is_done_whole_or_not_at_all),
        rule!(fences::a_deleted_color_is_a_conflict, |subject| subject.deletes.is_some()),
        rule!(fences::a_foreign_edit_is_told_and_moves_the_version, |subject| subject.edits.is_some()),
        rule!(fences::a_foreign_color_is_not_taken_over, |subject| subject.edits.is_some() && !subject.adopts),
        rule!(fences::a_foreign_color_is_taken_over_if_told_to, |subject| subject.edits.is_some() && subject.adopts),
        rule!(follow::reading_changes_nothing),
        rule!(follow::a_write_of_another_process_is_read_at_once, |subject| subject.other.is_some()),
        rule!(follow::a_watch_begins_with_the_present),
        rule!(follow::a_watch_tells_what_changes),
        rule!(follow::a_watch_tells_what_is_lost, |subject| subject.loses_pods.is_some()),
        rule!(follow::what_never_gets_ready_says_why, |subject| subject.never_ready.is_some()),
        rule!(keeping::it_describes_itself_the_same_way_every_time),
        rule!(keeping::a_snapshot_is_restored_exactly, |subject| subject.can().snapshot),
        rule!(keeping::snapshots_that_do_not_work_say_so, |subject| !subject.can().snapshot),
        rule!(keeping::an_autoscaler_is_pinned_once_and_given_back, autoscaled),
        rule!(keeping::there_is_nothing_to_pin_without_an_autoscaler, autoscaled),
    ]
}
