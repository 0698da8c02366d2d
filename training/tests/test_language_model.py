"""What the language model is made of, and that the file is a model: its probabilities sum to one."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from hubcap_training import language_model as lm
from hubcap_training.sentences import paragraphs, sentences

WORDS = [f"w{letter}" for letter in "abcdefghijklmnopqrst"]


def saying(seed: int, count: int = 400) -> list[str]:
    """Sentences in which a word hangs together with the one before it."""
    dice = np.random.default_rng(seed)
    chances = dice.dirichlet(np.full(len(WORDS), 0.3), len(WORDS))
    said = []
    for _ in range(count):
        at = int(dice.integers(len(WORDS)))
        words = []
        for _ in range(int(dice.integers(1, 9))):
            words.append(WORDS[at])
            at = int(dice.choice(len(WORDS), p=chances[at]))
        said.append(" ".join(words))
    return said


def mixed(kept: int) -> tuple[list[str], lm.Mixture]:
    index = lm.Index()
    kinds = [index.ids(saying(seed)) for seed in (1, 2)]
    words, renamed = lm.choose_vocabulary(kinds, index)
    models = [lm.KindModel(renamed[kind], len(words), 3) for kind in kinds]
    mixture = lm.Mixture(models, lm.weigh(models, renamed[index.ids(saying(2, 50))], 3), 3)
    mixture.prune(kept)
    return words, mixture


class Arpa:
    def __init__(self, text: str) -> None:
        self.announced: dict[int, int] = {}
        self.grams: dict[int, dict[tuple[str, ...], float]] = defaultdict(dict)
        self.backoffs: dict[tuple[str, ...], float] = {}
        order = 0
        for line in text.splitlines():
            if line.startswith("ngram "):
                n, count = line.removeprefix("ngram ").split("=")
                self.announced[int(n)] = int(count)
            elif line.endswith("-grams:"):
                order = int(line[1])
            elif "\t" in line:
                log, words, *backoff = line.split("\t")
                gram = tuple(words.split())
                self.grams[order][gram] = float(log)
                self.backoffs[gram] = float(backoff[0]) if backoff else 0.0

    def log(self, *gram: str) -> float:
        if gram in self.grams[len(gram)]:
            return self.grams[len(gram)][gram]
        return self.backoffs.get(gram[:-1], 0.0) + self.log(*gram[1:])


@pytest.mark.parametrize("kept", [40, 300, 10_000])
def test_what_follows_any_history_sums_to_one(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lm, "STEP", 1e-5)
    words, mixture = mixed(kept)
    arpa = Arpa("".join(mixture.lines(words)))
    assert arpa.announced == {n: len(arpa.grams[n]) for n in (1, 2, 3)}
    following = [word for word in words if word != lm.START]
    for history in [(), *arpa.grams[1], *arpa.grams[2]]:
        if lm.END not in history and lm.UNKNOWN not in history:
            total = sum(10 ** arpa.log(*history, word) for word in following)
            assert total == pytest.approx(1.0, abs=1e-3), history


def test_parts_of_a_gram_are_grams_and_come_before_it() -> None:
    words, mixture = mixed(300)
    arpa = Arpa("".join(mixture.lines(words)))
    for n in (2, 3):
        assert arpa.grams[n]
        for gram in arpa.grams[n]:
            assert gram[:-1] in arpa.grams[n - 1]
            assert gram[1:] in arpa.grams[n - 1]


def test_quotation_marks_before_a_word_are_none_of_it() -> None:
    index = lm.Index()
    kind = index.ids(["'and it was so", "''tis and and", "'tis well", "well it was", "'em", *["and it"] * 20])
    words, renamed = lm.choose_vocabulary([np.tile(kind, 2)], index)
    assert not {"'and", "''tis"} & set(words)
    assert {"and", "'tis", "'em"} <= set(words)
    assert words[renamed[index["'and"]]] == "and"
    assert words[renamed[index["''tis"]]] == "'tis"


def test_a_work_that_another_has_most_of_is_there_once() -> None:
    dice = np.random.default_rng(0)
    first, second = dice.integers(3, 5000, (2, 20_000)).astype(np.uint32)
    shelf = lm.Shelf()
    assert shelf.add(first)
    assert shelf.add(second)
    assert not shelf.add(np.concatenate([second[:100], first[500:], second[100:300]]))
    assert shelf.add(np.concatenate([first[:5000], dice.integers(3, 5000, 15_000).astype(np.uint32)]))


def test_evaluated_sentences_are_left_out_and_their_neighbours_not() -> None:
    index = lm.Index()
    evaluated = lm.Evaluated([index.ids(["one two three four five six seven"])])
    text = ["so one two three four five six", "one two three four five", "two three four five six seven"]
    kept = evaluated.without(index.ids(text))
    assert kept.tolist() == index.ids([text[1]]).tolist()


def test_rare_grams_of_a_crowded_order_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lm, "CROWDED", 50)
    index = lm.Index()
    model = lm.KindModel(index.ids(saying(3)), len(index), 3)
    assert [0 < len(grams) <= 50 for grams in model.grams[1:]] == [True, True]
    history = np.uint64(index[WORDS[0]]) << np.uint64(lm.WORD_BITS)
    following = np.array([history + np.uint64(i) for i in range(len(index)) if i != lm.START_ID], np.uint64)
    assert model.probabilities(following, 2).sum() == pytest.approx(1.0, abs=0.06)


def test_paragraphs_of_tei_are_those_of_its_body(tmp_path: Path) -> None:
    book = tmp_path / "book.xml"
    book.write_text(
        "<TEI><front><p>Preface.</p></front><body><head>I</head>"
        '<p rend="x">He said &amp; <hi>smiled</hi>.<note><p>A note.</p></note>\nThen\nhe left.</p><p>Gone</p></body></TEI>'
    )
    assert [s for p in paragraphs(book) for s in sentences(p)] == ["he said and smiled", "then he left", "gone"]
