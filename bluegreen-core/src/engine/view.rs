//! What was last seen of the world.

use jiff::{SignedDuration, Timestamp};

use crate::backend::{ColorObservation, RouteMark, RouteObservation};
use crate::color::{Color, PerColor};

/// A reading may be this old when a decision rests on it, if something was waited for since: this bounds "ready now".
/// Reads that follow each other at once count however slow they are; else nobody could act in a slow world.
const MAX_AGE: SignedDuration = SignedDuration::from_secs(5);

/// What was last seen of the world.
///
/// Reads and events have serial numbers, so that the engine can ask for a read that is later than something. What a
/// watch tells is kept apart ([`heard`](Self::heard)): it says when to look, and what is waited for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// The serial number of the last event; a reading counts as new only if it began later.
    pub barrier: u64,
    /// The serial number of the last wait.
    pub waited: u64,
    /// The route as last read, or as the last write left it.
    pub route: Option<Reading<RouteObservation>>,
    /// Whether a watch told of the route something else than was read.
    pub route_stirred: bool,
    /// The colors as last read, or as the last write left them.
    pub colors: PerColor<Option<Reading<ColorObservation>>>,
    /// The colors as last heard of, by watch or by read, whichever came later.
    pub heard: PerColor<Option<Reading<ColorObservation>>>,
    /// Why the world can't be read, where waiting won't help.
    pub unreadable: Option<String>,
}

/// Something that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading<T> {
    /// What.
    pub value: T,
    /// When it was begun to be read, as a serial number.
    pub serial: u64,
    /// When it was begun to be read, by the clock.
    pub at: Timestamp,
}

impl View {
    /// The color as last heard of.
    #[must_use]
    pub fn heard(&self, color: Color) -> Option<&ColorObservation> {
        self.heard.get(color).as_ref().map(|reading| &reading.value)
    }

    /// The color, if it was read after the last event and after whatever a watch told last, and just now.
    #[must_use]
    pub fn fresh(&self, color: Color, now: Timestamp) -> Option<&Reading<ColorObservation>> {
        let heard = self.heard.get(color).as_ref().map_or(0, |heard| heard.serial);
        let is_new = |reading: &&Reading<_>| reading.serial > self.barrier && reading.serial >= heard;
        self.colors.get(color).as_ref().filter(is_new).filter(|reading| reading.is_recent(now, self.waited))
    }

    /// The route, if it was read after the last event, and just now.
    #[must_use]
    pub fn fresh_route(&self, now: Timestamp) -> Option<&Reading<RouteObservation>> {
        let is_new = |reading: &&Reading<_>| reading.serial > self.barrier && !self.route_stirred;
        self.route.as_ref().filter(is_new).filter(|reading| reading.is_recent(now, self.waited))
    }
}

impl<T> Reading<T> {
    fn is_recent(&self, now: Timestamp, waited: u64) -> bool {
        self.serial > waited || now.duration_since(self.at).abs() <= MAX_AGE
    }
}

/// The rollout that holds the route and hasn't ended, as far as the objects tell.
///
/// A rollout has ended when its mark says so, or when its last write scaled the color down that the route doesn't name:
/// that is how promoted, rolled back and aborted rollouts end, and it costs no write of its own.
pub(crate) fn open_rollout<'a>(
    route: &'a RouteObservation,
    colors: &PerColor<ColorObservation>,
) -> Option<&'a RouteMark> {
    route.objects.iter().filter_map(|object| object.mark.as_ref()).find(|mark| {
        let idle = mark.split.sole().map(|color| colors.get(color.other()));
        let taken_down = idle.is_some_and(|idle| {
            let ours = |stamp: &crate::ids::Stamp| stamp.epoch == mark.stamp.epoch && stamp.holder == mark.stamp.holder;
            idle.desired == 0 && idle.stamp.as_ref().is_some_and(ours)
        });
        !mark.ended && !taken_down
    })
}
