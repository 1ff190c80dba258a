"""faster-whisper behind OpenAI's transcription API: a peer for tests of the adapter `stt.api = "openai"`.

GET /v1/models, and POST /v1/audio/transcriptions with the fields file, model, language, prompt, temperature and response_format.
"""

import email
import io
from pathlib import Path
from typing import NamedTuple

from faster_whisper import WhisperModel

import served

FIGURES = ("id", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio", "no_speech_prob")


class Named(NamedTuple):
    """A model and what it is called here."""

    name: str
    model: WhisperModel


def fields(kind: str, body: bytes) -> dict[str, bytes]:
    """The parts of a form by their names."""
    form = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    parts = form.get_payload() if form.is_multipart() else []
    return {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in parts}


def transcribe(model: WhisperModel, sound: bytes, form: dict[str, str]) -> dict:
    """The response to a form. Raises ValueError with what is wrong in it."""
    languages = model.supported_languages
    if (language := form.get("language")) not in (None, *languages):
        raise ValueError(f"the language {language!r} is not known; known are {', '.join(languages)}")
    if (wanted := form.get("response_format", "json")) not in ("json", "verbose_json"):
        raise ValueError(f"response_format is {wanted!r}; there are json and verbose_json")
    temperature = float(form.get("temperature", 0))
    segments, info = model.transcribe(
        io.BytesIO(sound), language=language, temperature=temperature, initial_prompt=form.get("prompt")
    )
    heard = [{figure: getattr(segment, figure) for figure in FIGURES} for segment in segments]
    words = {"text": "".join(segment["text"] for segment in heard).strip()}
    if wanted == "json":
        return words
    told = {"language": info.language, "language_probability": info.language_probability, "duration": info.duration}
    return words | told | {"segments": heard}


class Handler(served.Handler):
    def do_GET(self):
        if self.path != "/v1/models":
            return self.refuse(404, "Not Found")
        self.tell({"object": "list", "data": [{"id": self.server.served.name, "object": "model"}]})

    def do_POST(self):
        form = fields(self.headers.get("Content-Type", ""), self.body())
        if self.path != "/v1/audio/transcriptions":
            return self.refuse(404, "Not Found")
        if (sound := form.pop("file", None)) is None:
            return self.refuse(400, "there is no field 'file'")
        text = {name: value.decode() for name, value in form.items()}
        name, model = self.server.served
        if text.get("model") != name:
            return self.refuse(404, f"the model {text.get('model')!r} is not here; there is {name!r}")
        try:
            self.tell(transcribe(model, sound, text))
        except ValueError as fault:
            self.refuse(400, str(fault))


if __name__ == "__main__":
    parser = served.options(__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a CTranslate2 model")
    parser.add_argument("--name", required=True, help="what the model is called here")
    chosen = parser.parse_args()
    model = WhisperModel(str(chosen.model), device="cpu", compute_type="int8", cpu_threads=2)
    served.serve(Handler, chosen, Named(chosen.name, model))
