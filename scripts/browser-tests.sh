#!/usr/bin/env bash
# Starts a server on free ports with real models, and drives the page /call in Chromium. Called by ./test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

results=${VISAVIS_RESULTS:-$PWD/test-results}
mkdir -p "$results"
visavis=target/release/visavis
# Below the ports that the kernel picks: one of those may be taken by any other socket before the server binds it.
port=$(python3 - <<'EOT'
import random
import socket

while True:
    address = ("127.0.0.1", random.randrange(20_000, 32_000))
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(address)
        print(address[1])
        break
    except OSError:
        pass
EOT
)
url=http://127.0.0.1:$port

export VISAVIS_QUESTION_TEXT='What is the capital of France?'
# A fixed recording: a voice speaks differently each time, and sometimes unintelligibly.
export VISAVIS_QUESTION_WAV=$PWD/tests/browser/question.wav

cat >"$results/transcribe" <<EOT
#!/usr/bin/env bash
exec "$PWD/$visavis" transcribe --language en "\$1"
EOT
chmod +x "$results/transcribe"

# What it keeps is its own: not the user's, nor that of an earlier run.
data=$(mktemp -d)
XDG_DATA_HOME=$data "$visavis" serve --listen "127.0.0.1:$port" --udp "127.0.0.1:$port" --set store.enabled=false >"$results/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 120); do
  curl -sf "$url/ready" >/dev/null && break
  kill -0 "$server" 2>/dev/null || { cat "$results/server.log" >&2; echo "the server did not start" >&2; exit 1; }
  sleep 0.5
done

target/release/test_pipeline --server "$url"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
VISAVIS_URL=$url VISAVIS_RESULTS=$results VISAVIS_TRANSCRIBE=$results/transcribe VISAVIS_CHROMIUM=$chromium \
  npm --prefix tests/browser test
