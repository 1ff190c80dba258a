#!/usr/bin/env bash
# Long runs of the fuzz targets, guided by coverage. See scripts/fuzz.sh --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'EOT'
Usage: scripts/fuzz.sh [--seconds N] [TARGET …]
       scripts/fuzz.sh --list

Runs each target (default: all, one after the other) for N seconds (default: 600) with libFuzzer, which mutates the seeds in
fuzz/corpus/TARGET/ towards code that was not reached yet. Overflow is a finding, and an input that takes
5 s or makes the process larger than 1 GiB as well.

  fuzz/findings/TARGET/   inputs that found something (not committed)
  fuzz/grown/TARGET/      inputs that reached something new, for the next run (not committed)

To try a finding again, copy it to fuzz/corpus/TARGET/ under a name that says what it is; the target's ordinary test then
tries it first, and says which test that is when it fails. Commit it with the fix.

Needs a C++ compiler for libFuzzer, and no nightly Rust. One processor is used at a time, with the lowest priority.
EOT
}

# Each target as "name file test": a fuzz_tests.rs says `fn TEST` and then `visavis_fuzz::run("NAME"`.
targets() {
  find src crates engines -name fuzz_tests.rs -print0 | xargs -0 awk '
    /^fn / { test = $2; sub(/\(.*/, "", test) }
    match($0, /visavis_fuzz::run\("[a-z0-9_]+"/) {
      name = substr($0, RSTART, RLENGTH); gsub(/.*\("|"/, "", name); print name, FILENAME, test
    }' | sort
}

# package FILE: the package that the file belongs to.
package() {
  sed -n 's/^name = "\(.*\)"/\1/p' "${1%%src/*}Cargo.toml" | head -n 1
}

# build FILE …: the test programs that hold these targets, all in one build, so that it has the features of an ordinary one.
build() {
  local file selected=() library=() messages
  for file in "$@"; do
    selected+=(-p "$(package "$file")")
    if [ -f "${file%%src/*}src/lib.rs" ]; then library=(--lib); else selected+=(--bin "$(package "$file")"); fi
  done
  messages=$(RUSTC_WORKSPACE_WRAPPER="$PWD/fuzz/rustc.sh" cargo test --release --locked --no-run \
    --message-format=json-render-diagnostics "${selected[@]}" "${library[@]}" --features visavis-fuzz/coverage)
  grep -o '"executable":"[^"]*"' <<<"$messages" | cut -d '"' -f 4
}

seconds=600
names=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds="${2:?--seconds needs a number}"; shift ;;
    --list) targets | cut -d ' ' -f 1; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "fuzz: unknown argument '$1'; see scripts/fuzz.sh --help" >&2; exit 2 ;;
    *) names+=("$1") ;;
  esac
  shift
done
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(targets | cut -d ' ' -f 1)

lines=()
for name in "${names[@]}"; do
  line=$(targets | grep "^$name ") || { echo "fuzz: no target '$name'; see scripts/fuzz.sh --list" >&2; exit 2; }
  lines+=("$line")
done
mapfile -t files < <(printf '%s\n' "${lines[@]}" | cut -d ' ' -f 2)
programs=$(build "${files[@]}")

failed=()
for line in "${lines[@]}"; do
  read -r name file test <<<"$line"
  crate=$(package "$file")
  program=$(grep "/${crate//-/_}-[0-9a-f]*$" <<<"$programs")
  module=${file#*src/}
  module=${module%.rs}
  echo "fuzz: $name for $seconds s"
  VISAVIS_FUZZ_SECONDS="$seconds" nice -n 19 "$program" --exact "${module//\//::}::$test" --nocapture --test-threads 1 ||
    failed+=("$name")
done
[ ${#failed[@]} -eq 0 ] || { echo "fuzz: findings of ${failed[*]} lie in fuzz/findings/" >&2; exit 1; }
echo "fuzz: nothing found"
