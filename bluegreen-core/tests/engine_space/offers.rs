//! Which moves there are at a node.

use bluegreen_core::engine::{Activity, Then};
use bluegreen_core::{Color, On, Write};

use crate::moves::{Ask, CheckFault, Crash, Downtime, Edit, Fate, Lasting, Move, Pods, ReadFault, Source};
use crate::node::Node;
use crate::setup::{NEW, OLD};
use crate::world::{Measured, Migration, Server};

impl Node {
    /// Everything that can happen here. What nobody would notice yet is left for the next place where somebody would.
    pub(crate) fn moves(&self) -> Vec<Move> {
        let mut moves = vec![Move::Goes];
        let flights = self.world.in_flight.iter().enumerate();
        moves.extend(flights.filter(|(_, sent)| self.notices(sent.write.on())).map(|(index, _)| Move::Lands(index)));
        if self.left == 0 {
            return moves;
        }
        match &self.then {
            Then::Read(_) => moves.extend([ReadFault::Fails, ReadFault::Hopeless, ReadFault::Slow].map(Move::Read)),
            Then::Write { .. } => self.write_moves(&mut moves),
            Then::Run { activity, until } => {
                self.check_moves(activity, until.is_some(), &mut moves);
                self.wait_moves(&mut moves);
            }
            Then::Wait { .. } => self.wait_moves(&mut moves),
            Then::Again | Then::Done(_) => {}
        }
        self.crashes(&mut moves);
        self.others(&mut moves);
        moves
    }

    /// Whether what happens to an object now is told apart from its happening later.
    fn notices(&self, what: On) -> bool {
        match &self.then {
            Then::Read(on) => *on == what,
            Then::Write { write, .. } => write.on() == what || what == On::Route,
            Then::Run { .. } | Then::Wait { .. } => true,
            Then::Again | Then::Done(_) => false,
        }
    }

    fn write_moves(&self, moves: &mut Vec<Move>) {
        if self.world.server != Server::Works {
            return;
        }
        let fates = [Fate::Refused, Fate::Hopeless, Fate::Lost, Fate::Unheard, Fate::InFlight];
        moves.extend(fates.map(Move::Write));
        moves.extend([Server::Refuses, Server::Silent].map(Move::Server));
    }

    fn check_moves(&self, activity: &Activity, bounded: bool, moves: &mut Vec<Move>) {
        let check = activity.check();
        if self.world.endless.contains(&check) {
            return;
        }
        moves.push(Move::Check(CheckFault::EndsLate));
        let waits = matches!(activity, Activity::Approve | Activity::Converge { .. } | Activity::Drain { .. });
        if waits && bounded {
            moves.push(Move::Check(CheckFault::NeverEnds));
        }
        let told_only = matches!(
            activity,
            Activity::Converge { .. }
                | Activity::Drain { .. }
                | Activity::BeginDrain { .. }
                | Activity::CancelDrain(_)
                | Activity::Diagnose(_)
        );
        if !told_only && !self.world.failing.contains(&check) {
            moves.push(Move::Check(CheckFault::Fails));
        }
    }

    fn wait_moves(&self, moves: &mut Vec<Move>) {
        let state = self.process.state();
        if self.has_news() {
            moves.push(Move::WatchIsLate);
        }
        if state.ending.is_none() {
            moves.push(Move::Asked(Ask::TurnBack));
            if !state.paused {
                moves.push(Move::Asked(Ask::Pause));
            } else if matches!(self.then, Then::Wait { until: None, .. }) {
                moves.push(Move::StaysPaused);
            }
            if state.way_back.as_ref().is_some_and(|way_back| !way_back.open) {
                moves.push(Move::Asked(Ask::TurnBackByForce));
            }
            if state.plan().approval.is_some() && state.approved.is_none() {
                moves.push(Move::Asked(Ask::Approve));
            }
        }
        if state.way_back.as_ref().is_some_and(|way_back| !way_back.open) && state.traffic_sent {
            // The driver refuses to take it.
            moves.retain(|asked| *asked != Move::Asked(Ask::TurnBack));
        }
        self.measurements(moves);
    }

    fn measurements(&self, moves: &mut Vec<Move>) {
        let state = self.process.state();
        let Some(watch) = state.plan().watch.as_ref().filter(|_| state.is_sampling()) else {
            return;
        };
        let mut offer = |source, measured: &[Measured]| {
            for measured in measured {
                moves.extend(
                    [Lasting::Once, Lasting::ForGood].map(|lasting| Move::Measures(source, *measured, lasting)),
                );
            }
        };
        offer(Source::Pods, &[Measured::Silent]);
        if !watch.probes.is_empty() {
            offer(Source::Probe, &[Measured::Bad]);
        }
        if !watch.signals.is_empty() {
            offer(Source::Signal, &[Measured::Bad, Measured::Silent]);
        }
    }

    fn crashes(&self, moves: &mut Vec<Move>) {
        let mut crashes = Vec::new();
        match &self.then {
            Then::Write { .. } => crashes.extend([Crash::Unsent, Crash::Landed, Crash::InFlight]),
            Then::Read(_) => crashes.push(Crash::Unsaved),
            Then::Run { .. } | Then::Wait { .. } => {
                crashes.push(Crash::Saved);
                if self.process.has_unsaved() {
                    crashes.push(Crash::Unsaved);
                }
            }
            Then::Done(_) => crashes.push(Crash::Unsaved),
            Then::Again => {}
        }
        if matches!(&self.then, Then::Run { activity: Activity::Pin { .. } | Activity::Migrate { .. }, .. }) {
            crashes.push(Crash::Done);
        }
        for crash in crashes {
            moves.extend([Downtime::None, Downtime::PastAllDeadlines].map(|downtime| Move::Crash(crash, downtime)));
        }
    }

    /// What other people and systems do.
    fn others(&self, moves: &mut Vec<Move>) {
        if self.notices(On::Route) {
            for object in 0..self.world.route.len() {
                let edits = [Edit::ToOtherColor, Edit::KeyRemoved, Edit::MarkRemoved];
                moves.extend(edits.map(|edit| Move::Edited(object, edit)));
            }
            if !self.world.taken {
                moves.extend([true, false].map(|same_rollout| Move::Taken { same_rollout }));
            }
        }
        if matches!(self.then, Then::Write { .. }) {
            return;
        }
        let pods = [
            (NEW, &[Pods::Die, Pods::Flicker, Pods::Restart, Pods::Redeployed][..]),
            (OLD, &[Pods::Die, Pods::Flicker, Pods::Shrink, Pods::Grow, Pods::Deleted][..]),
        ];
        for (color, pods) in pods {
            if self.notices(On::Color(color)) {
                moves.extend(pods.iter().filter(|pods| self.can(color, **pods)).map(|pods| Move::Pods(color, *pods)));
            }
        }
        if self.process.is_rolling_back() && !self.process.journal_lost {
            moves.push(Move::JournalIsLost);
        }
    }

    fn can(&self, color: Color, pods: Pods) -> bool {
        let slot = self.world.colors.get(color);
        let pinned = slot.seen.autoscaler.is_some_and(|autoscaler| autoscaler.min >= slot.seen.desired);
        match pods {
            Pods::Die => !slot.broken && slot.seen.desired > 0,
            Pods::Flicker | Pods::Restart => slot.seen.ready > 0,
            Pods::Shrink => slot.seen.ready > 1 && !pinned,
            Pods::Grow => slot.seen.ready > 0 && slot.touched == 0,
            Pods::Redeployed | Pods::Deleted => slot.seen.exists && slot.touched == 0,
        }
    }

    /// Whether a migration is about to be sent for the first time.
    pub(crate) fn is_about_to_migrate(&self) -> bool {
        let migrates = matches!(self.then, Then::Run { activity: Activity::Migrate { .. }, .. });
        migrates && self.world.migration == Migration::NotStarted
    }

    /// What there is to be done at this point, and how it went.
    pub(crate) fn tell(&self, happens: Move) -> String {
        let wanted = match &self.then {
            Then::Read(On::Route) => "read the route".to_owned(),
            Then::Read(On::Color(color)) => format!("read {color}"),
            Then::Write { write, .. } => write.to_string(),
            Then::Run { activity, .. } => format!("wait for {activity}"),
            Then::Wait { what, .. } => format!("wait for {what}"),
            Then::Done(end) => format!("end: {end}"),
            Then::Again => "decide".to_owned(),
        };
        let seconds = self.now.as_second();
        let stage = self.stage.as_str();
        let happens = if happens == Move::Goes { String::new() } else { format!("\n{:>21}{happens}", "!! ") };
        format!("{seconds:>4} s {stage:<12} {wanted}{happens}")
    }
}

/// Whether a write of this kind points traffic at a color, and at which.
pub(crate) const fn routes_to(write: Write) -> Option<Color> {
    match write {
        Write::Shift(_) | Write::Switch => Some(NEW),
        Write::SwitchBack => Some(OLD),
        _ => None,
    }
}
