//! Benchmarks; see the `benches` of this package.
