#!/usr/bin/env bash
# Tests of whole networks, in network namespaces with NAT. See scripts/network-tests.sh --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'EOT'
Usage: scripts/network-tests.sh [--no-install] [TEST]

Calls a server from Chromium through NAT and firewalls that the tests make in network namespaces of their own, with the server's relay, with
coturn and without either; all tests, or those whose names contain TEST, such as 'coturn, where UDP is blocked'. They need root, and in a
container --privileged; elsewhere they are skipped with a word. What is missing is installed and built, as by ./test; with VISAVIS_BINARY that
server is tested, and nothing is built. The times are in test-results/namespaces.txt.
EOT
}

. scripts/setup.sh
read_arguments network-tests "$@"
packages=("${BUILD_PACKAGES[@]}" chromium coturn iproute2 nftables openssl)
command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs npm)
install_packages "${packages[@]}"
install_pip
if [ -z "${VISAVIS_BINARY:-}" ]; then
  install_rust
  build
  export VISAVIS_BINARY=$PWD/target/release/visavis
fi
say "models"
"$VISAVIS_BINARY" models fetch --profile tiny || fail "the models could not be fetched; see above"
(cd tests/browser && npm ci --no-audit --no-fund --loglevel=error) || fail "the Node packages of tests/browser could not be installed"

export VISAVIS_RESULTS=${VISAVIS_RESULTS:-$PWD/test-results}
VISAVIS_CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
export VISAVIS_CHROMIUM
mkdir -p "$VISAVIS_RESULTS"
report=$VISAVIS_RESULTS/namespaces.txt
: >"$report"

# Tests that are killed cannot remove their namespaces.
[ "$(id -u)" -ne 0 ] || trap 'node tests/namespaces/sweep.js' EXIT
say "tests of whole networks"
failed=
options=(--test --test-concurrency=1 --test-reporter=spec)
# A pattern would be a regular expression: what has a meaning there stands for itself.
[ -z "$only" ] || options+=(--test-name-pattern "$(sed 's/[][\\.*^$()+?{}|/]/\\&/g' <<<"$only")")
node "${options[@]}" tests/namespaces/*.test.js || failed=1
say "by which way calls went, and in which time"
cat "$report"
[ -z "$failed" ] || fail "a test of networks failed; see above and $VISAVIS_RESULTS"
