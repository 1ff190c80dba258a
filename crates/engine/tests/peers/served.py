"""What the peers in Python share: the standard library's HTTP server, responses in JSON, the options --host and --port."""

import argparse
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers requests; what it serves is `self.server.served`."""

    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def head(self, status: int, kind: str, **more: str):
        """The beginning of a response; of the names of headers in `more`, an underscore stands for a hyphen."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, **more}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def reply(self, status: int, body: bytes, kind: str = "application/json"):
        self.head(status, kind, Content_Length=str(len(body)))
        self.wfile.write(body)

    def tell(self, value: dict):
        self.reply(200, json.dumps(value).encode())

    def refuse(self, status: int, why: str):
        self.reply(status, json.dumps({"error": {"message": why, "type": "invalid_request_error"}}).encode())


def options(purpose: str) -> argparse.ArgumentParser:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    return parser


def serve(handler: type[Handler], chosen: argparse.Namespace, served: object):
    """Serves until the process ends. Called when the model is loaded, so that whoever connects is answered."""
    server = ThreadingHTTPServer((chosen.host, chosen.port), handler)
    server.served = served
    print(f"listening on {chosen.host}:{chosen.port}", file=sys.stderr)
    server.serve_forever()
