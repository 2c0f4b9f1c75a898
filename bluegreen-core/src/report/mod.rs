//! What people read of a rollout, made from its journal alone.
