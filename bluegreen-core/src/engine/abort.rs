//! Ending before traffic moved.

use super::decision::{Activity, Decision};
use super::thinking::Thinking;
use crate::record::{Check, End, Ending, Event, On, Write};
use crate::stage::Stage;

const STAGE: Stage = Stage::Abort;

impl Thinking<'_> {
    pub(super) fn abort(self, reason: &str) -> Decision {
        let state = self.state;
        if let Some(object) = self.doubtful_route_object() {
            // Whether a switch landed is certain only once nothing older can land.
            return self.write_with(STAGE, Write::SealRoute, Some(object), 0, Vec::new());
        }
        if state.traffic_sent {
            let Some(route) = self.view.fresh_route(self.now) else {
                return self.read(On::Route);
            };
            if route.value.references(self.new_color()) {
                let ending = Ending::RollBack { reason: reason.to_owned(), forced: false };
                return self.record(vec![Event::Decided(ending)]);
            }
        }
        let touched = state.wrote.contains_key("deploy") || state.deploys > 0 || self.tried_to_deploy();
        if touched {
            if !state.has_passed(Check::Evidence) && state.failed.is_some() {
                return self.run(STAGE, Activity::Diagnose(self.new_color()), None);
            }
            if let Err(decision) = self.take_down(STAGE, self.new_color(), Write::TakeDown(self.new_color())) {
                return decision;
            }
        }
        let told = state.wrote.contains_key("take_down") && !self.was_down_already(self.new_color());
        if let Some(release) = self.release_route(STAGE, told) {
            return release;
        }
        self.finish(STAGE, End::Aborted { reason: reason.to_owned() })
    }

    /// Whether a deployment was sent whose fate is unknown, by this process or, after a recovery, by another.
    fn tried_to_deploy(self) -> bool {
        let doubt = self.state.doubts.values().any(|doubt| doubt.intent.write == Write::Deploy(self.new_color()));
        doubt || self.state.is_recovered()
    }
}
