#!/usr/bin/env python3
"""A tool of the agent as a web server: tells the state of an order. Needs only Python.

    python3 orders.py [port]                            # 127.0.0.1:8090 by default
    visavis serve --config visavis.toml                 # with the visavis.toml beside this file, which names the tool

The server sends POST {"call", "id", "name", "arguments"}; the agent speaks of the text in the response.
"""

import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = os.environ.get("ORDERS_TOKEN", "change-me")  # as in the headers of visavis.toml
LONGEST = 64 * 1024
ORDERS = {"42": "is on its way and arrives tomorrow", "43": "waits for its payment"}


def order_status(arguments):
    # The model wrote the arguments: they follow the schema, but may still be nonsense.
    number = "".join(c for c in str(arguments.get("number", "")) if c.isdigit())
    state = ORDERS.get(number, "is not known")
    return f"Order {number or 'without a number'} {state}."


TOOLS = {"order_status": order_status}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), f"Bearer {TOKEN}".encode()):
            return self.answer(401, "The token is wrong.")
        try:
            length = min(int(self.headers.get("Content-Length", 0)), LONGEST)
            asked = json.loads(self.rfile.read(length))
            told = TOOLS[asked["name"]](dict(asked["arguments"]))
        except (ValueError, KeyError, TypeError) as error:
            return self.answer(400, f"This is not a tool call: {error!r}")
        print(asked["name"], json.dumps(asked["arguments"]), told, flush=True)
        return self.answer(200, told)

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8090
    print(f"tools at http://127.0.0.1:{port}", file=sys.stderr)
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
