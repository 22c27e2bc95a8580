#!/usr/bin/env bash
# Runs fuzz targets from their committed seeds, two at a time: fuzz/run.sh [SECONDS [TARGET ...]]
# Without targets it runs all. The code under test is free of `unsafe`, so no sanitizer slows it down;
# debug assertions and overflow checks are on. Findings go to fuzz/artifacts. FUZZ_SEED makes runs alike; 0, the default,
# does not. FUZZ_RUNS ends a target after so many executions, so that a faster machine does not see more than another.
set -euo pipefail
cd "$(dirname "$0")"
export SECONDS_EACH="${1:-10}"
shift || true
cargo fuzz build --fuzz-dir . --sanitizer none
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo fuzz list --fuzz-dir .)

fuzz() {
    mkdir -p "corpus/$1" "artifacts/$1" "seeds/$1"
    if log=$("${CARGO_TARGET_DIR:-target}"/x86_64-unknown-linux-gnu/release/"$1" "corpus/$1" "seeds/$1" -artifact_prefix="artifacts/$1/" \
        -max_total_time="$SECONDS_EACH" -runs="${FUZZ_RUNS:--1}" -seed="${FUZZ_SEED:-0}" -max_len=16384 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 2>&1); then
        echo "$1: clean, $(grep -o 'number_of_executed_units: .*' <<<"$log")"
    else
        printf '%s: FAILED\n%s\n%s\n' "$1" "$(grep -a -A 3 'panicked at' <<<"$log" | cut -c -4000)" "$(tail -n 30 <<<"$log")"
        return 1
    fi
}
export -f fuzz
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'fuzz {}'
