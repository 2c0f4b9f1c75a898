//! Writes that take capacity from a color (rules R4 and R10).

use jiff::Timestamp;

use super::decision::Decision;
use super::state::name;
use super::thinking::{Thinking, foreign_edit, halt};
use crate::backend::{ColorObservation, RouteObject};
use crate::color::Color;
use crate::record::{On, Write};
use crate::stage::Stage;

impl Thinking<'_> {
    /// What has to be known before `color` may be hurt: no write on the route is in doubt; the color's stamp was read, and
    /// *then* the route, which is ours and doesn't name the color. The other order of the two reads is unsafe.
    pub(super) fn may_hurt(self, stage: Stage, color: Color) -> Result<(), Decision> {
        if let Some(object) = self.doubtful_route_object() {
            return Err(self.write_with(stage, Write::SealRoute, Some(object), 0, Vec::new()));
        }
        let Some(seen) = self.view.fresh(color, self.now) else {
            return Err(self.read(On::Color(color)));
        };
        let route = self.view.fresh_route(self.now).filter(|route| route.serial > seen.serial);
        let Some(route) = route else {
            return Err(self.read(On::Route));
        };
        if route.value.references(color) {
            return Err(halt(
                &format!("the route names {color}, which was to be changed"),
                "decide which color is to serve; then start a new rollout, or roll back",
            ));
        }
        Ok(())
    }

    /// An object of the route on which an older write of this rollout might still land.
    pub(super) fn doubtful_route_object(self) -> Option<String> {
        let doubts = self.state.doubts.iter();
        doubts.filter(|(_, doubt)| doubt.intent.write.on() == On::Route).map(|(object, _)| object.clone()).next()
    }

    /// Scales `color` to zero, or finds it so. `Ok` when that is done and the route, read afterwards, doesn't name it.
    pub(super) fn take_down(self, stage: Stage, color: Color, write: Write) -> Result<(), Decision> {
        if !self.state.wrote.contains_key(name(write)) {
            self.may_hurt(stage, color)?;
            let seen = self.view.heard(color);
            if seen.is_some_and(|seen| !ColorObservation::is_up(seen)) {
                return Err(self.record(vec![crate::record::Event::Found { write }]));
            }
            return Err(self.write(stage, write));
        }
        if self.view.fresh_route(self.now).is_none() {
            return Err(self.read(On::Route));
        }
        Ok(())
    }

    /// R10: a person routed to a color while our write that hurt it was in flight. It gets its capacity back.
    pub(super) fn repair(self) -> Option<Decision> {
        let written = |write| self.state.wrote.get(name(write)).copied();
        let (old, new) = (self.old_color(), self.new_color());
        // One whose fate is unknown counts as well: giving the capacity back also keeps it from landing later.
        let doubtful = |write| self.state.doubts.values().any(|doubt| doubt.intent.write == write);
        let hurt = |write| written(write).or_else(|| doubtful(write).then_some(Timestamp::MAX));
        let (color, hurt) =
            hurt(Write::Retire(old)).map(|at| (old, at)).or_else(|| hurt(Write::TakeDown(new)).map(|at| (new, at)))?;
        let Some(route) = self.view.fresh_route(self.now) else {
            return Some(self.read(On::Route));
        };
        let objects = &route.value.objects;
        let others =
            |object: &RouteObject| object.mark.as_ref().is_some_and(|mark| mark.stamp.holder != self.state.holder);
        if objects.iter().any(others) || !route.value.references(color) {
            return None;
        }
        // Where our own mark says so, it was us who routed there, after we had given the color its capacity back.
        let edited = objects.iter().find(|object| object.is_foreign() || object.mark.is_none())?;
        if written(Write::ScaleUp(color)).is_some_and(|up| up >= hurt) {
            let edit = foreign_edit(edited);
            return Some(halt(
                &format!("traffic was routed to {color} while it was scaled down, which was undone: {edit}"),
                "see whether it serves well, and who changed the route",
            ));
        }
        if self.view.fresh(color, self.now).is_none() {
            return Some(self.read(On::Color(color)));
        }
        let replicas = self.state.way_back.as_ref().map_or(self.capacity(), |way_back| way_back.serving).max(1);
        Some(self.write_with(self.stage(), Write::ScaleUp(color), None, replicas, Vec::new()))
    }
}
