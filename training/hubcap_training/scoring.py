"""Greedy transcripts and word error rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import HubertForCTC

from .model import BLANK, VOCABULARY


def collapse(ids: Sequence[int]) -> str:
    letters = [
        VOCABULARY[i] for i, before in zip(ids, [BLANK, *ids[:-1]], strict=True) if i != before and i != BLANK
    ]
    return " ".join("".join(letters).replace("|", " ").split())


@torch.inference_mode()
def emissions(model: HubertForCTC, samples: np.ndarray) -> Tensor:
    """Log-probabilities `[frames, letters]`; `do_normalize` as `Wav2Vec2FeatureExtractor` has it."""
    waveform = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    batch = torch.as_tensor(waveform, dtype=torch.float32, device=model.device)[None]
    return model(batch).logits[0].log_softmax(-1).cpu()


def transcribe(model: HubertForCTC, samples: np.ndarray) -> str:
    return collapse(emissions(model, samples).argmax(-1).tolist())


def word_errors(truth: str, heard: str) -> tuple[int, int]:
    """Edit distance in words, and the number of words in the truth."""
    reference, hypothesis = truth.split(), heard.split()
    row = np.arange(len(hypothesis) + 1)
    for i, word in enumerate(reference, start=1):
        before, row[0] = row.copy(), i
        for j, other in enumerate(hypothesis, start=1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (word != other))
    return int(row[-1]), len(reference)


def error_rate(pairs: Iterable[tuple[int, int]]) -> float:
    counts = np.array(list(pairs))
    return float(counts[:, 0].sum() / counts[:, 1].sum())


def bootstrap(pairs: Sequence[tuple[int, int]], draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the word error rate, over utterances."""
    counts = np.array(pairs)
    picks = np.random.default_rng(seed).integers(0, len(counts), (draws, len(counts)))
    sums = counts[picks].sum(1)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    return float(low), float(high)
