"""Perplexity and unknown words of language models on the held-out transcripts, by corpus.

    python -m hubcap_training.perplexity --work WORK --lm first.arpa.gz second.arpa.gz

Perplexity is over the words that all the models know, and sentence ends.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import kenlm

from .language_model import plain_arpa


def held_out(work: Path) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = defaultdict(list)
    for index in sorted(work.glob("*.json")):
        for utterance in json.loads(index.read_text()):
            if utterance["held_out"]:
                texts[utterance["corpus"]].append(utterance["text"])
                texts["all"].append(utterance["text"])
    return texts


def scores(model: kenlm.Model, text: str) -> list[tuple[float, bool]]:
    """Of each word and the end: its log10 probability, and whether it is unknown."""
    return [(log, unknown) for log, _, unknown in model.full_scores(text)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--lm", type=Path, nargs="+", required=True)
    args = parser.parse_args()
    models = []
    for arpa in args.lm:
        with plain_arpa(arpa) as plain:
            models.append(kenlm.Model(plain))
    print("| corpus | words |" + "".join(f" {arpa.name}: perplexity | unknown |" for arpa in args.lm))
    print("|---|---|" + "---|---|" * len(models))
    for corpus, texts in sorted(held_out(args.work).items()):
        rows = [[score for text in texts for score in scores(model, text)] for model in models]
        known = [not any(unknown for _, unknown in words) for words in zip(*rows, strict=True)]
        words = sum(len(text.split()) for text in texts)
        cells = ""
        for row in rows:
            logs = [log for (log, _), counted in zip(row, known, strict=True) if counted]
            unknown = sum(unknown for _, unknown in row)
            cells += f" {10 ** (-sum(logs) / len(logs)):.0f} | {unknown / words:.1%} |"
        print(f"| {corpus} | {words} |{cells}")


if __name__ == "__main__":
    main()
