//! What every [`TrafficRouter`](bluegreen_core::TrafficRouter) has to hold.

mod convergence;
mod fences;
mod paths;
mod routing;
mod subject;

pub use self::subject::Subject;
use super::case::{Harness, Rule, Suite, rule};

/// The cases one by one, for a test of its own or for a debugger.
pub mod cases {
    pub use super::convergence::*;
    pub use super::fences::*;
    pub use super::paths::*;
    pub use super::routing::*;
}

/// The cases of a [`TrafficRouter`](bluegreen_core::TrafficRouter) for the backend that `harness` makes. Every subject
/// begins with all production traffic on blue, no mark on the route, and at least two ready endpoints in both colors.
pub fn suite(name: impl Into<String>, harness: impl Harness<Subject>) -> Suite {
    Suite::new(name, harness, rules())
}

fn rules() -> Vec<Rule<Subject>> {
    vec![
        rule!(routing::the_route_is_read_as_it_is),
        rule!(routing::steps_lead_to_the_split_and_end),
        rule!(routing::steps_are_the_same_for_the_same_route),
        rule!(routing::a_raise_changes_nothing_but_the_mark),
        rule!(routing::a_write_leaves_state_and_mark_together),
        rule!(routing::a_mark_is_read_back_exactly),
        rule!(routing::every_change_has_a_new_version),
        rule!(routing::a_watch_begins_with_the_present_and_tells_each_change),
        rule!(routing::a_split_is_written_and_read_back, |subject| subject.can().weights),
        rule!(routing::a_split_that_can_not_be_done_is_refused, |subject| !subject.can().weights),
        rule!(routing::a_write_of_another_process_is_read_at_once, |subject| subject.other.is_some()),
        rule!(fences::an_older_stamp_is_a_conflict),
        rule!(fences::an_older_version_is_a_conflict),
        rule!(fences::a_stamp_that_was_not_read_can_not_be_tested),
        rule!(fences::one_of_two_raises_at_once_wins),
        rule!(fences::one_of_two_switches_at_once_wins),
        rule!(fences::a_dropped_write_is_done_whole_or_not_at_all),
        rule!(fences::a_foreign_edit_is_told_and_never_overwritten, |subject| subject.edits.is_some()),
        rule!(fences::an_edit_between_two_writes_is_a_conflict, |subject| subject.edits.is_some()),
        rule!(fences::a_foreign_state_is_told_and_has_no_steps, |subject| subject.obscures.is_some()),
        rule!(convergence::what_serves_is_proven),
        rule!(convergence::nothing_is_proven_before_the_switch),
        rule!(convergence::nothing_is_proven_while_an_object_still_leads_elsewhere, |subject| subject.objects > 1),
        rule!(convergence::nothing_is_proven_while_the_other_color_gets_a_share, |subject| subject.can().weights),
        rule!(convergence::other_endpoints_than_those_that_serve_are_never_proven),
        rule!(convergence::replaced_endpoints_are_noticed, |subject| subject.replaces_pods.is_some()),
        rule!(convergence::what_is_proven_gets_the_traffic, |subject| subject.answers.is_some()),
        rule!(convergence::a_wait_that_is_dropped_changes_nothing),
        rule!(paths::it_describes_itself_the_same_way_every_time),
        rule!(paths::there_is_a_production_address_where_it_says_so),
        rule!(paths::a_preview_is_made_once_and_leads_to_one_color, |subject| subject.can().preview_address),
        rule!(paths::there_is_no_preview_where_it_says_so, |subject| !subject.can().preview_address),
        rule!(paths::a_route_that_is_not_there_says_how_to_make_it, |subject| subject.removes.is_some()),
    ]
}
