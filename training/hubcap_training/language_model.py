"""A small word n-gram model, mixed from several kinds of text and pruned, as a gzipped ARPA file.

    python -m hubcap_training.language_model --text TEXT --work WORK --clips CLIPS --out lm.arpa.gz

TEXT holds sentences, one a line, spelled as transcripts are. Each of its files is a kind of text;
so is each of its folders, and a folder's files are whole works. The training transcripts are one
more kind. Each kind gets a model of its own (discounts of modified Kneser-Ney, but plain counts at
every order, which bear pruning better: Chelba et al., "Study on interaction between entropy
pruning and Kneser-Ney smoothing", 2010); expectation maximisation on held-out transcripts weighs
them, and relative entropy (Stolcke, "Entropy-based pruning of backoff language models", 1998)
says which grams to keep.

Nothing that is evaluated is learnt: a sentence that shares six successive words with a clip or a
held-out transcript is left out, and a work that shares twelve is left out as a whole. So is a work
that another has most of, as another edition.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .text import normalise

ORDER = 3
VOCABULARY_SIZE = 50_000
MEGABYTES = 5.0
MOST_GRAMS = 900_000
SHARED_RUN = 6
QUOTED_RUN = 12
SPREAD = 0.25
"""The share of the mixture that all kinds have alike: what will be heard is more varied than what
was held out."""
CROWDED = 1_000_000
"""Where a kind of text has more grams of an order than this, its rarest are dropped."""
STEP = 0.1
"""Logarithms are rounded to multiples of it: that costs little, and leaves room for more grams."""
QUOTED = 10
"""A word seen this many times as often as the same with an apostrophe before it was quoted there."""
SPECIAL = UNKNOWN, START, END = "<unk>", "<s>", "</s>"
UNKNOWN_ID, START_ID, END_ID = range(3)
WORD_BITS = 16

Ids = NDArray[np.uint32]
Grams = NDArray[np.uint64]
"""Grams of one order, 16 bits a word, the first word highest."""
Floats = NDArray[np.float64]


class Index(defaultdict[str, int]):
    """Numbers words as they come."""

    def __init__(self) -> None:
        super().__init__(count().__next__)
        for word in SPECIAL:
            self[word]

    def ids(self, sentences: Iterable[str]) -> Ids:
        stream = " ".join(f"{START} {sentence} {END}" for sentence in sentences)
        return np.fromiter(map(self.__getitem__, stream.split()), np.uint32)


def runs(words: Ids, length: int) -> Grams:
    """A hash of every `length` successive words."""
    places = max(0, len(words) - length + 1)
    hashes = np.zeros(places, np.uint64)
    for i in range(length):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + words[i : i + places].astype(np.uint64)
    return hashes


class RunSet:
    """Runs to be found in long texts: most others are told apart by their first bits."""

    def __init__(self, hashes: Grams) -> None:
        self._hashes = np.unique(hashes)
        self._first_bits = np.zeros(1 << 24, bool)
        self._first_bits[self._hashes >> np.uint64(40)] = True

    def places(self, hashes: Grams) -> NDArray[np.intp]:
        """Which of `hashes` are in it."""
        candidates = np.flatnonzero(self._first_bits[hashes >> np.uint64(40)])
        return candidates[find(self._hashes, hashes[candidates])[1]]


class Evaluated:
    """The texts that must not be learnt."""

    def __init__(self, texts: list[Ids]) -> None:
        self._shared, self._quoted = (
            RunSet(np.concatenate([runs(text[text > END_ID], length) for text in texts]))
            for length in (SHARED_RUN, QUOTED_RUN)
        )

    def quoted_in(self, text: Ids) -> bool:
        return len(self._quoted.places(runs(text[text > END_ID], QUOTED_RUN))) > 0

    def without(self, text: Ids) -> Ids:
        """The sentences that have no part in a shared run."""
        places = np.flatnonzero(text > END_ID)
        hits = self._shared.places(runs(text[places], SHARED_RUN))
        sentence = np.cumsum(text == START_ID) - 1
        clean = np.ones(sentence[-1] + 1 if len(text) else 0, bool)
        for i in range(SHARED_RUN):
            clean[sentence[places[hits + i]]] = False
        return text[clean[sentence]]


class Shelf:
    """Works, each of them once: of every hundredth run, most were not in those before."""

    def __init__(self) -> None:
        self._runs: set[int] = set()

    def add(self, work: Ids) -> bool:
        """False, and the work is not added, if it is there already."""
        hashes = runs(work[work > END_ID], QUOTED_RUN)
        sample = set(hashes[hashes < np.uint64(2**64 // 100)].tolist())
        if len(sample & self._runs) > len(sample) / 2:
            return False
        self._runs |= sample
        return True


def transcripts(work: Path, held_out: bool, packs: str = "*") -> list[str]:
    utterances = [u for index in sorted(work.glob(f"{packs}.json")) for u in json.loads(index.read_text())]
    return [u["text"] for u in utterances if u["held_out"] is held_out]


def clip_texts(clips: Path) -> Iterator[str]:
    with open(clips / "manifest.tsv", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield normalise(row["transcript"]) or ""


def read_kinds(text: Path, index: Index, evaluated: Evaluated) -> Iterator[tuple[str, Ids]]:
    for entry in sorted(text.iterdir()):
        whole = entry.is_dir()
        files = sorted(entry.glob("*.txt")) if whole else [entry]
        streams = [index.ids(file.read_text(encoding="utf-8").splitlines()) for file in files]
        used = [stream for stream in streams if not (whole and evaluated.quoted_in(stream))]
        if len(used) < len(streams):
            print(f"{entry.name}: {len(streams) - len(used)} of {len(streams)} works are evaluated, left out")
        shelf = Shelf()
        once = [stream for stream in used if not whole or shelf.add(stream)]
        if len(once) < len(used):
            print(f"{entry.name}: {len(used) - len(once)} works are there twice")
        yield entry.stem, evaluated.without(np.concatenate(once))


def unquoted(index: Index, seen: NDArray[np.int64]) -> Ids:
    """Each id's word without the quotation marks before it: "'twas" keeps what "'and" loses.

    seen: how often each id is there.
    """
    bare_ids = np.arange(len(index), dtype=np.uint32)
    for word, number in list(index.items()):
        bare = word.lstrip("'")
        if bare == word:
            continue
        once = f"'{bare}"
        of_bare, of_once = (seen[index[form]] if form in index else 0 for form in (bare, once))
        if of_bare >= QUOTED * of_once and of_bare > 0:
            bare_ids[number] = index[bare]
        elif of_once > 0:
            bare_ids[number] = index[once]
    return bare_ids


def choose_vocabulary(kinds: Iterable[Ids], index: Index) -> tuple[list[str], Ids]:
    """The words most frequent on average over all kinds, in alphabetical order, and each id's new id."""
    counted = [np.bincount(stream, minlength=len(index)) for stream in kinds]
    bare_ids = unquoted(index, np.sum(counted, axis=0))
    share = np.zeros(len(index))
    seen = np.zeros(len(index), np.int64)
    for given in counted:
        counts = np.bincount(bare_ids, given, minlength=len(index)).astype(np.int64)
        share += counts / counts.sum()
        seen += counts
    share[seen < 2] = 0.0
    share[: len(SPECIAL)] = 0.0
    best = np.argsort(-share)[: min(VOCABULARY_SIZE, np.count_nonzero(share))]
    names = list(index)
    chosen = sorted(best.tolist(), key=names.__getitem__)
    renamed = np.full(len(index), UNKNOWN_ID, np.uint32)
    renamed[: len(SPECIAL)] = range(len(SPECIAL))
    renamed[chosen] = range(len(SPECIAL), len(SPECIAL) + len(chosen))
    return [*SPECIAL, *(names[i] for i in chosen)], renamed[bare_ids]


def grams_of(stream: Ids, order: int) -> Grams:
    """All grams within sentences, in the order of the text; a start is never inside, nor alone."""
    places = len(stream) - order + 1
    grams = np.zeros(places, np.uint64)
    inside = np.ones(places, bool)
    for i in range(order):
        words = stream[i : i + places]
        grams = grams << np.uint64(WORD_BITS) | words
        if i > 0 or order == 1:
            inside &= words != START_ID
    return grams[inside]


def histories(grams: Grams) -> Grams:
    return grams >> np.uint64(WORD_BITS)


def suffixes(grams: Grams, order: int) -> Grams:
    return grams & np.uint64((1 << (WORD_BITS * (order - 1))) - 1)


def find(grams: Grams, wanted: Grams) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each wanted gram is in the sorted `grams`, and whether it is there at all."""
    at = np.minimum(np.searchsorted(grams, wanted), len(grams) - 1)
    return at, grams[at] == wanted


def discounts(counts: NDArray[np.int64]) -> Floats:
    """What modified Kneser-Ney takes off a count of 0, 1, 2, and more."""
    n1, n2, n3, n4 = (max(1, np.count_nonzero(counts == n)) for n in range(1, 5))
    y = n1 / (n1 + 2 * n2)
    cuts = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return np.clip(cuts, [0.0, 0.1, 0.1, 0.1], [0.0, 0.9, 1.8, 2.7])


class KindModel:
    """The interpolated model of one kind of text."""

    def __init__(self, stream: Ids, words: int, order: int) -> None:
        self._words = words
        self.grams: list[Grams] = []
        self._shares: list[Floats] = []
        self._histories: list[Grams] = []
        self._rests: list[Floats] = []
        for n in range(1, order + 1):
            grams, counts = np.unique(grams_of(stream, n), return_counts=True)
            cuts = discounts(counts)[np.minimum(counts, 3)]
            rarest = 0
            while n > 1 and np.count_nonzero(counts > rarest) > CROWDED:
                rarest += 1
            cuts = np.where(counts <= rarest, counts, cuts)
            parents = histories(grams)
            first = np.flatnonzero(np.diff(parents, prepend=~parents[:1]))
            totals = np.add.reduceat(counts, first)
            kept = counts > cuts
            self.grams.append(grams[kept])
            self._shares.append(((counts - cuts) / np.repeat(totals, np.diff(first, append=len(grams))))[kept])
            self._histories.append(parents[first])
            self._rests.append(np.add.reduceat(cuts, first) / totals)

    def probabilities(self, grams: Grams, order: int) -> Floats:
        """Of each gram's last word after the others."""
        if order == 0:
            return np.full(len(grams), 1.0 / self._words)
        at, known = find(self._histories[order - 1], histories(grams))
        rests = np.where(known, self._rests[order - 1][at], 1.0)
        at, known = find(self.grams[order - 1], grams)
        shares = np.where(known, self._shares[order - 1][at], 0.0)
        return shares + rests * self.probabilities(suffixes(grams, order), order - 1)


def weigh(models: Sequence[KindModel], held_out: Ids, order: int) -> Floats:
    """The weights that make the held-out text most probable, but for the spread."""
    rows = []
    for model in models:
        row = []
        for n in range(2, order + 1):
            grams = grams_of(held_out, n)
            opening = grams >> np.uint64(WORD_BITS * (n - 1)) == START_ID
            row.append(model.probabilities(grams if n == order else grams[opening], n))
        rows.append(np.concatenate(row))
    table = np.array(rows)
    weights = np.full(len(models), 1.0 / len(models))
    for _ in range(100):
        shares = weights[:, None] * table
        weights = (shares / shares.sum(0)).mean(1)
    return (1 - SPREAD) * weights + SPREAD / len(models)


class Mixture:
    """The probabilities of every gram that some kind of text has; `prune` keeps the best."""

    def __init__(self, models: Sequence[KindModel], weights: Floats, order: int) -> None:
        self.grams: list[Grams] = []
        self.probabilities: list[Floats] = []
        for n in range(1, order + 1):
            grams = np.unique(np.concatenate([model.grams[n - 1] for model in models]))
            if n == 1:
                grams = np.union1d(grams, np.array([UNKNOWN_ID, START_ID], np.uint64))
            else:
                for i in range(n):
                    word = grams >> np.uint64(WORD_BITS * i) & np.uint64((1 << WORD_BITS) - 1)
                    grams = grams[word != UNKNOWN_ID]
            with ThreadPoolExecutor() as pool:
                each = pool.map(lambda model: model.probabilities(grams, n), models)  # noqa: B023
                self.probabilities.append(sum(w * p for w, p in zip(weights, each, strict=True)))
            self.grams.append(grams)
        self.probabilities[0][self.grams[0] == START_ID] = 0.0

    def _left(self, n: int) -> tuple[NDArray[np.intp], Floats, Floats, Floats]:
        """For grams of order n: their histories, their words' lower-order probabilities, and by
        history, what is left of the probability here and of the lower order's."""
        parents, _ = find(self.grams[n - 2], histories(self.grams[n - 1]))
        lower = self.probabilities[n - 2][find(self.grams[n - 2], suffixes(self.grams[n - 1], n))[0]]
        size = len(self.grams[n - 2])
        here = 1.0 - np.bincount(parents, self.probabilities[n - 1], size)
        below = 1.0 - np.bincount(parents, lower, size)
        return parents, lower, np.maximum(here, 1e-9), np.maximum(below, 1e-9)

    def backoffs(self, n: int) -> Floats:
        """By gram of order n - 1: 0 where no longer gram begins with it."""
        parents, _, here, below = self._left(n)
        used = np.bincount(parents, minlength=len(here)) > 0
        return np.where(used, here / below, 0.0)

    def _losses(self) -> list[Floats]:
        """The relative entropy that leaving out each gram of two and more words would cost."""
        ends = self.grams[0] == END_ID
        joint = np.where(self.grams[0] == START_ID, self.probabilities[0][ends], self.probabilities[0])
        losses = []
        for n in range(2, len(self.grams) + 1):
            p = self.probabilities[n - 1]
            parents, lower, here, below = self._left(n)
            without = np.log((here[parents] + p) / (below[parents] + lower))
            change = without - np.log(here / below)[parents]
            losses.append(-joint[parents] * (p * (np.log(lower / p) + without) + here[parents] * change))
            joint = joint[parents] * p
        return losses

    def prune(self, kept_grams: int) -> None:
        """Keeps about `kept_grams`, and the histories and suffixes of what it keeps."""
        losses = self._losses()
        everything = np.concatenate(losses)
        worst = np.partition(everything, -kept_grams)[-kept_grams] if kept_grams < len(everything) else -1.0
        kept = [np.ones(len(self.grams[0]), bool), *(loss >= worst for loss in losses)]
        for n in range(len(self.grams), 2, -1):
            grams = self.grams[n - 1][kept[n - 1]]
            for needed in (histories(grams), suffixes(grams, n)):
                kept[n - 2][find(self.grams[n - 2], needed)[0]] = True
        self.grams = [g[k] for g, k in zip(self.grams, kept, strict=True)]
        self.probabilities = [p[k] for p, k in zip(self.probabilities, kept, strict=True)]

    def lines(self, words: Sequence[str]) -> Iterator[str]:
        """ARPA's; successive lines have much in common, which packs well: the history, then the number."""
        yield "\\data\\\n"
        for n, grams in enumerate(self.grams, start=1):
            yield f"ngram {n}={len(grams)}\n"
        for n, (grams, probabilities) in enumerate(zip(self.grams, self.probabilities, strict=True), start=1):
            yield f"\n\\{n}-grams:\n"
            logs = rounded_logs(probabilities, absent=-99.0)
            longer = n < len(self.grams)
            weights = rounded_logs(self.backoffs(n + 1), absent=0.0) if longer else np.zeros(len(grams))
            order = np.lexsort((grams, -logs, histories(grams)))
            grams = grams[order]
            spelled = [words[i] for i in (grams & np.uint64((1 << WORD_BITS) - 1)).tolist()]
            for i in range(1, n):
                first = grams >> np.uint64(WORD_BITS * i) & np.uint64((1 << WORD_BITS) - 1)
                spelled = [f"{words[w]} {rest}" for w, rest in zip(first.tolist(), spelled, strict=True)]
            for log, gram, weight in zip(logs[order].tolist(), spelled, weights[order].tolist(), strict=True):
                yield f"{log:g}\t{gram}\t{weight:g}\n" if weight else f"{log:g}\t{gram}\n"
        yield "\n\\end\\\n"


def rounded_logs(values: Floats, absent: float) -> Floats:
    """Logarithms to base 10, rounded; `absent` where there is none."""
    logs = np.log10(values, out=np.full(len(values), absent), where=values > 0)
    return np.round(logs / STEP) * STEP + 0.0


@contextmanager
def plain_arpa(arpa: Path) -> Iterator[str]:
    """The path of the unpacked file, for as long as it is needed."""
    with tempfile.NamedTemporaryFile(suffix=".arpa") as plain:
        plain.write(gzip.decompress(arpa.read_bytes()))
        plain.flush()
        yield plain.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--packs",
        default="speech",
        help="a pattern of names: what of WORK the training transcripts are of (what voices read is of TEXT)",
    )
    parser.add_argument("--order", type=int, default=ORDER)
    parser.add_argument("--megabytes", type=float, default=MEGABYTES, help="at most, compressed")
    args = parser.parse_args()
    index = Index()
    held_out = transcripts(args.work, held_out=True)
    evaluated = Evaluated([index.ids([text]) for text in (*held_out, *clip_texts(args.clips))])
    kinds = dict(read_kinds(args.text, index, evaluated))
    kinds["transcripts"] = evaluated.without(index.ids(transcripts(args.work, held_out=False, packs=args.packs)))
    words, renamed = choose_vocabulary(kinds.values(), index)
    models = [KindModel(renamed[stream], len(words), args.order) for stream in kinds.values()]
    weights = weigh(models, renamed[index.ids(held_out)], args.order)
    for (name, stream), weight in zip(kinds.items(), weights, strict=True):
        print(f"{name}: {np.count_nonzero(stream > END_ID):,} words, weight {weight:.3f}", flush=True)
    mixture = Mixture(models, weights, args.order)
    kept, limit = MOST_GRAMS, args.megabytes * 1e6
    mixture.prune(kept)
    while len(arpa := gzip.compress("".join(mixture.lines(words)).encode(), mtime=0)) > limit:
        kept = int(0.99 * kept * limit / len(arpa))
        mixture.prune(kept)
    args.out.write_bytes(arpa)
    print(f"grams {[len(grams) for grams in mixture.grams]}, {len(arpa):,} bytes")


if __name__ == "__main__":
    main()
