//! Becoming the holder of the route (rules R2, R6 and R7).

use super::decision::{Activity, Decision};
use super::thinking::{DECIDE, Thinking, end, foreign_edit, halt, superseded};
use crate::backend::{RouteObject, RouteObservation};
use crate::record::{Check, End, Ending, Kind, On, Write};
use crate::stage::Stage;

impl Thinking<'_> {
    /// Raises the stamp of every object of the route, unless this process holds them all.
    pub(super) fn acquire(self) -> Option<Decision> {
        let state = self.state;
        if self.route().is_some_and(|route| state.holds(&route.objects)) {
            return None;
        }
        self.end_before_writing()
            .or_else(|| self.preflight())
            .or_else(|| {
                // The raise tests the version of the read made *before* the seal, so the seal must not outdate it.
                let failed = state.tries.as_ref().is_some_and(|tries| tries.write == Write::Raise);
                let known = !failed && (state.holding.sealed_first || !state.holding.raised.is_empty());
                let read = self.view.fresh_route(self.now).is_some() || known && self.view.route.is_some();
                (!read).then(|| self.read(On::Route))
            })
            .or_else(|| self.route().and_then(|route| self.check_before_raise(route)))
            .or_else(|| self.route().and_then(|route| self.seal_first(route)))
            .or_else(|| {
                let object =
                    self.route()?.objects.iter().find(|object| !state.holding.raised.contains(&object.name))?;
                Some(self.write_with(Stage::Raise, Write::Raise, Some(object.name.clone()), 0, Vec::new()))
            })
    }

    fn preflight(self) -> Option<Decision> {
        let wanted =
            !self.plan().preflights.is_empty() && self.state.started.kind == Kind::Deploy && !self.state.is_recovered();
        (wanted && !self.state.has_passed(Check::Preflight))
            .then(|| self.run(Stage::Preflight, Activity::Preflight, None))
    }

    /// A rollout that was aborted, or whose preflights failed, before it wrote anything has nothing to undo.
    fn end_before_writing(self) -> Option<Decision> {
        let state = self.state;
        if state.is_recovered() || !state.holding.raised.is_empty() || !state.doubts.is_empty() {
            return None;
        }
        if let Some((Ending::Abort { reason }, _)) = &state.ending {
            return Some(end(End::Aborted { reason: reason.clone() }));
        }
        let (check, summary) = state.failed.as_ref()?;
        Some(end(End::Aborted { reason: format!("{check}: {summary}") }))
    }

    fn check_before_raise(self, route: &RouteObservation) -> Option<Decision> {
        for object in &route.objects {
            if let Some(mark) = &object.mark
                && mark.stamp.holder != self.state.holder
                && !self.state.predecessors.contains(&mark.stamp.holder)
                && !self.was_found(object)
            {
                return Some(superseded(&format!("{} carries {mark}", object.name)));
            }
            if !self.state.is_recovered() || self.is_untouched(object) {
                continue;
            }
            // A rollout that goes on doesn't take a foreign edit for the truth (R7).
            match &object.mark {
                Some(mark) if mark.rollout != self.state.rollout => {
                    return Some(superseded(&format!("{} carries {mark}", object.name)));
                }
                Some(_) if !object.is_foreign() => {}
                _ => return Some(halt(&foreign_edit(object), DECIDE)),
            }
        }
        if !self.state.is_recovered() && route.active() != Some(self.state.origin()) {
            let found = route.active().map_or_else(|| "no single color".to_owned(), |color| color.to_string());
            let reason = format!("the route served {} when this rollout began, and now {found}", self.state.origin());
            return Some(end(End::Aborted { reason }));
        }
        None
    }

    /// Whether the object carries what it carried before the rollout began, because this rollout never raised it: no mark
    /// can also mean that somebody has replaced the object since.
    fn is_untouched(self, object: &RouteObject) -> bool {
        if self.state.raised.contains(&object.name) {
            return false;
        }
        let before = self.state.started.found.iter().find(|before| before.name == object.name);
        before.is_some_and(|before| before.mark == object.mark)
    }

    fn found(&self, name: &str) -> Option<&RouteObject> {
        self.state.holding.found.iter().find(|object| object.name == name)
    }

    /// Whether the object's mark is by the holder that was found when this process began, and not by one that came since.
    fn was_found(self, object: &RouteObject) -> bool {
        let holder = |object: &RouteObject| object.mark.as_ref().map(|mark| mark.stamp.holder.clone());
        self.found(&object.name).is_some_and(|found| holder(found) == holder(object))
    }

    /// Where the route carries no mark of what it does, the color that serves is sealed before the route is raised, so
    /// that no older write can take capacity from it.
    fn seal_first(self, route: &RouteObservation) -> Option<Decision> {
        let needed = route.objects.iter().any(|object| object.mark.is_none() || object.is_foreign());
        if self.state.holding.sealed_first || !self.state.holding.raised.is_empty() || !needed {
            return None;
        }
        let serving = self.state.origin();
        let seen = self.view.colors.get(serving).as_ref().filter(|seen| seen.serial > self.view.barrier);
        let Some(seen) = seen else {
            return Some(self.read(On::Color(serving)));
        };
        // On a first deploy the route may name a color in which nothing was ever deployed: nothing can land there.
        seen.value.exists.then(|| self.write(Stage::Raise, Write::Seal(serving)))
    }
}
