//! Every law can be broken: engines that are wrong in one place each, and the shortest story that shows it.

use bluegreen_core::engine::{Activity, Decide, Decision, Engine, State, Then, View};
use bluegreen_core::plan::{Expiry, NoData};
use bluegreen_core::{Check, Color, End, Ending, Event, On, Stage, Write};
use jiff::{SignedDuration, Timestamp};

use crate::search::{Found, explore};
use crate::setup::{NEW, OLD, Setup, watch};
use crate::stages::{approval, migration, signal};
use crate::time::ticks;

/// The right engine, asked with wrong beliefs or answering something else.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    believes: fn(&mut State, &mut View, Timestamp),
    says: fn(&State, &View, Timestamp, Decision) -> Decision,
}

const RIGHT: Wrong = Wrong { believes: |_, _, _| {}, says: |_, _, _, decision| decision };

impl Decide for Wrong {
    fn next(&self, state: &State, view: &View, now: Timestamp) -> Decision {
        let (mut believed, mut seen) = (state.clone(), view.clone());
        (self.believes)(&mut believed, &mut seen, now);
        (self.says)(state, view, now, Engine.next(&believed, &seen, now))
    }
}

/// Searches with ever more disturbances until `law` is broken, and tells the story.
fn catch(setup: &Setup, engine: Wrong, law: &str) {
    for most in 0..=2 {
        let Found { broken, states, .. } = explore(setup, &engine, most, Some(law));
        if let Some((law, story)) = broken.iter().find(|(broken, _)| broken.contains(law)) {
            println!("caught with {most} disturbances after {states} states: {law}\n{story}");
            assert!(story.lines().count() < 60, "the story is too long to be read");
            return;
        }
        assert!(broken.is_empty(), "expected {law:?}, broken are {:?}", broken.keys());
    }
    panic!("{law:?} was not broken");
}

fn plain() -> Setup {
    Setup::deploy(|_| {})
}

fn watched() -> Setup {
    Setup::deploy(|plan| plan.watch = Some(watch()))
}

fn with_approval() -> Setup {
    Setup::deploy(|plan| plan.approval = approval(Expiry::Proceed))
}

fn with_migration() -> Setup {
    Setup::deploy(|plan| plan.migration = migration(bluegreen_core::plan::Placement::BeforeDeploy))
}

fn rolls_back(state: &State) -> bool {
    matches!(state.ending, Some((Ending::RollBack { .. }, _)))
}

fn ends(stage: Stage, end: End) -> Decision {
    Decision { stage, record: vec![Event::Ended(end)], then: Then::Again }
}

fn halted() -> End {
    End::Halted { reason: "it gave up".to_owned(), next: String::new() }
}

#[test]
fn retiring_before_the_watch_has_passed() {
    let believes = |state: &mut State, _: &mut View, now| {
        state.watch.passed = state.passed.contains_key(&Check::Settled).then_some(now);
    };
    catch(&watched(), Wrong { believes, ..RIGHT }, "without proof");
}

#[test]
fn switching_to_a_color_that_is_not_ready() {
    let believes = |_: &mut State, view: &mut View, _| {
        for reading in [&mut view.colors, &mut view.heard].into_iter().filter_map(|seen| seen.get_mut(NEW).as_mut()) {
            reading.value.ready = reading.value.desired;
            reading.value.settled = true;
        }
    };
    catch(&plain(), Wrong { believes, ..RIGHT }, "green was not seen ready");
}

#[test]
fn routing_to_a_color_without_sealing_it() {
    let believes = |state: &mut State, _: &mut View, _| {
        Color::ALL.into_iter().for_each(|color| *state.holding.sealed.get_mut(color) = true);
    };
    catch(&watched(), Wrong { believes, ..RIGHT }, "\"retire blue\" lands while blue serves");
}

#[test]
fn forgetting_that_a_switch_may_still_land() {
    let believes = |state: &mut State, _: &mut View, _| state.doubts.clear();
    catch(&plain(), Wrong { believes, ..RIGHT }, "\"switch traffic\" lands while green is scaled down");
}

#[test]
fn counting_a_deadline_anew_after_a_recovery() {
    let believes = |state: &mut State, _: &mut View, now| {
        if state.inherited.contains(&Check::Approval) {
            state.begun.insert(Check::Approval, now);
        }
    };
    catch(&with_approval(), Wrong { believes, ..RIGHT }, "the deadline of approve was moved");
}

#[test]
fn rolling_back_only_when_the_new_color_is_well() {
    let says = |state: &State, view: &View, _, decision: Decision| {
        let well = view.heard(NEW).is_some_and(|new| new.ready > 0);
        if rolls_back(state) && state.returned.is_none() && !well {
            return Decision { then: Then::Wait { what: "green to be well".to_owned(), until: None }, ..decision };
        }
        decision
    };
    catch(&plain(), Wrong { says, ..RIGHT }, "asks for more than the old color");
}

#[test]
fn taking_silence_for_health() {
    let believes = |state: &mut State, _: &mut View, _| {
        state.watch.sources.values_mut().for_each(|source| source.seen = SignedDuration::from_hours(1));
    };
    let setup = Setup::deploy(|plan| plan.watch = Some(signal(NoData::Wait)));
    catch(&setup, Wrong { believes, ..RIGHT }, "no data from signal 1");
}

#[test]
fn ending_a_watch_before_its_time() {
    let believes = |state: &mut State, _: &mut View, _| {
        let earlier = |at: &mut Timestamp| *at = at.saturating_sub(ticks(2)).unwrap();
        state.passed.entry(Check::Settled).and_modify(earlier);
    };
    catch(&watched(), Wrong { believes, ..RIGHT }, "before its time was over");
}

#[test]
fn beginning_a_migration_again() {
    let says = |_: &State, _: &View, _, decision: Decision| match decision.then {
        Then::Run { activity: Activity::Migrate { .. }, until } => {
            Decision { then: Then::Run { activity: Activity::Migrate { resumed: false }, until }, ..decision }
        }
        _ => decision,
    };
    catch(&with_migration(), Wrong { says, ..RIGHT }, "begun again");
}

#[test]
fn leaving_a_migration_alone() {
    let believes = |state: &mut State, _: &mut View, _| {
        if state.ending.is_some() {
            state.begun.remove(&Check::Migration);
        }
    };
    catch(&with_migration(), Wrong { believes, ..RIGHT }, "is left alone");
}

#[test]
fn deciding_by_what_was_seen_before_a_write_failed() {
    let believes = |_: &mut State, view: &mut View, _| {
        view.barrier = 0;
        view.route_stirred = false;
    };
    catch(&plain(), Wrong { believes, ..RIGHT }, "hasn't read");
}

#[test]
fn overwriting_what_somebody_else_did() {
    let believes = |_: &mut State, view: &mut View, _| {
        let objects = view.route.iter_mut().flat_map(|route| &mut route.value.objects);
        for object in objects {
            if let (bluegreen_core::RouteState::Routes(split), Some(mark)) = (&object.state, &mut object.mark) {
                mark.split = *split;
            }
        }
    };
    catch(&plain(), Wrong { believes, ..RIGHT }, "no longer its own");
}

#[test]
fn going_on_while_paused() {
    let believes = |state: &mut State, _: &mut View, _| state.paused = false;
    catch(&with_approval(), Wrong { believes, ..RIGHT }, "though it is paused");
}

#[test]
fn scaling_down_before_traffic_has_returned() {
    let believes = |state: &mut State, _: &mut View, _| {
        if state.returned.is_some() {
            state.passed.insert(Check::Returned, Timestamp::UNIX_EPOCH);
        }
    };
    catch(&plain(), Wrong { believes, ..RIGHT }, "before traffic has provably returned");
}

#[test]
fn rolling_a_good_release_back_because_it_cannot_tidy_up() {
    let says = |state: &State, _: &View, _, decision: Decision| {
        let halts = matches!(decision.record.as_slice(), [Event::Ended(End::Halted { .. })]);
        if halts && state.watch.passed.is_some() && state.tries.is_some() {
            let ending = Ending::RollBack { reason: String::new(), forced: false };
            return Decision { record: vec![Event::Decided(ending)], ..decision };
        }
        decision
    };
    catch(&watched(), Wrong { says, ..RIGHT }, "a good release is rolled back");
}

#[test]
fn saying_too_early_that_traffic_is_back() {
    let says = |state: &State, _: &View, _, decision: Decision| {
        if rolls_back(state) && decision.then != Then::Again && state.end.is_none() {
            return ends(decision.stage, End::RolledBack { reason: String::new() });
        }
        decision
    };
    catch(&plain(), Wrong { says, ..RIGHT }, "the route isn't at blue");
}

#[test]
fn giving_up_after_the_first_failed_write() {
    let says = |state: &State, _: &View, _, decision: Decision| {
        if state.tries.is_some() && state.end.is_none() { ends(decision.stage, halted()) } else { decision }
    };
    catch(&plain(), Wrong { says, ..RIGHT }, "nothing happened that it can't get over");
}

#[test]
fn not_daring_to_roll_back() {
    let says = |state: &State, _: &View, _, decision: Decision| {
        if rolls_back(state) && state.end.is_none() { ends(decision.stage, halted()) } else { decision }
    };
    catch(&plain(), Wrong { says, ..RIGHT }, "blue could serve");
}

#[test]
fn keeping_a_pin() {
    let believes = |state: &mut State, _: &mut View, _| {
        state.passed.insert(Check::Unpin(OLD), Timestamp::UNIX_EPOCH);
    };
    catch(&watched().with_autoscalers(), Wrong { believes, ..RIGHT }, "the autoscaler of blue is still pinned");
}

#[test]
fn never_saying_that_it_is_done() {
    let says = |_: &State, _: &View, _, decision: Decision| match decision.then {
        Then::Done(_) => Decision { then: Then::Again, ..decision },
        _ => decision,
    };
    catch(&plain(), Wrong { says, ..RIGHT }, "it decides for ever");
}

#[test]
fn waiting_without_a_bound() {
    let says = |_: &State, _: &View, _, decision: Decision| match decision.then {
        Then::Wait { what, .. } if decision.stage == Stage::Ready => {
            Decision { then: Then::Wait { what, until: None }, ..decision }
        }
        _ => decision,
    };
    catch(&plain(), Wrong { says, ..RIGHT }, "it waits for ever");
}

#[test]
fn waiting_for_the_past() {
    let says = |_: &State, _: &View, now: Timestamp, decision: Decision| match decision.then {
        Then::Wait { what, .. } => Decision { then: Then::Wait { what, until: Some(now) }, ..decision },
        _ => decision,
    };
    catch(&plain(), Wrong { says, ..RIGHT }, "a moment that has passed");
}

#[test]
fn trying_for_ever() {
    let believes = |state: &mut State, _: &mut View, _| state.tries = None;
    catch(&plain(), Wrong { believes, ..RIGHT }, "goes round in circles");
}

#[test]
fn recording_what_cannot_follow() {
    let says = |state: &State, _: &View, _, decision: Decision| {
        let retires = matches!(decision.then, Then::Write { write: Write::Release, .. });
        if retires && state.ending.is_none() {
            let ending = Ending::Abort { reason: String::new() };
            return Decision { record: vec![Event::Decided(ending)], then: Then::Read(On::Route), ..decision };
        }
        decision
    };
    catch(&plain(), Wrong { says, ..RIGHT }, "the state refuses a record");
}
