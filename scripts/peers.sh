#!/usr/bin/env bash
# Tests of adapters against peers that are too large for ./test. See scripts/peers.sh --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'EOT'
Usage: scripts/peers.sh [--no-install] [TEST]

Installs llama-cpp-python's server, and runs the tests of the chat adapter and of whole calls against it, or those of them whose names
contain TEST. It comes as source alone and is compiled, once, for 4 to 20 minutes on two cores. It then lies in
~/.cache/visavis/peers/llama-cpp. The models of the profiles `cpu`, `tiny` and `voices` must be there: ./test fetches them.
EOT
}

. scripts/setup.sh
read_arguments peers "$@"
install_packages "${BUILD_PACKAGES[@]}"
install_rust
install_pip
install_peer llama-cpp 'llama-cpp-python[server]==0.3.36'

# A call needs the engines beside the server.
build
# One after the other: some of them measure the server's processor time.
say "tests against llama-cpp-python"
cargo test --release --locked --workspace --test peers --test peer_calls -- --ignored --test-threads 1 "${only:-llama_cpp}" ||
  fail "a test against llama-cpp-python failed; see above"
