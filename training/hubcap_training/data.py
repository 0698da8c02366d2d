"""Batches of augmented utterances, in an order that a seed fixes and a resumed run repeats."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from scipy import fft
from torch import Tensor
from torch.utils.data import Dataset

from .model import VOCABULARY
from .whisper import RATE

LETTER_IDS = {letter: i for i, letter in enumerate(VOCABULARY)} | {" ": VOCABULARY.index("|")}
LONGEST_SECONDS = 12.0
"""Beyond that the model cannot tell places apart."""
SHORTEST_WINDOW_SECONDS = 3.0
TEACHER_LEVEL = 0.07
NOISE_ONLY_SHARE = 0.02
NOISY_SHARE = 0.3
SPEED_SHARE = 0.6
BAND_STOP_SHARE = 0.6
WIDEST_BAND_OCTAVES = 1.0
TELEPHONE_SHARE = 0.04
BABBLE_SHARE = 0.04
HEARD_SHARE = {
    "an4": 0.4,
    "kathleen": 0.5,
    "speechocean762": 0.4,
    "commonvoice": 0.7,
    "commonvoice_delta": 2.0,
    "vctk": 2.0,
    "heart": 0.3,
    "robotutor": 0.7,
}
"""How often in each pass, on average: spelled numbers, one single voice, learners of the language and very
short sentences would otherwise be most of what is heard, and many people's voices too little of it."""


class Utterance(TypedDict):
    corpus: str
    speaker: str
    text: str
    start: int
    samples: int
    held_out: bool


@dataclass(frozen=True)
class Batch:
    clean: Tensor
    """`[batch, samples]`: what the teacher hears."""
    noisy: Tensor
    """`[views * batch, samples]`: the same moments as the student hears them, all of a view together."""
    labels: Tensor
    """Letter ids of all utterances, one after the other, for one view."""
    label_lengths: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(part.to(device, non_blocking=True) for part in vars(self).values()))


def encode(text: str) -> list[int]:
    return [LETTER_IDS[c] for c in text]


class Corpus:
    def __init__(self, work: Path, name: str) -> None:
        self.utterances: list[Utterance] = json.loads((work / f"{name}.json").read_text())
        self._audio = np.memmap(work / f"{name}.s16", np.int16, "r")
        pauses = work / f"{name}.pauses"
        self._pauses: list[list[tuple[int, int]]] = (
            json.loads(pauses.read_text()) if pauses.exists() else [[] for _ in self.utterances]
        )

    def samples(self, utterance: Utterance) -> np.ndarray:
        start = utterance["start"]
        return self._audio[start : start + utterance["samples"]].astype(np.float32) / 32768.0

    def cut(self, i: int, longest: int) -> Iterator[Utterance]:
        """The utterance in pieces of at most `longest` samples, as far as its pauses allow."""
        whole = self.utterances[i]
        sample = letter = 0
        ends = [*self._pauses[i], (whole["samples"], len(whole["text"]))]
        for (end, letters), (next_end, _) in zip(ends, [*ends[1:], (math.inf, 0)], strict=True):
            if next_end - sample <= longest:
                continue
            text = whole["text"][letter:letters].strip()
            yield whole | {"start": whole["start"] + sample, "samples": end - sample, "text": text}
            sample, letter = end, letters


def change_speed(samples: np.ndarray, speed: float) -> np.ndarray:
    places = np.arange(0, len(samples) - 1, speed)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


def coloured_noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit power whose spectrum falls by 0 to 12 dB an octave, sometimes with hum."""
    size = fft.next_fast_len(count, real=True)
    spectrum = fft.rfft(rng.standard_normal(size, np.float32))
    frequency = np.maximum(fft.rfftfreq(size, 1 / RATE).astype(np.float32), 50.0)
    noise = fft.irfft(spectrum * frequency ** -rng.uniform(0.0, 2.0), size)[:count]
    if rng.random() < 0.2:
        mains = rng.choice([50.0, 60.0, 100.0, 120.0]) * 2 * np.pi / RATE
        noise += noise.std() * rng.uniform(0.5, 3.0) * np.sin(mains * np.arange(count))
    return (noise / (noise.std() + 1e-9)).astype(np.float32)


def telephone(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = fft.next_fast_len(len(samples), real=True)
    spectrum = fft.rfft(samples, size)
    frequency = fft.rfftfreq(size, 1 / RATE)
    spectrum[(frequency > rng.uniform(3300, 4000)) | (frequency < rng.uniform(50, 300))] = 0.0
    return fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)


def without_a_band(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As a frequency mask of SpecAugment (Park et al. 2019), on the waveform."""
    size = fft.next_fast_len(len(samples), real=True)
    spectrum = fft.rfft(samples, size)
    frequency = fft.rfftfreq(size, 1 / RATE)
    low = 100.0 * 2.0 ** rng.uniform(0.0, 6.0)
    spectrum[(frequency > low) & (frequency < low * 2.0 ** rng.uniform(0.1, WIDEST_BAND_OCTAVES))] *= 0.03
    return fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)


def degrade(clean: np.ndarray, babble: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise, another voice, a telephone band; of about unit power, as the model gets its audio."""
    power = np.sqrt(np.mean(clean**2)) + 1e-4
    heard = clean
    if rng.random() < NOISY_SHARE:
        heard = heard + power * 10 ** (-rng.uniform(6, 30) / 20) * coloured_noise(len(clean), rng)
    if rng.random() < BABBLE_SHARE:
        voice = np.resize(babble, len(clean))
        loudness = power * 10 ** (-rng.uniform(12, 25) / 20)
        heard = heard + loudness * voice / (np.sqrt(np.mean(voice**2)) + 1e-5)
    if rng.random() < TELEPHONE_SHARE:
        heard = telephone(heard, rng)
    if rng.random() < BAND_STOP_SHARE:
        heard = without_a_band(heard, rng)
    floor = power * 10 ** (-rng.uniform(35, 70) / 20) * rng.standard_normal(len(clean), np.float32)
    return at_level(heard + floor, 10 ** (rng.normal(0.0, 3.0) / 20))


def at_level(samples: np.ndarray, level: float) -> np.ndarray:
    """Without its mean, and of the given root mean square."""
    samples = samples - samples.mean()
    return (samples * (level / (samples.std() + 1e-7))).astype(np.float32)


class Batches(Dataset[Batch]):
    """Item n is the batch of step n, whatever the run was and wherever it resumed.

    `views`: how often each utterance is in a batch, degraded in different ways; `seconds` are of all.
    """

    def __init__(self, corpora: list[Corpus], seconds: float, seed: int, views: int = 1) -> None:
        self._corpora = corpora
        self._views = views
        self._budget = int(seconds * RATE) // views
        self._seed = seed
        self._plans: list[list[tuple[Corpus, Utterance]]] = []
        self._epochs = 0

    def _add_epoch(self) -> None:
        """Windows of like length together, the batches in random order; cut anew each time."""
        rng = np.random.default_rng((self._seed, self._epochs))
        pool = [
            (corpus, window)
            for corpus in self._corpora
            for i, utterance in enumerate(corpus.utterances)
            if not utterance["held_out"]
            for _ in range(int(rng.random() + HEARD_SHARE.get(utterance["corpus"], 1.0)))
            for window in corpus.cut(i, int(rng.uniform(SHORTEST_WINDOW_SECONDS, LONGEST_SECONDS) * RATE))
            if window["samples"] <= LONGEST_SECONDS * RATE and window["text"]
        ]
        lengths = np.array([window["samples"] for _, window in pool])
        batches: list[list[tuple[Corpus, Utterance]]] = [[]]
        for i in np.argsort(lengths * rng.uniform(0.9, 1.1, len(lengths))):
            if (len(batches[-1]) + 1) * lengths[i] > self._budget:
                batches.append([])
            batches[-1].append(pool[i])
        rng.shuffle(batches)
        self._plans += batches
        self._epochs += 1

    def __getitem__(self, step: int) -> Batch:
        while step >= len(self._plans):
            self._add_epoch()
        rng = np.random.default_rng((self._seed, 1, step))
        spoken: list[np.ndarray] = []
        labels: list[list[int]] = []
        for corpus, utterance in self._plans[step]:
            samples = corpus.samples(utterance)
            if rng.random() < SPEED_SHARE:
                samples = change_speed(samples, rng.uniform(0.88, 1.14))
            silent = rng.random() < NOISE_ONLY_SHARE
            spoken.append(np.zeros_like(samples) if silent else samples)
            labels.append([] if silent else encode(utterance["text"]))
        length = max(map(len, spoken)) + int(rng.uniform(0.1, 0.7) * RATE)
        clean = np.zeros((len(spoken), length), np.float32)
        noisy = np.zeros((self._views, *clean.shape), np.float32)
        for row, samples in enumerate(spoken):
            at = int(rng.integers(0, length - len(samples) + 1))
            clean[row, at : at + len(samples)] = at_level(samples, TEACHER_LEVEL)
            for view in noisy:
                view[row] = degrade(clean[row], spoken[row - 1], rng)
        return Batch(
            torch.from_numpy(clean),
            torch.from_numpy(noisy.reshape(-1, length)),
            torch.tensor([letter for row in labels for letter in row], dtype=torch.long),
            torch.tensor([len(row) for row in labels]),
        )
