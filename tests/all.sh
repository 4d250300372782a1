#!/usr/bin/env bash
# Installs what the tests need, then runs all of them: two whole drills among them, one on each lab.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tests/install.sh
cargo test --workspace --locked "$@"
