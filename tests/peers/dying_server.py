"""A server with the OpenAI API for tests: a language model, a voice and a recogniser. It kills its own process with SIGKILL at a
given moment of a request, so that nothing of it is left to close a connection in order.

It prints its port, and ends with its standard input. It needs the standard library alone.

    python3 dying_server.py --die request
"""

import argparse
import json
import os
import signal
import socket
import sys
import threading
import time

# Samples per second of the voice, and the seconds of a word.
RATE = 24_000
WORD = 0.3
# A square wave of 200 Hz.
TONE = b"".join((8000 if at // 60 % 2 == 0 else -8000).to_bytes(2, "little", signed=True) for at in range(int(RATE * WORD)))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--die",
        default="never",
        metavar="MOMENT",
        help="never; request: before the first byte of the response; headers: behind its headers; N: behind its N-th piece",
    )
    parser.add_argument("--on", default="", metavar="TEXT", help="only at requests that hold this text")
    parser.add_argument("--after", type=int, default=0, metavar="N", help="serve so many of these requests before")
    parser.add_argument("--port", type=int, default=0, metavar="PORT", help="listen there; 0: on a free one")
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="pause before death")
    parser.add_argument("--first", type=float, default=0, metavar="SECONDS", help="pause before the first byte of a response")
    parser.add_argument("--says", default="The harbour is quiet tonight.", metavar="TEXT", help="what the language model says")
    return parser.parse_args()


class Server:
    def __init__(self, options):
        self.options = options
        self.spared = options.after
        self.lock = threading.Lock()

    def moment(self, body):
        """When to die at this request."""
        with self.lock:
            if self.options.die == "never" or self.options.on.encode() not in body:
                return None
            self.spared -= 1
            return self.options.die if self.spared < 0 else None

    def connection(self, stream):
        """Serves requests until the client closes the connection."""
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with stream, stream.makefile("rb") as reader:
                while line := reader.readline():
                    method, path, _ = line.decode().split()
                    length = 0
                    while header := reader.readline().strip():
                        name, _, value = header.partition(b":")
                        if name.lower() == b"content-length":
                            length = int(value)
                    self.request(stream, f"{method} {path}", reader.read(length))
        except OSError:
            # The client may close the connection in the middle of a response.
            pass

    def request(self, stream, asked, body):
        match asked:
            case "GET /v1/models":
                send_json(stream, 200, {"object": "list", "data": [{"id": "small", "object": "model"}]})
            case "GET /v1/audio/voices":
                send_json(stream, 200, {"voices": ["joe"]})
            case "POST /v1/chat/completions":
                self.respond(stream, body, "text/event-stream", events(self.options.says))
            case "POST /v1/audio/speech":
                self.respond(stream, body, "audio/pcm", [TONE for _ in json.loads(body)["input"].split()])
            case "POST /v1/audio/transcriptions":
                self.respond(stream, body, "application/json", transcript(body))
            case _:
                send_json(stream, 404, {"error": {"message": f"there is no {asked}"}})

    def respond(self, stream, body, kind, pieces):
        """Sends a response in pieces, or dies."""
        moment = self.moment(body)
        if moment == "request":
            self.die()
        time.sleep(self.options.first)
        stream.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        if moment == "headers":
            self.die()
        for number, piece in enumerate(pieces, 1):
            stream.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            if moment == str(number):
                self.die()
        stream.sendall(b"0\r\n\r\n")

    def die(self):
        time.sleep(self.options.wait)
        os.kill(os.getpid(), signal.SIGKILL)
        # Nothing more may be sent, however late the signal comes.
        while True:
            time.sleep(60)


def send_json(stream, status, value):
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    stream.sendall(head.encode() + body)


def events(text):
    """A response as chat endpoints stream it: the role, each word, the end."""

    def event(delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n".encode()

    words = text.split(" ")
    spaced = [f"{word} " for word in words[:-1]] + words[-1:]
    last = event({}, "stop") + b"data: [DONE]\n\n"
    return [event({"role": "assistant"}), *(event({"content": word}) for word in spaced), last]


def transcript(body):
    """How much sound was heard, in words, in two pieces of JSON."""
    wav = body.index(b"RIFF")
    samples = int.from_bytes(body[wav + 40 : wav + 44], "little") // 2
    told = json.dumps({"text": f"I heard {samples} samples.", "language": "english"}).encode()
    return [told[:12], told[12:]]


def accept(listener, server):
    while True:
        stream, _ = listener.accept()
        threading.Thread(target=server.connection, args=(stream,), daemon=True).start()


def main():
    server = Server(arguments())
    listener = socket.create_server(("127.0.0.1", server.options.port))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=accept, args=(listener, server), daemon=True).start()
    sys.stdin.buffer.read()
    os._exit(0)


main()
