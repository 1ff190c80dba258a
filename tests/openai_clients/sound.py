#!/usr/bin/env python3
"""Has a Visavis server speak, transcribe and translate by OpenAI's own client, unchanged.

    python3 sound.py http://127.0.0.1:8080/v1 VOICE question.wav
"""

import io
import sys
import wave

import openai

TEXT = "The quick brown fox jumps over the lazy dog. It does so every day."


def speech(client, voice, _file):
    asked = {"model": "tts-1", "voice": voice, "input": TEXT}
    grown, whole = (client.audio.speech.create(**asked, response_format="wav").read() for _ in range(2))
    assert grown[44:] == whole[44:], "the tail was lost"
    # A file that is sent while it is spoken cannot tell its length; one that is kept does.
    with wave.open(io.BytesIO(whole)) as sound:
        assert 2 * sound.getnframes() == len(whole) - 44, sound.getnframes()
        seconds = sound.getnframes() / sound.getframerate()
    assert 2 < seconds < 12, seconds
    with client.audio.speech.with_streaming_response.create(**asked, response_format="pcm") as response:
        streamed = b"".join(response.iter_bytes())
    assert streamed == client.audio.speech.create(**asked, response_format="pcm").read(), "the tail was lost"
    for kind, begins in [("mp3", (b"ID3", b"\xff")), ("opus", (b"OggS",)), ("flac", (b"fLaC",)), ("aac", (b"\xff",))]:
        sound = client.audio.speech.create(**asked, response_format=kind).read()
        assert sound.startswith(begins), (kind, sound[:8])


def transcription(client, _voice, file):
    def ask(**more):
        with open(file, "rb") as sound:
            return client.audio.transcriptions.create(model="whisper-1", file=sound, **more)

    assert "capital" in ask().text.lower()
    assert "-->" in ask(response_format="srt")
    assert ask(response_format="vtt").startswith("WEBVTT")
    words = ask(response_format="verbose_json", timestamp_granularities=["word"]).words
    assert words and all(word.start <= word.end for word in words), words
    events = list(ask(stream=True))
    assert "capital" in events[-1].text.lower(), events


def translation(client, _voice, file):
    with open(file, "rb") as sound:
        assert "capital" in client.audio.translations.create(model="whisper-1", file=sound).text.lower()


def main():
    url, voice, file = sys.argv[1:]
    client = openai.OpenAI(base_url=url, api_key="none is needed", timeout=120)
    for check in (speech, transcription, translation):
        check(client, voice, file)
        print("ok", check.__name__, flush=True)


if __name__ == "__main__":
    main()
