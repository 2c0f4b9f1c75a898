//! Tests of blue-green rollouts in milliseconds.
