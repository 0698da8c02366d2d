"""Word error rates of a checkpoint folder, with intervals, and words out of noise.

    python -m hubcap_training.evaluate --model models/NAME --clips DIR [--lm lm.arpa.gz]

With --lm, also what beam search with that language model makes of it (needs pyctcdecode, kenlm).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from transformers import HubertForCTC

from .export import load_student
from .language_model import plain_arpa
from .model import VOCABULARY
from .scoring import bootstrap, emissions, error_rate, transcribe, word_errors
from .text import normalise
from .whisper import RATE

if TYPE_CHECKING:
    from pyctcdecode import BeamSearchDecoderCTC

LONGEST_SECONDS = 30.0
NOISE_SECONDS = 60
LM_WEIGHT = 0.5
WORD_BONUS = 1.0
BEAM = 100


Listener = Callable[[np.ndarray], str]


@dataclass(frozen=True)
class Heard:
    truth: str
    text: str

    @property
    def errors(self) -> tuple[int, int]:
        return word_errors(self.truth, self.text)


def hear_clips(listen: Listener, clips: Path) -> dict[str, Heard]:
    """What is heard in every clip of at most 30 s, by file name."""
    heard = {}
    with open(clips / "manifest.tsv", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            truth = normalise(row["transcript"])
            if truth is None or float(row["seconds"]) > LONGEST_SECONDS:
                continue
            samples, _ = soundfile.read(clips / row["file"], dtype="float32")
            heard[row["file"]] = Heard(truth, listen(samples))
    return heard


def group_of(file: str) -> str:
    if file.startswith(("ls_", "LJ", "jfk")):
        return "LibriSpeech, LJSpeech, JFK"
    if file.startswith("an4_"):
        return "AN4 (spelling, numbers)"
    if file.startswith("so_"):
        return "speechocean762 (non-native)"
    return "other (LibriVox, spontaneous, commands)"


def noises() -> dict[str, np.ndarray]:
    count = NOISE_SECONDS * RATE
    time = np.arange(count) / RATE
    white = np.random.default_rng(0).standard_normal(count)
    return {
        "silence": np.zeros(count, np.float32),
        "white noise": (0.05 * white).astype(np.float32),
        "hum": (0.1 * np.sin(2 * np.pi * 50 * time) + 0.03 * np.sin(2 * np.pi * 150 * time)).astype(np.float32),
    }


def beam_search(arpa: Path) -> BeamSearchDecoderCTC:
    from pyctcdecode import build_ctcdecoder

    with plain_arpa(arpa) as plain:
        return build_ctcdecoder(VOCABULARY, plain, alpha=LM_WEIGHT, beta=WORD_BONUS)


def language_model_listener(model: HubertForCTC, arpa: Path) -> Listener:
    decoder = beam_search(arpa)
    return lambda samples: decoder.decode(emissions(model, samples).numpy(), beam_width=BEAM)


def report(title: str, heard: dict[str, Heard]) -> None:
    groups = {"all clips of at most 30 s": list(heard.values())}
    for file, one in heard.items():
        groups.setdefault(group_of(file), []).append(one)
    print(title)
    for group, members in groups.items():
        pairs = [member.errors for member in members]
        low, high = bootstrap(pairs)
        print(
            f"  {group}: {len(pairs)} clips, {sum(words for _, words in pairs)} words,"
            f" WER {error_rate(pairs):.1%} ({low:.1%} to {high:.1%})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--lm", type=Path)
    parser.add_argument("--print", action="store_true", help="each clip beside the truth")
    args = parser.parse_args()
    model = load_student(args.model)
    heard = hear_clips(partial(transcribe, model), args.clips)
    report("Greedy", heard)
    if args.lm:
        report("With the language model", hear_clips(language_model_listener(model, args.lm), args.clips))
    for name, samples in noises().items():
        text = transcribe(model, samples)
        print(f"{NOISE_SECONDS} s of {name}: {len(text.split())} words {text!r}")
    if args.print:
        for file, one in heard.items():
            print(f"{file}\n  {one.truth}\n  {one.text}")


if __name__ == "__main__":
    main()
