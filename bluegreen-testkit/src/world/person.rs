//! What others do to the world: people, other tools, the cluster itself.

use std::time::Duration;

use bluegreen_core::{Color, Release, Split};

use super::World;
use super::incident::Incident;

impl World {
    /// Lets something happen now.
    pub fn happens(&self, incident: Incident) {
        self.shared.change(|state| state.happen(incident));
    }

    /// Lets something happen when the world is this old; at once if it is older.
    pub fn happens_at(&self, age: Duration, incident: Incident) {
        self.shared.change(|state| state.plan_incident(age, incident));
    }

    /// Lets something happen right after the call with this number has had its effect, and before its caller hears of
    /// it. A number that has passed changes nothing.
    pub fn happens_at_call(&self, number: u64, incident: Incident) {
        self.shared.change(|state| state.at_calls.entry(number).or_default().push(incident));
    }

    /// Somebody else routes to `split`, in every object of the route. Our marks stay.
    pub fn edit_route(&self, split: Split) {
        self.happens(Incident::EditRoute(split));
    }

    /// Somebody else takes away what tells the colors apart: every object now matches both. Our marks stay.
    pub fn remove_key(&self) {
        self.happens(Incident::RemoveKey);
    }

    /// Somebody else replaces every object of the route by its manifest, which routes to `color`. Our marks are gone.
    pub fn replace_route(&self, color: Color) {
        self.happens(Incident::ReplaceRoute(color));
    }

    /// Kills all pods of `color`; new ones take their places and start.
    pub fn kill_pods(&self, color: Color) {
        self.happens(Incident::KillPods(color));
    }

    /// Somebody else scales `color`, as an autoscaler would. Our stamp stays.
    pub fn scale(&self, color: Color, replicas: u32) {
        self.happens(Incident::Scale { color, replicas });
    }

    /// Somebody else deploys `release` to `color` with `replicas`. Our stamp stays, but which release it is can't be
    /// observed any more.
    pub fn redeploy(&self, color: Color, release: Release, replicas: u32) {
        self.happens(Incident::Redeploy { color, release, replicas });
    }

    /// Somebody else deletes `color` with all its pods.
    pub fn delete(&self, color: Color) {
        self.happens(Incident::Delete(color));
    }
}
