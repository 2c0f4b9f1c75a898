//! What others do to the world: people, other tools, the cluster itself.

use bluegreen_core::{Color, Release, RouteState, Split};

use super::World;

/// Who edits of the route are by.
const EDITOR: &str = "kubectl-edit";

impl World {
    /// Somebody else routes to `split`, in every object of the route. Our marks stay.
    pub fn edit_route(&self, split: Split) {
        self.overwrite_route(&RouteState::Routes(split), true);
    }

    /// Somebody else takes away what tells the colors apart: every object now matches both. Our marks stay.
    pub fn remove_key(&self) {
        let what = "its selector has no color: it matches both colors";
        self.overwrite_route(&RouteState::Foreign(what.to_owned()), true);
    }

    /// Somebody else replaces every object of the route by its manifest, which routes to `color`. Our marks are gone.
    pub fn replace_route(&self, color: Color) {
        self.overwrite_route(&RouteState::Routes(Split::only(color)), false);
    }

    fn overwrite_route(&self, to: &RouteState, keep_marks: bool) {
        self.shared.change(|state| {
            for object in state.observe_route().objects {
                let mark = object.mark.filter(|_| keep_marks);
                state.set_route(&object.name, to.clone(), EDITOR, mark);
            }
        });
    }

    /// Kills all pods of `color`; new ones take their places and start.
    pub fn kill_pods(&self, color: Color) {
        self.shared.change(|state| {
            if let Some(deployment) = &mut state.slots.get_mut(color).deployment {
                deployment.pods.clear();
                state.reconcile(color);
            }
        });
    }

    /// Somebody else scales `color`, as an autoscaler would. Our stamp stays.
    pub fn scale(&self, color: Color, replicas: u32) {
        self.shared.change(|state| {
            if let Some(deployment) = &mut state.slots.get_mut(color).deployment {
                deployment.desired = replicas;
                state.reconcile(color);
            }
        });
    }

    /// Somebody else deploys `release` to `color` with `replicas`. Our stamp stays, but which release it is can't be
    /// observed any more.
    pub fn redeploy(&self, color: Color, release: Release, replicas: u32) {
        self.shared.change(|state| {
            state.set_color(color, release, replicas);
            state.made_by_hand(color);
        });
    }

    /// Somebody else deletes `color` with all its pods.
    pub fn delete(&self, color: Color) {
        self.shared.change(|state| state.slots.get_mut(color).deployment = None);
    }
}
