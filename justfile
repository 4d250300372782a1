# What can be done here; `just` alone lists it.
default:
    @just --list

# Build the binary for use
build:
    cargo build --release

# Install what the tests need and run all of them
test:
    bash tests/all.sh

# Run the tests of the real binary alone, e.g. `just it safety`
it *filter:
    cargo test -p gameday --test it -- {{filter}}

# Twenty drills whose runner is killed, stopped or interrupted at a random moment
chaos drills="20":
    GAMEDAY_CHAOS_DRILLS={{drills}} cargo test -p gameday --test it -- --nocapture random

# Format and lint
fmt:
    cargo fmt --all

lint:
    cargo clippy --workspace --all-targets -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Every problem of the files we ship
check:
    cargo run -q -- check scenarios probes

# A whole drill on embedded defaults
demo:
    cargo run --release -- run scenarios/db-latency.toml --lab embedded

# A drill of a scenario of this repository, e.g. `just drill db-latency`
drill name:
    cargo run --release -- run scenarios/{{name}}.toml

# The proxy's latency accuracy and throughput, as ratios against tokio's copy_bidirectional
bench-proxy:
    cargo bench -p gameday-proxy --bench proxy

# Take the outputs of today as what the tests expect
bless:
    UPDATE_EXPECT=1 cargo test --workspace

# What CI runs
ci:
    bash .ci/run
