"""The language model's weight and the word bonus of beam search, chosen on held-out utterances.

    python -m hubcap_training.tune --model models/NAME --work WORK --lm lm.arpa.gz

The model runs once over each utterance; its emissions are kept in --emissions (a file of NumPy's)
if that is given, and used again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from transformers import HubertForCTC

from .data import LONGEST_SECONDS, Corpus
from .evaluate import BEAM, LM_WEIGHT, WORD_BONUS, beam_search
from .export import load_student
from .scoring import bootstrap, collapse, emissions, error_rate, word_errors
from .whisper import RATE

LM_WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
WORD_BONUSES = (-1.0, 0.0, 1.0, 2.0, 3.0)

Spoken = list[tuple[str, np.ndarray]]
"""What was said, and the emissions of it, `[frames, letters]`."""


def hear(model: HubertForCTC, work: Path, count: int) -> Spoken:
    """At random, `count` held-out utterances that fit into one window."""
    pool = [
        (corpus, utterance)
        for index in sorted(work.glob("*.json"))
        for corpus in [Corpus(work, index.stem)]
        for utterance in corpus.utterances
        if utterance["held_out"] and utterance["samples"] <= LONGEST_SECONDS * RATE
    ]
    picks = np.random.default_rng(0).permutation(len(pool))[:count]
    return [(u["text"], emissions(model, c.samples(u)).numpy()) for c, u in (pool[i] for i in picks)]


def load(file: Path) -> Spoken:
    with np.load(file) as stored:
        return list(zip(stored["texts"].tolist(), (stored[f"e{i}"] for i in range(len(stored) - 1)), strict=True))


def save(spoken: Spoken, file: Path) -> None:
    texts = np.array([text for text, _ in spoken])
    np.savez(file, texts=texts, **{f"e{i}": emission for i, (_, emission) in enumerate(spoken)})


def descend(cost: Callable[[float, float], float]) -> tuple[float, float]:
    """The best weight, the best bonus with it, and so on, until neither changes."""
    best = (LM_WEIGHT, WORD_BONUS)
    while True:
        weight = min(LM_WEIGHTS, key=lambda weight: cost(weight, best[1]))
        bonus = min(WORD_BONUSES, key=lambda bonus: cost(weight, bonus))
        if (weight, bonus) == best:
            return best
        best = (weight, bonus)


def describe(title: str, pairs: Sequence[tuple[int, int]]) -> None:
    low, high = bootstrap(pairs)
    print(f"{title}: WER {error_rate(pairs):.1%} ({low:.1%} to {high:.1%})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--lm", type=Path, required=True)
    parser.add_argument("--emissions", type=Path)
    parser.add_argument("--utterances", type=int, default=100)
    args = parser.parse_args()
    if args.emissions and args.emissions.exists():
        spoken = load(args.emissions)
    else:
        model = load_student(args.model)
        spoken = hear(model, args.work, args.utterances)
        if args.emissions:
            save(spoken, args.emissions)
    describe(
        f"{len(spoken)} utterances, greedy",
        [word_errors(text, collapse(emission.argmax(-1).tolist())) for text, emission in spoken],
    )
    decoder = beam_search(args.lm)

    @cache
    def cost(weight: float, bonus: float) -> float:
        decoder.reset_params(alpha=weight, beta=bonus)
        pairs = [word_errors(text, decoder.decode(emission, beam_width=BEAM)) for text, emission in spoken]
        describe(f"weight {weight}, bonus {bonus}", pairs)
        return error_rate(pairs)

    weight, bonus = descend(cost)
    print(f"best: LM_WEIGHT = {weight}, WORD_BONUS = {bonus}: WER {cost(weight, bonus):.1%}")


if __name__ == "__main__":
    main()
