"""Find the pauses at which long utterances may be cut, by a model trained so far.

    python -m hubcap_training.align --work WORK --checkpoint CHECKPOINT

Writes `WORK/NAME.pauses` beside each index: for every utterance the places, in samples, of
the pauses between its words, each with the number of letters (spaces too) before it. Training
cuts there, so that it sees windows as short as the streams will give it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import HubertForCTC

from .data import Corpus, encode
from .export import averaged_student
from .model import BLANK, TabledPositions
from .scoring import emissions
from .whisper import RATE

HOP = 320
SHORTEST_CUT_SECONDS = 8.0
"""Utterances shorter than this are never cut."""
LEAST_GAP_FRAMES = 7
QUIET = 10 ** (-18 / 20)
POOREST_SCORE = -2.5
"""Mean log-probability a letter below which text and sound do not belong together."""


def letter_frames(scores: np.ndarray, labels: list[int]) -> tuple[np.ndarray, np.ndarray, float]:
    """The best path of CTC: first and last frame of every label, and its score a label."""
    states = np.full(2 * len(labels) + 1, BLANK)
    states[1::2] = labels
    may_skip = np.zeros(len(states), bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    best = np.full(len(states), -np.inf)
    best[:2] = scores[0, states[:2]]
    moves = np.zeros((len(scores), len(states)), np.int8)
    for frame in range(1, len(scores)):
        step = np.concatenate([[-np.inf], best[:-1]])
        skip = np.where(may_skip, np.concatenate([[-np.inf, -np.inf], best[:-2]]), -np.inf)
        ways = np.stack([best, step, skip])
        moves[frame] = ways.argmax(0)
        best = ways.max(0) + scores[frame, states]
    state = len(states) - 1 if best[-1] > best[-2] else len(states) - 2
    score = best[state] / max(1, len(labels))
    first, last = np.zeros(len(labels), int), np.full(len(labels), -1)
    for frame in range(len(scores) - 1, -1, -1):
        if state % 2:
            first[state // 2] = frame
            last[state // 2] = max(last[state // 2], frame)
        state -= int(moves[frame, state])
    return first, last, float(score)


def pauses(samples: np.ndarray, text: str, model: HubertForCTC) -> list[tuple[int, int]]:
    """`(sample, letters before it)` of each quiet place between two words."""
    labels = encode(text)
    scores = emissions(model, samples).numpy()
    if len(scores) < 2 * len(labels) // 2 + 1:
        return []
    first, last, score = letter_frames(scores, labels)
    if score < POOREST_SCORE:
        return []
    power = np.sqrt(np.convolve(samples**2, np.full(HOP, 1 / HOP), "same"))
    quiet = QUIET * np.sqrt(np.mean(samples**2))
    found = []
    for space in (i for i, letter in enumerate(text) if letter == " "):
        begin, end = last[space - 1], first[space + 1]
        if end - begin < LEAST_GAP_FRAMES:
            continue
        # a letter's frame lies near its beginning: keep off both ends
        inside = slice((begin + 3) * HOP, (end - 1) * HOP)
        place = int(inside.start + power[inside].argmin())
        if power[place] < quiet:
            found.append((place, space))
    return found


class Aligner:
    """One corpus and one model, in one process."""

    def __init__(self, work: Path, name: str, checkpoint: Path) -> None:
        torch.set_num_threads(1)
        self._corpus = Corpus(work, name)
        self._model = averaged_student(checkpoint)
        encoder = self._model.hubert.encoder
        encoder.pos_conv_embed = TabledPositions(encoder.pos_conv_embed)

    def __call__(self, i: int) -> list[tuple[int, int]]:
        utterance = self._corpus.utterances[i]
        if utterance["samples"] < SHORTEST_CUT_SECONDS * RATE:
            return []
        return pauses(self._corpus.samples(utterance), utterance["text"], self._model)


aligner: Aligner


def start_aligner(*where: Any) -> None:
    global aligner
    aligner = Aligner(*where)


def align_one(i: int) -> list[tuple[int, int]]:
    return aligner(i)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    args = parser.parse_args()
    for index in sorted(args.work.glob("*.s16")):
        count = len(Corpus(args.work, index.stem).utterances)
        where = (args.work, index.stem, args.checkpoint)
        with multiprocessing.get_context("spawn").Pool(args.workers, start_aligner, where) as pool:
            places = pool.map(align_one, range(count), chunksize=50)
        (args.work / f"{index.stem}.pauses").write_text(json.dumps(places))
        print(f"{index.stem}: {sum(map(len, places))} pauses in {count} utterances")


if __name__ == "__main__":
    main()
