#!/usr/bin/env bash
# Builds and runs the benchmark with a heap that keeps its pages (glibc): without this, a peer that
# allocates a large buffer per call is timed mostly on page faults, and by what ran before it.
set -euo pipefail
cd "$(dirname "$0")"
cargo build --release
exec env MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8589934592 ./target/release/fluvial-peers "$@"
