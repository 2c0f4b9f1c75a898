//! The laws, as conditions on the model. Each looks at what really is and was, never at what the engine believes.

use bluegreen_core::engine::{Activity, Reading, Then};
use bluegreen_core::{
    Check, Color, ColorObservation, End, Ending, Event, Kind, On, RouteState, Split, Stage, Verdict, Write,
};
use jiff::Timestamp;

use crate::node::{Broken, Node};
use crate::offers::routes_to;
use crate::search::name;
use crate::setup::{NEW, OLD, Setup};
use crate::world::{Change, Migration, Sent, Server, World};

/// A source must have measured this often before a watch passes; two ticks of slack are the engine's to give.
const LEAST_DATA: u8 = 2;

fn broken<T>(law: impl Into<String>) -> Result<T, Broken> {
    Err(Broken(law.into()))
}

// ---- decisions ----------------------------------------------------------------------------------------------------

/// What the engine asks for.
pub(crate) fn of_decisions(node: &Node) -> Result<(), Broken> {
    migrations_are_never_dropped(node)?;
    rollbacks_ask_nothing_of_the_new_color(node)?;
    match &node.then {
        Then::Write { write, .. } => may_write(node, *write),
        Then::Run { until, .. } | Then::Wait { until, .. } => deadlines_stay(node, *until),
        Then::Again | Then::Read(_) | Then::Done(_) => Ok(()),
    }
}

fn migrations_are_never_dropped(node: &Node) -> Result<(), Broken> {
    let runs = matches!(node.then, Then::Run { activity: Activity::Migrate { .. }, .. });
    if node.world.migration == Migration::Running && !runs && node.process.view.unreadable.is_none() {
        return broken("a migration that runs is left alone");
    }
    Ok(())
}

fn rollbacks_ask_nothing_of_the_new_color(node: &Node) -> Result<(), Broken> {
    let state = node.process.state();
    let holds = !state.holding.raised.is_empty();
    if !node.process.is_rolling_back() || state.returned.is_some() || !holds {
        return Ok(());
    }
    let asks = match &node.then {
        Then::Read(on) => *on == On::Color(NEW),
        Then::Write { write, .. } => write.on() == On::Color(NEW),
        Then::Run { activity, .. } => !matches!(activity, Activity::Migrate { .. }),
        Then::Wait { until, .. } => until.is_none(),
        Then::Again | Then::Done(_) => false,
    };
    if asks { broken("before traffic has returned, a rollback asks for more than the old color") } else { Ok(()) }
}

/// Nothing waits past a deadline, whatever happened to the process since the deadline began to count.
fn deadlines_stay(node: &Node, until: Option<Timestamp>) -> Result<(), Broken> {
    let Some(until) = until else {
        return Ok(());
    };
    if until <= node.now {
        return broken("it waits for a moment that has passed");
    }
    let (since, plan) = (&node.history.since, node.process.state().plan());
    let after = |at: Timestamp, duration| at.saturating_add(duration).unwrap_or(Timestamp::MAX);
    let deadline = match node.stage {
        Stage::Approve => since.approval.zip(plan.approval.as_ref()).map(|(at, approval)| after(at, approval.expires)),
        Stage::Converge => since.switched.map(|at| after(after(at, plan.converge_deadline), plan.settle)),
        Stage::Watch => {
            let end = since
                .settled
                .filter(|_| !node.history.proven)
                .zip(plan.watch.as_ref())
                .map(|(at, watch)| after(at, watch.duration));
            let confirming = node.process.state().watch.confirming.map(|(_, until)| until);
            since.confirming_until.or(confirming).or(end)
        }
        _ => None,
    };
    if deadline.is_some_and(|deadline| until > deadline) {
        return broken(format!("the deadline of {} was moved", node.stage));
    }
    Ok(())
}

fn may_write(node: &Node, write: Write) -> Result<(), Broken> {
    let (state, history) = (node.process.state(), &node.history);
    let returns = node.process.is_rolling_back() && state.returned.is_none();
    let matters = |on: &&On| !(returns && **on == On::Color(NEW));
    if let Some(on) = history.unread.iter().find(matters) {
        return broken(format!("it wants to {write}, but hasn't read {on:?} since a write on it failed"));
    }
    let route = node.process.view.route.as_ref().map(|route| route.value.objects.as_slice()).unwrap_or_default();
    for object in route.iter().filter(|object| state.holding.raised.contains(&object.name)) {
        let ours = object.mark.as_ref().is_some_and(|mark| mark.stamp.holder == state.holder);
        // To raise another object does no harm; to give capacity back is what R10 asks for.
        let harmless = matches!(write, Write::Raise | Write::ScaleUp(_));
        if !harmless && (!ours || object.is_foreign()) {
            return broken(format!("it wants to {write}, but saw that {} is no longer its own", object.name));
        }
    }
    if state.paused && state.ending.is_none() && (write.hurts() || write.moves_traffic()) {
        return broken(format!("it wants to {write} though it is paused"));
    }
    match write {
        Write::Retire(_) if !history.proven => broken("it retires the old color without proof"),
        Write::TakeDown(_) if history.moved && !history.forgetful && !state.passed.contains_key(&Check::Returned) => {
            broken("it scales the new color down before traffic has provably returned")
        }
        _ => routes_only_to_what_is_ready(node, write),
    }
}

fn routes_only_to_what_is_ready(node: &Node, write: Write) -> Result<(), Broken> {
    let Some(color) = routes_to(write) else {
        return Ok(());
    };
    let state = node.process.state();
    let seen = node.process.view.colors.get(color).as_ref();
    let waited = node.process.view.waited;
    let just_now = |seen: &&Reading<_>| seen.serial > waited || node.now.duration_since(seen.at).as_secs() <= 5;
    let recent = seen.filter(just_now).map(|seen| &seen.value);
    let ready = recent.is_some_and(|seen| {
        if color == NEW {
            seen.is_ready(&state.started.release, state.capacity.unwrap_or(1))
        } else {
            seen.is_up() && seen.ready > 0 && seen.release == state.started.old_release
        }
    });
    if ready { Ok(()) } else { broken(format!("it wants to {write}, but {color} was not seen ready just now")) }
}

// ---- events -------------------------------------------------------------------------------------------------------

/// What the engine records.
pub(crate) fn of_events(node: &Node, event: &Event) -> Result<(), Broken> {
    match event {
        Event::Judged { verdict: Verdict::Pass, .. } => a_pass_rests_on_data(node),
        Event::Decided(Ending::RollBack { .. }) => only_a_bad_release_is_left(node),
        _ => Ok(()),
    }
}

fn a_pass_rests_on_data(node: &Node) -> Result<(), Broken> {
    let Some(watch) = &node.process.state().plan().watch else {
        return broken("a watch passed that nobody wanted");
    };
    let over = node.history.since.settled.is_some_and(|at| node.now.duration_since(at) >= signed(watch.duration));
    if !over {
        return broken("a watch passed before its time was over");
    }
    let signals = watch.signals.iter().map(|_| "signal 1");
    let probes = watch.probes.iter().map(|_| "probe 1");
    for source in ["pods", "guard"].into_iter().chain(probes).chain(signals) {
        if node.history.data_of(source) < LEAST_DATA {
            return broken(format!("a watch passed though there was no data from {source}"));
        }
    }
    Ok(())
}

/// What a rollout does last is tidying up. That it fails says nothing against the new release.
fn only_a_bad_release_is_left(node: &Node) -> Result<(), Broken> {
    let state = node.process.state();
    let tidies = state.tries.as_ref().is_some_and(|tries| matches!(tries.write, Write::Retire(_) | Write::Release));
    let unpins = matches!(state.failed, Some((Check::Unpin(_), _)));
    let history = &node.history;
    if !history.condemned && !history.forgetful && (history.proven || tidies || unpins) {
        return broken("a good release is rolled back because tidying up failed");
    }
    Ok(())
}

fn signed(duration: std::time::Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}

// ---- effects ------------------------------------------------------------------------------------------------------

/// A write takes effect, now or late.
pub(crate) fn of_landing(world: &World, sent: &Sent) -> Result<(), Broken> {
    let mut after = world.clone();
    if after.land(sent).is_err() {
        return Ok(());
    }
    match &sent.change {
        Change::Color { expect, .. } if sent.write.hurts() => {
            // Nobody can do anything about a person who routes to the color while the write is on its way.
            let edited = world.edits != sent.knew.edits;
            if world.references(expect.color) && !edited {
                return broken(format!("\"{}\" lands while {} serves", sent.write, expect.color));
            }
        }
        Change::Route { to, .. } => {
            let Some(color) = routes_to(sent.write) else {
                return Ok(());
            };
            let (seen, touched) = (world.color(color), world.knowledge_of_touches(color));
            let meddled = touched != *sent.knew.touched.get(color);
            let routes = matches!(to, RouteState::Routes(split) if split.weight(color) > 0);
            if routes && !seen.is_up() && !meddled {
                return broken(format!("\"{}\" lands while {color} is scaled down", sent.write));
            }
        }
        Change::Color { .. } => {}
    }
    Ok(())
}

// ---- ends ---------------------------------------------------------------------------------------------------------

/// The rollout is over, and whatever was still on its way may arrive.
pub(crate) fn of_ends(node: &Node, setup: &Setup, end: &End) -> Result<(), Broken> {
    what_serves_serves(node, setup, end)?;
    harmless_disturbances_cost_nothing(node, setup, end)?;
    rollbacks_succeed(node, end)?;
    autoscalers_get_back_what_they_had(node, end)?;
    for index in 0..node.world.in_flight.len() {
        let mut late = node.clone();
        late.land(index)?;
        what_serves_serves(&late, setup, end).map_err(|Broken(law)| {
            Broken(format!("{law}, as \"{}\" landed after the end", node.world.in_flight[index].write))
        })?;
    }
    Ok(())
}

/// Whether others left the route to the rollout.
fn undisturbed_route(node: &Node) -> bool {
    node.world.edits == 0 && !node.world.taken
}

fn what_serves_serves(node: &Node, setup: &Setup, end: &End) -> Result<(), Broken> {
    if !undisturbed_route(node) {
        return Ok(());
    }
    let split = node.world.observe_route().split;
    let promised = match (end, &setup.started.kind) {
        (End::Promoted { .. }, _) | (End::Aborted { .. }, Kind::RollBack(_)) => Some(NEW),
        (End::RolledBack { .. }, _) | (End::Aborted { .. }, Kind::Deploy) => Some(OLD),
        _ => None,
    };
    if let Some(color) = promised.filter(|color| split != Some(Split::only(*color))) {
        return broken(format!("it ended as {}, but the route isn't at {color}", name(end)));
    }
    Ok(())
}

fn harmless_disturbances_cost_nothing(node: &Node, setup: &Setup, end: &End) -> Result<(), Broken> {
    if node.history.costly || setup.is_best(end) {
        return Ok(());
    }
    broken(format!("nothing happened that it can't get over, but it ended as {}", name(end)))
}

/// Once it is decided to roll back and nothing goes wrong any more, a good old color gets its traffic back.
fn rollbacks_succeed(node: &Node, end: &End) -> Result<(), Broken> {
    let state = node.process.state();
    let undisturbed = node.history.turned == Some(node.left) && undisturbed_route(node);
    let world = &node.world;
    let works = world.server == Server::Works && !node.history.refused && node.process.view.unreadable.is_none();
    let forced = matches!(state.ending, Some((Ending::RollBack { forced: true, .. }, _)));
    let open = forced || state.way_back.as_ref().is_none_or(|way_back| way_back.open);
    let old = world.colors.get(OLD);
    let good = old.seen.exists && !old.broken && old.seen.release == state.started.old_release;
    if !(undisturbed && works && open && good) || matches!(end, End::RolledBack { .. }) {
        return Ok(());
    }
    broken(format!("{OLD} could serve, but the rollback ended as {}", name(end)))
}

fn autoscalers_get_back_what_they_had(node: &Node, end: &End) -> Result<(), Broken> {
    let proper = matches!(end, End::Promoted { .. } | End::Aborted { .. } | End::RolledBack { .. });
    let pinned = |color: Color| {
        let slot = node.world.colors.get(color);
        let refused = node.world.failing.contains(&Check::Unpin(color));
        let other = |seen: &ColorObservation| seen.autoscaler.map(|autoscaler| autoscaler.min) != slot.minimum;
        !refused && slot.seen.exists && other(&slot.seen)
    };
    match Color::ALL.into_iter().find(|color| proper && pinned(*color)) {
        Some(color) => broken(format!("the autoscaler of {color} is still pinned at the end")),
        None => Ok(()),
    }
}
