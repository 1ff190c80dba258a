#!/usr/bin/env python3
"""How far a voice's word times are from those of a forced aligner. See --help."""

import argparse
import json
import re
import statistics
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

USAGE = """\
Compares the word times in the folder that `bench voices --keep FOLDER` wrote with a forced alignment by PocketSphinx,
which never sees them: for each voice the median, the 90th percentile and the share within 50 and 100 ms of the
differences at the starts and at the ends of words, how much later than the aligner the voice says they are (median, with
its sign), and the words that differ most.

English only: the package has no acoustic model of another language. Folders of voices whose sentences are not English
are skipped by name, see --voice. A sentence with a word that the dictionary lacks is skipped and named, unless --say gives
its pronunciation.

PocketSphinx counts in steps of 10 ms. Against espeak-ng's own word events (the 20 English sentences of `bench voices`, 185
words, spoken by espeak-ng) its starts were off by 10 ms (median) and 46 ms (90th percentile), with no lean either way.

Set-up:  python3 -m pip install --no-deps --target DIR pocketsphinx==5.1.1
Use:     bench voices --only hear --language en --keep kept
         PYTHONPATH=DIR scripts/align-voices.py kept

Exit code: 0 when each voice's median over starts and ends is within --limit, 1 when one's is not, 2 for anything else."""

# Seconds of one step of the aligner.
STEP = 0.01
# What the aligner puts between words.
FILLERS = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+|\(NULL\)")
# Names of Kokoro's voices in English, and of Piper's.
ENGLISH = re.compile(r"[ab][fm]_|en_")


class Skipped(Exception):
    """Why a sentence is not compared."""


@dataclass
class Difference:
    """A word's times, in seconds, by the voice and by the aligner."""

    sentence: str
    word: str
    voice: tuple[float, float]
    aligner: tuple[float, float]

    def at(self, side):
        """How much later the voice says that it starts (0) or ends (1), in ms."""
        return (self.voice[side] - self.aligner[side]) * 1000

    def worst(self):
        return max(abs(self.at(0)), abs(self.at(1)))


class Aligner:
    """PocketSphinx with its own English model and dictionary, for sound of one sample rate."""

    def __init__(self, rate, pronunciations):
        from pocketsphinx import Decoder

        # It scales its filters to the rate, so that nothing has to be resampled. The words are known, so that a wide search
        # is cheap; the ordinary one finds no path through one sentence in three.
        wide = {"beam": 1e-100, "pbeam": 1e-100, "wbeam": 1e-80}
        self.decoder = Decoder(lm=None, bestpath=False, samprate=rate, loglevel="FATAL", **wide)
        for word, phones in pronunciations:
            self.decoder.add_word(word, phones, True)

    def align(self, words, sound):
        """The start and end of each word in seconds."""
        unknown = [word for word in words if self.decoder.lookup_word(word) is None]
        if unknown:
            raise Skipped("not in the dictionary: " + ", ".join(unknown))
        self.decoder.set_align_text(" ".join(words))
        self._hear(sound)
        if self.decoder.hyp() is None:
            raise Skipped("the aligner found no path through it")
        # The second pass lays the phones, with the pauses of the first one.
        self.decoder.set_alignment()
        self._hear(sound)
        found = []
        for entry in self.decoder.get_alignment():
            if not FILLERS.fullmatch(entry.name):
                name = re.sub(r"\(\d+\)$", "", entry.name)
                found.append((name, entry.start * STEP, (entry.start + entry.duration) * STEP))
        if [name for name, _, _ in found] != words:
            raise Skipped("the aligner left words out")
        return [(start, end) for _, start, end in found]

    def _hear(self, sound):
        self.decoder.start_utt()
        self.decoder.process_raw(sound, full_utt=True)
        self.decoder.end_utt()


def spelled(word):
    """The dictionary's words of a written word: "Well-known," is "well" and "known"."""
    plain = word.lower().replace("’", "'")
    return [piece.strip("'") for piece in re.split(r"[^a-z0-9']+", plain) if piece.strip("'")]


def compare(path, aligners, pronunciations):
    """The differences of one sentence."""
    with wave.open(str(path)) as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise Skipped("not 16-bit mono")
        rate, sound = file.getframerate(), file.readframes(file.getnframes())
    words = [word for word in json.loads(path.with_suffix(".json").read_text()) if spelled(word["word"])]
    if not words:
        raise Skipped("no word has a time")
    if rate not in aligners:
        aligners[rate] = Aligner(rate, pronunciations)
    times = iter(aligners[rate].align([piece for word in words for piece in spelled(word["word"])], sound))
    differences = []
    for word in words:
        pieces = [next(times) for _ in spelled(word["word"])]
        voice, aligner = (word["start"], word["end"]), (pieces[0][0], pieces[-1][1])
        differences.append(Difference(path.stem, word["word"], voice, aligner))
    return differences


def folder_of(voice, aligners, options):
    """All differences of a voice; says which sentences are skipped."""
    differences, skipped = [], 0
    for path in sorted(voice.glob("*.wav")):
        try:
            differences += compare(path, aligners, options.say)
        except Skipped as why:
            skipped += 1
            print(f"{voice.name} {path.stem}: skipped, {why}", file=sys.stderr)
    return differences, skipped


def summary(values):
    """The columns of a list of signed differences in ms."""
    sizes = sorted(abs(value) for value in values)
    p90 = sizes[min(len(sizes) - 1, len(sizes) * 9 // 10)]
    within = [sum(size <= most for size in sizes) / len(sizes) * 100 for most in (50, 100)]
    return (
        f"{statistics.median(sizes):>8.0f} ms{p90:>8.0f} ms{within[0]:>10.1f} %{within[1]:>10.1f} %"
        f"{statistics.median(values):>+9.0f} ms"
    )


def report(name, differences, skipped, options):
    """Prints a voice's rows; whether its median is within the limit."""
    sides = {"starts": [one.at(0) for one in differences], "ends": [one.at(1) for one in differences]}
    sides["both"] = sides["starts"] + sides["ends"]
    sentences = len({one.sentence for one in differences})
    print(f"\n{name}: {sentences} sentences, {len(differences)} words, {skipped} sentences skipped")
    print(f"{'':<8}{'median':>11}{'P90':>11}{'<= 50 ms':>12}{'<= 100 ms':>12}{'later by':>12}")
    for side, values in sides.items():
        print(f"{side:<8}{summary(values)}")
    for one in sorted(differences, key=Difference.worst, reverse=True)[: options.worst]:
        voice, aligner = ("{:.2f} to {:.2f} s".format(*times) for times in (one.voice, one.aligner))
        print(f"  {one.sentence} {one.word!r}: {voice}, aligner {aligner} ({one.at(0):+.0f}, {one.at(1):+.0f} ms)")
    median = statistics.median(abs(value) for value in sides["both"])
    if median > options.limit:
        print(f"{name}: the median of {median:.0f} ms is over {options.limit:g} ms")
    return median <= options.limit


def pronunciation(text):
    word, equals, phones = text.partition("=")
    if not (word and equals and phones.split()):
        raise argparse.ArgumentTypeError(f"{text!r} is not like \"bristol=B R IH S T AH L\", with CMUdict's phones")
    return word.lower(), " ".join(phones.upper().split())


def arguments():
    parser = argparse.ArgumentParser(description=USAGE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kept", type=Path, help="the folder of `bench voices --keep`")
    parser.add_argument("--voice", action="append", help="only this voice's folder, whatever its name says of its language")
    parser.add_argument("--limit", type=float, default=50, help="largest median in ms (default: 50)")
    parser.add_argument("--worst", type=int, default=8, help="words listed for each voice (default: 8)")
    parser.add_argument("--say", action="append", default=[], type=pronunciation, metavar="WORD=PHONES",
                        help="a pronunciation, in CMUdict's phones without stress")
    return parser.parse_args()


def main():
    options = arguments()
    try:
        import pocketsphinx  # noqa: F401
    except ImportError:
        return "PocketSphinx is missing; see --help for its set-up"
    folders = [folder for folder in sorted(options.kept.glob("*")) if any(folder.glob("*.wav"))]
    wanted = [folder for folder in folders if folder.name in (options.voice or []) or
              not options.voice and ENGLISH.match(folder.name)]
    if not wanted:
        return f"{options.kept} has no folder of an English voice with sentences; it has {[f.name for f in folders]}"
    aligners, passed = {}, True
    for folder in wanted:
        differences, skipped = folder_of(folder, aligners, options)
        if not differences:
            return f"{folder}: no sentence could be compared"
        passed &= report(folder.name, differences, skipped, options)
    return 0 if passed else 1


if __name__ == "__main__":
    outcome = main()
    if isinstance(outcome, str):
        print(f"align-voices: {outcome}", file=sys.stderr)
        outcome = 2
    sys.exit(outcome)
