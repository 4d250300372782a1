#!/usr/bin/env bash
# Fuzzes one target, or all in turn, for so many seconds each. What is found stays in tests/fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")"
command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 1; }
# The sanitizers want what only a nightly compiler has, or a stable one that is told to.
toolchain=+nightly
cargo +nightly --version >/dev/null 2>&1 || { toolchain=; export RUSTC_BOOTSTRAP=1; }
all=$(sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | tail -n +2)
[ "$1" = all ] && targets=$all || targets=$1
for target in $targets; do
    # What is new goes to a folder of its own, so that the corpus that is kept stays small.
    mkdir -p "target/corpus/$target"
    echo "fuzzing $target for $2 seconds"
    cargo $toolchain fuzz run --fuzz-dir . "$target" "target/corpus/$target" "corpus/$target" -- \
        -max_total_time="$2" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 -verbosity=0
done
