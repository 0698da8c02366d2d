"""A small n-gram model, what KenLM says with it, and what pyctcdecode decodes with it.

Writes language_model/small.arpa and language_model/expected.json, read by
tests/ctc/language_model_golden_test.ts. Needs kenlm and pyctcdecode.
"""

import json
import logging
from pathlib import Path

import kenlm
import numpy as np
from pyctcdecode import build_ctcdecoder

FOLDER = Path(__file__).parent / "language_model"
LABELS = ["", " ", "a", "b", "h", "o", "s", "t"]

# word, log10 of its probability, log10 of its back-off
UNIGRAMS = [
    ("<unk>", -1.8, 0.0),
    ("<s>", -99.0, -0.45),
    ("</s>", -0.9, 0.0),
    ("a", -0.7, -0.35),
    ("at", -1.1, -0.3),
    ("bat", -1.6, -0.2),
    ("boat", -1.5, -0.4),
    ("hat", -1.4, -0.25),
    ("hats", -1.9, -0.15),
    ("oats", -2.1, -0.1),
    ("so", -1.2, -0.5),
    ("that", -1.3, -0.3),
]
BIGRAMS = [
    ("<s> a", -0.6, -0.2),
    ("<s> so", -0.8, -0.3),
    ("<s> that", -0.7, -0.25),
    ("a boat", -0.5, -0.3),
    ("a hat", -0.6, -0.2),
    ("at a", -0.4, -0.1),
    ("hat </s>", -0.3, None),
    ("so that", -0.35, -0.4),
    ("that boat", -0.9, -0.15),
    ("that hat", -1.0, -0.12),
    ("boat </s>", -0.4, None),
]
TRIGRAMS = [
    ("<s> so that", -0.2, None),
    ("<s> a boat", -0.35, None),
    ("so that boat", -0.25, None),
    ("at a hat", -0.3, None),
    ("a hat </s>", -0.15, None),
]


def arpa() -> str:
    orders = [UNIGRAMS, BIGRAMS, TRIGRAMS]
    lines = ["\\data\\", *(f"ngram {n}={len(grams)}" for n, grams in enumerate(orders, start=1))]
    for n, grams in enumerate(orders, start=1):
        lines += ["", f"\\{n}-grams:"]
        for words, probability, backoff in grams:
            lines.append("\t".join([f"{probability}", words, *([] if backoff is None else [f"{backoff}"])]))
    return "\n".join([*lines, "", "\\end\\", ""])


def spelled(random: np.random.Generator, text: str, frames: int, doubt: float) -> np.ndarray:
    """Scores of frames that spell a text, more or less; the last one is surely its last letter."""
    scores = random.normal(0, doubt, (frames, len(LABELS)))
    places = np.sort(random.choice(frames - 1, len(text) - 1, replace=False))
    for frame in range(frames):
        at = np.flatnonzero(places == frame)
        label = LABELS.index(text[at[0]]) if at.size else 0
        scores[frame, label] += 3.0
    scores[-1] = -40.0
    scores[-1, LABELS.index(text[-1])] = 0.0
    return np.round(scores, 3)


def decoded(decoder, scores: np.ndarray, widths: dict, count: int) -> list[dict]:
    beams = decoder.decode_beams(scores, **widths)
    return [
        {"text": text, "logProb": round(float(logit), 5), "score": round(float(total), 5)}
        for text, _, _, logit, total in beams[:count]
    ]


def main() -> None:
    logging.disable(logging.WARNING)
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / "small.arpa"
    path.write_text(arpa(), encoding="utf-8")
    model = kenlm.Model(str(path))
    random = np.random.default_rng(5)
    known = [word for word, *_ in UNIGRAMS[3:]]
    sentences = [
        " ".join(random.choice([*known, "zebra"], size=random.integers(1, 7))) for _ in range(40)
    ]
    scores = [
        {
            "sentence": sentence,
            "sentenceScores": [round(p, 5) for p, *_ in model.full_scores(sentence, bos=True, eos=True)],
            "plainScores": [round(p, 5) for p, *_ in model.full_scores(sentence, bos=False, eos=False)],
        }
        for sentence in sentences
    ]
    cases = []
    unigrams = [word for word, *_ in UNIGRAMS]
    settings = [
        {"alpha": 0.5, "beta": 1.5, "unk_score_offset": -10.0, "lm_score_boundary": True},
        {"alpha": 0.8, "beta": 0.3, "unk_score_offset": -4.0, "lm_score_boundary": True},
        {"alpha": 1.2, "beta": -0.5, "unk_score_offset": -2.0, "lm_score_boundary": False},
    ]
    # no text may end with a space: pyctcdecode takes what follows it for an unknown word
    exhaustive = {"beam_width": 10**6, "beam_prune_logp": -1e9, "token_min_logp": -30.0}
    usual = {"beam_width": 100, "beam_prune_logp": -10.0, "token_min_logp": -5.0}
    for setting in settings:
        decoder = build_ctcdecoder(LABELS, str(path), unigrams, **setting)
        for text, frames in [("a", 3), ("at", 5), ("so", 5), ("ob", 5)]:
            logits = spelled(random, text, frames, 1.5)
            hypotheses = decoded(decoder, logits, exhaustive, 8)
            cases.append({"kind": "exhaustive", **setting, "logits": logits.tolist(), "hypotheses": hypotheses})
        for text in ["so that boat", "a hat", "that hat at a boat", "hats so at", "a stab at a bat"]:
            logits = spelled(random, text, 3 * len(text), 1.3)
            hypotheses = decoded(decoder, logits, usual, 1)
            cases.append({"kind": "usual", **setting, "logits": logits.tolist(), "hypotheses": hypotheses})
    out = {"labels": LABELS, "scores": scores, "cases": cases}
    (FOLDER / "expected.json").write_text(json.dumps(out) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
