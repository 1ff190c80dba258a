#!/usr/bin/env bash
# Cargo's RUSTC_WORKSPACE_WRAPPER for scripts/fuzz.sh: our crates with what libFuzzer looks at, and with checks of
# overflow. Dependencies are those of an ordinary build; all flags are of the stable compiler.
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
