//! Where journals are kept.
