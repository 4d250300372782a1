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

# So many drills in which the runner, its helper, the proxy, the service, the node, Prometheus or Alertmanager is killed at a
# random moment, and as many whose runner is killed, stopped or interrupted; `GAMEDAY_CHAOS_SEED` repeats them
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

# The proxy beside HAProxy and nginx: throughput, CPU, memory, latency accuracy; or parts of it, e.g. `just bench-proxy idle`
bench-proxy *parts:
    bash tests/install.sh bench
    cargo bench -p gameday --bench proxy -- {{parts}}

# The prober beside blackbox_exporter; or parts of it, e.g. `just bench-probe exporter`
bench-probe *parts:
    bash tests/install.sh bench
    cargo bench -p gameday --bench probe -- {{parts}}

# What it takes to render the report of a long drill: time, peak memory, size; e.g. `just bench-report 500000`
bench-report *events:
    cargo bench -p gameday --bench report -- {{events}}

# The README's two regions in network namespaces: one is cut off, then healed
regions:
    cargo build -q
    unshare --user --map-root-user --net --mount --pid --fork --kill-child --mount-proc \
        env GAMEDAY=target/debug/gameday python3 tests/it/regions/two.py

# Mixed toxics at load for so many minutes: memory, descriptors and bytes
soak minutes="30":
    GAMEDAY_SOAK_MINUTES={{minutes}} cargo test --release -p gameday --test it -- --nocapture soak

# Fuzz one target for so many seconds, or all of them in turn (needs cargo-fuzz)
fuzz target="all" seconds="600":
    bash tests/fuzz/run.sh {{target}} {{seconds}}

# Take the outputs of today as what the tests expect
bless:
    UPDATE_EXPECT=1 cargo test --workspace

# What CI runs
ci:
    bash .ci/run
