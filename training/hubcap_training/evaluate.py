"""Step 4: word error rates of a checkpoint folder, with intervals, and words out of noise.

    python -m hubcap_training.evaluate --model models/NAME --clips DIR
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import soundfile
import torch
from transformers import HubertForCTC

from .scoring import bootstrap, error_rate, transcribe, word_errors
from .text import normalise
from .whisper import RATE

LONGEST_SECONDS = 30.0
NOISE_SECONDS = 60


def clip_pairs(model: HubertForCTC, clips: Path) -> dict[str, tuple[int, int]]:
    """Errors and words of every clip of at most 30 s, by file name."""
    pairs = {}
    with open(clips / "manifest.tsv", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            truth = normalise(row["transcript"])
            if truth is None or float(row["seconds"]) > LONGEST_SECONDS:
                continue
            samples, _ = soundfile.read(clips / row["file"], dtype="float32")
            pairs[row["file"]] = word_errors(truth, transcribe(model, samples))
    return pairs


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True)
    args = parser.parse_args()
    model = HubertForCTC.from_pretrained(args.model, dtype=torch.float32).eval()
    pairs = clip_pairs(model, args.clips)
    groups = {"all clips of at most 30 s": list(pairs.values())}
    for file, counts in pairs.items():
        groups.setdefault(group_of(file), []).append(counts)
    for group, members in groups.items():
        low, high = bootstrap(members)
        print(
            f"{group}: {len(members)} clips, {sum(words for _, words in members)} words,"
            f" WER {error_rate(members):.1%} ({low:.1%} to {high:.1%})"
        )
    for name, samples in noises().items():
        heard = transcribe(model, samples)
        print(f"{NOISE_SECONDS} s of {name}: {len(heard.split())} words {heard!r}")


if __name__ == "__main__":
    main()
