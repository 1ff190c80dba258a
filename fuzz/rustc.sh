#!/usr/bin/env bash
# Cargo's RUSTC_WORKSPACE_WRAPPER for scripts/fuzz.sh: instruments our crates for libFuzzer and checks for
# overflow. Dependencies are built as usual; all flags are stable.
set -euo pipefail
for argument in "$@"; do
  case "$argument" in
    build_script_*) exec "$@" ;; # They are linked without libFuzzer.
  esac
done
exec "$@" \
  -C passes=sancov-module \
  -C llvm-args=-sanitizer-coverage-level=4 \
  -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
  -C llvm-args=-sanitizer-coverage-pc-table \
  -C llvm-args=-sanitizer-coverage-trace-compares \
  -C overflow-checks=on
