# What people and CI run. `just` alone lists it.

[private]
default:
    @just --list --unsorted

# Everything that a change has to pass. Changes no file.
verify: format lint features test doc deny budget

# Formatting.
format:
    cargo fmt --all --check

# Clippy with the workspace's lints.
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# The core with each of its features alone; the lints see all of them together.
features:
    cargo check -p bluegreen-core
    cargo check -p bluegreen-core --features http
    cargo check -p bluegreen-core --features ring

# All tests that need nothing but this machine, and those on a cluster if BLUEGREEN_TEST_KUBECONFIG names one.
test:
    cargo test --workspace

# Documentation: no broken link, nothing undocumented.
doc $RUSTDOCFLAGS="-D warnings":
    cargo doc --workspace --no-deps --features bluegreen-core/ring

# Licenses, sources and unwanted crates.
deny:
    cargo deny check bans licenses sources

# What lies under the core: at most 60 crates, and no network.
budget:
    #!/usr/bin/env bash
    set -euo pipefail
    tree=$(cargo tree -p bluegreen-core -e normal --prefix none | awk 'NR > 1 { print $1, $2 }' | sort -u)
    count=$(wc -l <<<"$tree")
    echo "$count crates under bluegreen-core"
    if [ "$count" -gt 60 ]; then echo "more than 60"; exit 1; fi
    if grep -E '^(hyper|reqwest|rustls|native-tls|openssl)' <<<"$tree"; then echo "no network under the core"; exit 1; fi

# Repairs what can be repaired by itself.
fix:
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged
    cargo fmt --all

# The tests on a real cluster; CONTRIBUTING.md names the variables that they need.
e2e *ARGS:
    cargo test --workspace --test router --test environment
    cargo test --workspace --test api --test conformance -- --test-threads=4
    cargo test --workspace --test e2e -- --test-threads=4 {{ ARGS }}

# The engine's whole state space, with this many disturbances of every plan; 2 take some minutes, 3 more than anybody has waited for.
space $BLUEGREEN_ENGINE_DISTURBANCES="2":
    cargo test -p bluegreen-core --test engine_space -- --nocapture stages::

# Everything that can go wrong, with this many times as many pairs as usual, and the table of planted bugs.
explore $BLUEGREEN_EXPLORE="1":
    cargo test -p bluegreen-testkit --test explorer -- --nocapture --test-threads=1

# The peers' failures after the switch, 20 times each.
soak $BLUEGREEN_TEST_SOAK="20":
    cargo test --workspace --test e2e -- --test-threads=1 --nocapture soak::

# The promises about speed, measured on a real cluster.
bench:
    cargo bench -p bluegreen-benches
