//! HTTP and TCP probes.
