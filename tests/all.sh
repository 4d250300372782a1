#!/usr/bin/env bash
# Installs what the tests need, then runs all of them: two whole drills among them, one on each lab.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tests/install.sh
# What the build has left to write would slow down what is measured next.
cargo test --workspace --locked --no-run
sync
# Most of the time is waiting for real servers and real seconds, but a lab that shares two cores with too much else pages.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-2}"
cargo test --workspace --locked "$@"
