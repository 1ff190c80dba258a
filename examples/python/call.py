#!/usr/bin/env python3
"""Asks a Visavis server one question over its WebSocket (docs/protocol.md), prints the response and saves its sound.

    python3 call.py "What is the capital of France?" [heard.wav [ws://127.0.0.1:8080]]
    python3 call.py question.wav [heard.wav [ws://127.0.0.1:8080]]

Needs the package websockets, 10 or newer (Debian: python3-websockets).
"""

import asyncio
import contextlib
import itertools
import json
import struct
import sys
import wave

from websockets import connect
from websockets.exceptions import ConnectionClosed, WebSocketException


RATES = (8000, 16000, 24000, 44100, 48000)  # that a client may send


class Failure(Exception):
    """Why there is no answer, for the person who asked."""


def message(kind, data):
    return json.dumps({"label": "rtvi-ai", "type": kind, "id": kind, "data": data})


async def speak(socket, rate, samples):
    """Sends 20 ms of sound every 20 ms, then silence, as a microphone does."""
    clock, size = asyncio.get_running_loop().time, rate // 50 * 2
    began = clock()
    with contextlib.suppress(ConnectionClosed):
        for n in itertools.count():
            header = struct.pack("<BBHII", 1, 1, n % 2**16, n * 960 % 2**32, 0)
            await socket.send(header + samples[n * size : (n + 1) * size].ljust(size, b"\0"))
            await asyncio.sleep(began + (n + 1) * 0.02 - clock())


async def listen(socket, heard):
    """Receives until a response to the question has been spoken."""
    asked = False
    async for received in socket:
        if isinstance(received, bytes):
            heard += received[12:]
            continue
        kind, data = (json.loads(received)[key] for key in ("type", "data"))
        if kind == "user-llm-text" or (kind == "user-transcription" and data["final"]):
            asked = True
            print("you:", data["text"])
        elif kind == "bot-tts-text":
            print("agent:", data["text"].strip())
        elif kind in ("error", "error-response"):
            raise Failure(f"the server says: {data['error']}")
        elif kind == "server-message" and data["type"] in ("notice", "call-ended"):
            print(data["message"], file=sys.stderr)
        elif kind == "server-message" and data["type"] == "turn" and data["end"] == "finished" and asked:
            return
    raise Failure("the call ended before the question was answered")


def read(path):
    try:
        with wave.open(path) as file:
            rate, samples = file.getframerate(), file.readframes(file.getnframes())
            kind = (file.getnchannels(), file.getsampwidth())
    except (wave.Error, EOFError) as error:
        raise Failure(f"{path} is not a WAV file: {error}") from error
    if kind != (1, 2) or rate not in RATES:
        raise Failure(f"{path}: {rate} Hz; it must be 16-bit mono of one of {RATES} Hz")
    return rate, samples


async def call(question, out="heard.wav", server="ws://127.0.0.1:8080"):
    heard, rate, samples = bytearray(), 16000, None
    if question.endswith(".wav"):
        rate, samples = read(question)
    async with connect(f"{server}/ws?rate={rate}") as socket:
        await socket.send(message("client-ready", {"version": "2.1.0"}))
        if samples is None:
            await socket.send(message("send-text", {"content": question}))
        else:
            microphone = asyncio.create_task(speak(socket, rate, samples))
        await asyncio.wait_for(listen(socket, heard), 120)
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(heard)
    print(f"{len(heard) / 32000:.1f} s of sound in {out}")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    try:
        asyncio.run(call(*sys.argv[1:]))
    except asyncio.TimeoutError:
        sys.exit("no answer in time")
    except (Failure, OSError, WebSocketException) as error:
        sys.exit(f"no answer: {error}")
