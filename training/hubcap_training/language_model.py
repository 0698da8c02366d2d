"""A small word trigram (interpolated Kneser-Ney, pruned) as a gzipped ARPA file.

    python -m hubcap_training.language_model --text DIR --work WORK --out lm.arpa.gz
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from .text import normalise

ORDER = 3
RAREST_WORD = 2
RAREST_TRIGRAM = 2
START, END, UNKNOWN = "<s>", "</s>", "<unk>"

Gram = tuple[str, ...]


def sentences(text: Path, work: Path) -> Iterator[list[str]]:
    """The sentence files and the training transcripts; never a held-out one."""
    for file in sorted(text.glob("*.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if spoken := normalise(line):
                yield spoken.split()
    for index in sorted(work.glob("*.json")):
        for utterance in json.loads(index.read_text()):
            if not utterance["held_out"]:
                yield utterance["text"].split()


def count(text: Iterable[list[str]]) -> list[Counter[Gram]]:
    """Counts of order 1, 2, 3, rare words replaced; below the top, of distinct left neighbours."""
    lines = list(text)
    seen = Counter(word for line in lines for word in line)
    top: Counter[Gram] = Counter()
    starts: Counter[Gram] = Counter()
    for line in lines:
        words = [START, *(w if seen[w] >= RAREST_WORD else UNKNOWN for w in line), END]
        starts[tuple(words[:2])] += 1
        top.update(zip(*(words[i:] for i in range(ORDER)), strict=False))
    counts = [top]
    for _ in range(ORDER - 1):
        shorter: Counter[Gram] = Counter(gram[1:] for gram in counts[0])
        if len(counts) == 1:
            shorter += starts
        counts.insert(0, shorter)
    return counts


def discount(counts: Counter[Gram]) -> float:
    once = sum(n == 1 for n in counts.values())
    twice = sum(n == 2 for n in counts.values())
    return once / (once + 2 * twice)


def interpolate(counts: list[Counter[Gram]]) -> list[dict[Gram, float]]:
    """Kneser-Ney probabilities of every gram that was seen."""
    total = sum(counts[0].values())
    floor = 1.0 / (len(counts[0]) + 1)
    cut = discount(counts[0])
    spread = cut * len(counts[0]) / total
    lower = {gram: max(n - cut, 0.0) / total + spread * floor for gram, n in counts[0].items()}
    orders = [lower]
    for grams in counts[1:]:
        cut = discount(grams)
        seen: Counter[Gram] = Counter()
        kinds: Counter[Gram] = Counter()
        for gram, n in grams.items():
            seen[gram[:-1]] += n
            kinds[gram[:-1]] += 1
        here = {}
        for gram, n in grams.items():
            rest = cut * kinds[gram[:-1]] / seen[gram[:-1]]
            here[gram] = (n - cut) / seen[gram[:-1]] + rest * lower[gram[1:]]
        orders.append(here)
        lower = here
    return orders


def prune(orders: list[dict[Gram, float]], counts: list[Counter[Gram]]) -> None:
    rare = [gram for gram in orders[-1] if counts[-1][gram] < RAREST_TRIGRAM]
    for gram in rare:
        del orders[-1][gram]


def backoffs(orders: list[dict[Gram, float]]) -> list[dict[Gram, float]]:
    """What is left for unseen words after each history, so that every history sums to one."""
    weights = []
    for lower, higher in zip(orders, orders[1:], strict=False):
        spent: dict[Gram, float] = defaultdict(float)
        covered: dict[Gram, float] = defaultdict(float)
        for gram, probability in higher.items():
            spent[gram[:-1]] += probability
            covered[gram[:-1]] += lower[gram[1:]]
        weights.append(
            {h: max(1e-6, 1.0 - spent[h]) / max(1e-6, 1.0 - covered[h]) for h in spent}
        )
    return [*weights, {}]


def write_arpa(orders: list[dict[Gram, float]], out: Path) -> None:
    orders[0].setdefault((START,), 0.0)
    orders[0].setdefault((UNKNOWN,), 1e-7)
    with gzip.open(out, "wt", encoding="utf-8") as file:
        file.write("\\data\\\n")
        file.writelines(f"ngram {n}={len(grams)}\n" for n, grams in enumerate(orders, start=1))
        for n, (grams, weights) in enumerate(zip(orders, backoffs(orders), strict=True), start=1):
            file.write(f"\n\\{n}-grams:\n")
            for gram, probability in sorted(grams.items()):
                line = f"{math.log10(probability) if probability else -99:.2f}\t{' '.join(gram)}"
                weight = weights.get(gram)
                file.write(f"{line}\t{math.log10(weight):.2f}\n" if weight else f"{line}\n")
        file.write("\n\\end\\\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    counts = count(sentences(args.text, args.work))
    orders = interpolate(counts)
    prune(orders, counts)
    write_arpa(orders, args.out)
    print(f"grams {[len(grams) for grams in orders]}, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
