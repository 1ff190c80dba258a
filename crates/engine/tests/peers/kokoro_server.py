"""Kokoro behind OpenAI's speech API, by kokoro-onnx: a peer for tests of the adapter `tts.api = "openai"`.

GET /v1/audio/voices, and POST /v1/audio/speech with the fields input, voice, speed and response_format: `pcm`, sent sentence by
sentence as it is made, or `wav`. A voice may be a mix, such as af_heart(2)+am_michael. The voices lie beside the model.
"""

import io
import json
import re
import select
import socket
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from kokoro_onnx import Kokoro

import served

RATE = 24000
# Kokoro's voices say by their first letter how espeak-ng reads for them.
TONGUES = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}


class Speakers(NamedTuple):
    """Kokoro's network, and the style of each voice."""

    kokoro: Kokoro
    styles: dict[str, np.ndarray]

    def mixed(self, mix: str) -> np.ndarray:
        """The style of a voice, or of a mix of voices with weights."""
        style, total = 0, 0
        for part in mix.split("+"):
            voice, _, weight = part.strip().rstrip(")").partition("(")
            if voice not in self.styles:
                raise ValueError(f"the voice {voice!r} is not here; there are {', '.join(self.styles)}")
            style, total = style + float(weight or 1) * self.styles[voice], total + float(weight or 1)
        return style / total


class Handler(served.Handler):
    def do_GET(self):
        if self.path != "/v1/audio/voices":
            return self.refuse(404, "Not Found")
        self.tell({"voices": list(self.server.served.styles)})

    def do_POST(self):
        asked = json.loads(self.body() or b"{}")
        if self.path != "/v1/audio/speech":
            return self.refuse(404, "Not Found")
        try:
            if not asked.get("input", "").strip():
                raise ValueError("input: there is nothing to say")
            if (wanted := asked.get("response_format", "wav")) not in ("pcm", "wav"):
                raise ValueError(f"response_format is {wanted!r}; there are pcm and wav")
            voice = asked.get("voice", "af_heart")
            style = self.server.served.mixed(voice)
            tongue = TONGUES.get(voice[0], "en-us")
            samples = self.samples(asked["input"].strip(), style, tongue, asked.get("speed", 1.0))
            self.stream(samples) if wanted == "pcm" else self.file(b"".join(samples))
        except ValueError as fault:
            self.refuse(400, str(fault))
        except ConnectionError as gone:
            print(f"the client has gone: {gone}", file=sys.stderr)
            self.close_connection = True

    def samples(self, text: str, style: np.ndarray, tongue: str, speed: float) -> Iterator[bytes]:
        """The samples of each sentence, as long as the client is there."""
        sentences = re.split(r"(?<=[.!?])\s+", text)
        for count, sentence in enumerate(sentences):
            # A connection that its client has closed is readable, and there is nothing in it.
            if select.select([self.connection], [], [], 0)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionAbortedError(f"{count} of {len(sentences)} sentences were spoken")
            sound, _ = self.server.served.kokoro.create(sentence, voice=style, speed=speed, lang=tongue)
            yield (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
        print(f"all {len(sentences)} sentences were spoken", file=sys.stderr)

    def stream(self, samples: Iterator[bytes]):
        self.head(200, "audio/pcm", Transfer_Encoding="chunked")
        for piece in samples:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def file(self, samples: bytes):
        whole = io.BytesIO()
        with wave.open(whole, "wb") as wav:
            wav.setparams((1, 2, RATE, 0, "NONE", ""))
            wav.writeframes(samples)
        self.reply(200, whole.getvalue(), "audio/wav")


if __name__ == "__main__":
    parser = served.options(__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="Kokoro's .onnx file")
    chosen = parser.parse_args()
    files = sorted(chosen.model.parent.glob("*.bin"))
    styles = {file.stem: np.fromfile(file, np.float32).reshape(-1, 1, 256) for file in files}
    with tempfile.NamedTemporaryFile(suffix=".npz") as together:
        np.savez(together, **styles)
        together.flush()
        kokoro = Kokoro(str(chosen.model), together.name)
    served.serve(Handler, chosen, Speakers(kokoro, styles))
