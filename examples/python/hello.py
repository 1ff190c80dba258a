#!/usr/bin/env python3
"""Asks a Visavis server one typed question, and prints the response: python3 hello.py [QUESTION [ws://127.0.0.1:8080]]

The shortest client; call.py beside it also speaks, and keeps the sound. Needs the package websockets.
"""

import asyncio
import json
import sys

from websockets import connect
from websockets.exceptions import WebSocketException


async def hello(question="What is the capital of France?", server="ws://127.0.0.1:8080"):
    """The words of the response, as they are spoken."""
    words = []
    async with connect(f"{server}/ws") as socket:
        for kind, data in (("client-ready", {"version": "2.1.0"}), ("send-text", {"content": question})):
            await socket.send(json.dumps({"label": "rtvi-ai", "type": kind, "id": kind, "data": data}))
        asked = False
        async for received in socket:
            if isinstance(received, bytes):
                continue  # sound
            kind, data = (json.loads(received)[key] for key in ("type", "data"))
            asked = asked or kind == "user-llm-text"  # before that: a greeting
            if kind == "bot-tts-text" and asked:
                words.append(data["text"].strip())
            elif kind == "server-message" and data.get("end") == "finished" and words:
                break
    return " ".join(words)


if __name__ == "__main__":
    try:
        said = asyncio.run(asyncio.wait_for(hello(*sys.argv[1:3]), 120))
    except (OSError, asyncio.TimeoutError, WebSocketException) as error:
        sys.exit(f"no response: {error!r}")
    print(said or sys.exit("no response: the call ended without one"))
