//! The laws of `bluegreen` as checks of each write, by what the journal says and what the world is like.

use std::collections::{BTreeMap, BTreeSet};

use bluegreen_core::{
    Check, Color, ColorObservation, Event, Holder, Kind, PerColor, Record, Release, RolloutId, RouteMark, RouteObject,
    RouteState, Split, Stamp, Verdict,
};

use super::fault::Site;
use super::state::State;

/// What is known of rollouts and of writes.
#[derive(Debug, Default)]
pub(crate) struct Laws {
    rollouts: BTreeMap<RolloutId, Course>,
    holders: BTreeMap<Holder, Holding>,
    /// The stamps whose intents are journaled, and those that were ever left on an object.
    intended: BTreeSet<String>,
    left: BTreeSet<String>,
}

/// What the journal says of a rollout.
#[derive(Debug)]
struct Course {
    old: Color,
    new: Color,
    kind: Kind,
    release: Release,
    old_release: Option<Release>,
    proven: bool,
    returned: bool,
    ended: bool,
    /// Whether traffic was ever pointed at its new color.
    moved: bool,
    /// How many appends in a row were answered with an error.
    silent: u32,
}

impl Course {
    /// The release that it means a color to serve, where that is known.
    fn meant(&self, color: Color) -> Option<&Release> {
        match self.kind {
            Kind::Deploy if color == self.new => Some(&self.release),
            Kind::Deploy => self.old_release.as_ref(),
            Kind::RollBack(_) => None,
        }
    }
}

/// What one holder did.
#[derive(Debug, Default)]
struct Holding {
    rollout: Option<RolloutId>,
    /// Who served when it raised.
    found: Option<Color>,
    /// Whether a write of its own landed on a color.
    landed: PerColor<bool>,
    /// The sequence numbers of writes that were sent to hurt a color, and might still land.
    hurting: PerColor<BTreeSet<u64>>,
}

impl Laws {
    /// Takes in what became durable.
    pub(crate) fn learn(&mut self, records: &[Record]) {
        for record in records {
            self.holders.entry(record.holder.clone()).or_default().rollout = Some(record.rollout.clone());
            if let Event::Started(started) = &record.event {
                let course = Course {
                    old: started.old,
                    new: started.new,
                    kind: started.kind.clone(),
                    release: started.release.clone(),
                    old_release: started.old_release.clone(),
                    proven: false,
                    returned: false,
                    ended: false,
                    moved: started.kind != Kind::Deploy,
                    silent: 0,
                };
                self.rollouts.insert(record.rollout.clone(), course);
            }
            if let Event::Intent { stamp, .. } = &record.event {
                self.intended.insert(stamp.to_string());
            }
            let Some(course) = self.rollouts.get_mut(&record.rollout) else { continue };
            match &record.event {
                Event::Judged { verdict: Verdict::Pass, .. } => course.proven = true,
                Event::Passed { check: Check::Returned, .. } => course.returned = true,
                Event::Ended(_) => course.ended = true,
                _ => {}
            }
        }
    }

    /// Takes in that an append is not answered at once: a rollback doesn't wait for it.
    pub(crate) fn unanswered(&mut self, rollout: &str) {
        if let Some(course) = self.rollouts.get_mut(&RolloutId::from(rollout.to_owned())) {
            course.silent = 2;
        }
    }

    /// Takes in how an append was answered.
    pub(crate) fn answered(&mut self, rollout: &RolloutId, well: bool) {
        if let Some(course) = self.rollouts.get_mut(rollout) {
            course.silent = if well { 0 } else { course.silent + 1 };
        }
    }

    /// The rollout that a holder performs, where its journal is the world's own.
    fn course(&self, holder: &Holder) -> Option<&Course> {
        self.rollouts.get(self.holders.get(holder)?.rollout.as_ref()?)
    }

    fn course_mut(&mut self, holder: &Holder) -> Option<&mut Course> {
        self.rollouts.get_mut(self.holders.get(holder)?.rollout.as_ref()?)
    }

    fn holding(&mut self, holder: &Holder) -> &mut Holding {
        self.holders.entry(holder.clone()).or_default()
    }
}

impl State {
    /// Law 4: what is written was journaled as an intent first. A journal that failed twice in a row can't be waited for
    /// (law 6). Nothing is written after the end.
    pub(crate) fn check_sending(&mut self, site: &Site) {
        let Some(stamp) = &site.stamp else { return };
        if let Some(color) = site.hurts {
            self.laws.holding(&stamp.holder).hurting.get_mut(color).insert(stamp.seq);
        }
        let Some(course) = self.laws.course(&stamp.holder) else { return };
        if course.silent < 2 && !self.laws.intended.contains(&stamp.to_string()) {
            self.violated(4, &format!("{} {} was sent without a journaled intent", site.name, site.object));
        } else if course.ended {
            self.violated(10, &format!("{} {} was sent after the end of its rollout", site.name, site.object));
        }
    }

    /// What a write on a color has to keep to, when it lands: a stamp that was never there (law 3), and proof before
    /// capacity is taken away (law 9).
    pub(crate) fn check_color_write(&mut self, found: &ColorObservation, stamp: &Stamp, replicas: u32) {
        let color = found.color;
        self.check_stamp(&found.object, stamp);
        if let Some(course) = self.laws.course(&stamp.holder).filter(|_| replicas < found.desired) {
            let unproven = color == course.old && course.kind == Kind::Deploy && !course.proven;
            // A rollback goes on without a journal that doesn't answer (law 6): then it can't be known.
            let unreturned = color == course.new && course.moved && !course.returned && course.silent < 2;
            if unproven || unreturned {
                let lacks = if unproven { "the watch has passed" } else { "traffic has provably returned" };
                self.violated(9, &format!("{color} was scaled down to {replicas} before {lacks}"));
            }
        }
        let holding = self.laws.holding(&stamp.holder);
        *holding.landed.get_mut(color) = true;
        holding.hurting.get_mut(color).retain(|sent| *sent > stamp.seq);
    }

    /// A write that was refused can't land any more.
    pub(crate) fn learn_refusal(&mut self, site: &Site) {
        if let (Some(stamp), Some(color)) = (&site.stamp, site.hurts) {
            self.laws.holding(&stamp.holder).hurting.get_mut(color).remove(&stamp.seq);
        }
    }

    /// What a write on the route has to keep to, when it lands: only the holder moves traffic, never over a foreign edit,
    /// and never to a color on which something older might still land (law 3).
    pub(crate) fn check_route_write(&mut self, found: &RouteObject, to: &RouteState, mark: &RouteMark) {
        self.check_stamp(&found.name, &mark.stamp);
        let name = &found.name;
        let raises = found.mark.as_ref().is_none_or(|found| found.stamp.holder != mark.stamp.holder);
        if *to == found.state {
            if raises {
                self.laws.holding(&mark.stamp.holder).found = split(&found.state).and_then(Split::sole);
            }
            return;
        }
        if raises {
            self.violated(3, &format!("{name} was written to {to} by {}, who doesn't hold it", mark.stamp.holder));
        } else if found.is_foreign() {
            self.violated(3, &format!("a foreign edit of {name} ({}) was overwritten", found.state));
        }
        for color in Color::ALL.into_iter().filter(|color| weight(to, *color) > weight(&found.state, *color)) {
            self.check_new_traffic(found, to, mark, color);
        }
    }

    /// Laws 1 and 3 for a color that gets more traffic.
    fn check_new_traffic(&mut self, found: &RouteObject, to: &RouteState, mark: &RouteMark, color: Color) {
        let (name, from) = (&found.name, &found.state);
        if !self.slot(color).was_ready(self.now) {
            self.violated(1, &format!("{name} was written from {from} to {to}, but {color} has no ready pod"));
        }
        let meant = self.laws.course(&mark.stamp.holder).and_then(|course| course.meant(color)).cloned();
        let there = self.slot(color).deployment.as_ref().map(|deployment| deployment.release.clone());
        if let (Some(meant), Some(there)) = (&meant, there.filter(|there| Some(there) != meant.as_ref())) {
            self.violated(1, &format!("{name} was written to {to}, but {color} holds {there} instead of {meant}"));
        }
        if let Some(course) = self.laws.course_mut(&mark.stamp.holder) {
            course.moved |= color == course.new;
        }
        let holding = self.laws.holding(&mark.stamp.holder);
        let known = *holding.landed.get(color) || holding.found == Some(color);
        let sealed = known && holding.hurting.get(color).is_empty();
        if !sealed {
            let what = format!("{name} was written to {to}, but {color} was not sealed: an older write may still land");
            self.violated(3, &what);
        }
    }

    /// Whether somebody else changed the route after the one who made a call saw it last.
    pub(crate) fn edited_unseen(&self, call: u64) -> bool {
        self.edited.is_some_and(|edited| !self.faults.saw_route_since(edited, call))
    }

    /// Every write leaves a stamp that was never there before.
    fn check_stamp(&mut self, object: &str, stamp: &Stamp) {
        if !self.laws.left.insert(format!("{object} {stamp}")) {
            self.violated(3, &format!("{object} was given stamp {stamp}, which it had before"));
        }
    }
}

fn split(state: &RouteState) -> Option<Split> {
    match state {
        RouteState::Routes(split) => Some(*split),
        RouteState::Foreign(_) | RouteState::Absent => None,
    }
}

fn weight(state: &RouteState, color: Color) -> u32 {
    split(state).map_or(0, |split| split.weight(color))
}
