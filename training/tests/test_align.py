"""Where letters and pauses are found, against what is known beforehand."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hubcap_training.align import HOP, letter_frames, pauses
from hubcap_training.data import encode
from hubcap_training.model import BLANK, VOCABULARY


def collapse(path: tuple[int, ...]) -> list[int]:
    return [i for i, before in zip(path, (BLANK, *path), strict=False) if i not in (before, BLANK)]


def random_scores(frames: int, letters: int, seed: int) -> np.ndarray:
    chances = np.random.default_rng(seed).dirichlet(np.ones(letters), frames)
    return np.log(chances)


@pytest.mark.parametrize("labels", [[1], [1, 2], [1, 1], [2, 1, 2], [1, 1, 2]])
@pytest.mark.parametrize("seed", range(4))
def test_the_score_is_that_of_the_best_of_all_paths(labels: list[int], seed: int) -> None:
    scores = random_scores(6, 3, seed)
    paths = [path for path in product(range(3), repeat=6) if collapse(path) == labels]
    best = max(paths, key=lambda path: sum(scores[range(6), path]))
    first, last, score = letter_frames(scores, labels)
    assert score == pytest.approx(sum(scores[range(6), best]) / len(labels))
    frames = [frame for begin, end in zip(first, last, strict=True) for frame in range(begin, end + 1)]
    assert frames == [frame for frame, letter in enumerate(best) if letter != BLANK]


def test_equal_letters_in_a_row_have_a_blank_between() -> None:
    path = [0, 5, 5, 0, 5, 0, 7, 7]
    scores = np.log(np.where(np.eye(8)[path] == 1, 0.9, 0.1 / 7))
    first, last, _ = letter_frames(scores, [5, 5, 7])
    assert first.tolist() == [1, 4, 6]
    assert last.tolist() == [2, 4, 7]


class Speller:
    """Stands for a model: it hears a given letter in every frame, whatever the samples."""

    device = "cpu"

    def __init__(self, letters: list[int]) -> None:
        self._logits = 10.0 * torch.eye(len(VOCABULARY))[letters]

    def __call__(self, batch: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self._logits[None])


def at_it(silent_frames: int, loudness: float) -> tuple[np.ndarray, Speller]:
    """Noise for "at it", a letter every other frame, and a pause of this loudness between the words."""
    a, t, space, i, _ = encode("at it")
    silence = [BLANK] * silent_frames
    silence[silent_frames // 2] = space
    letters = [a, BLANK, t, BLANK, BLANK, *silence, i, BLANK, t, BLANK, BLANK]
    samples = np.random.default_rng(0).standard_normal(len(letters) * HOP).astype(np.float32)
    samples[5 * HOP : (5 + silent_frames) * HOP] *= loudness
    return samples, Speller(letters)


def test_a_pause_is_found_in_the_silence_between_words() -> None:
    samples, model = at_it(10, loudness=0.001)
    [(place, letters_before)] = pauses(samples, "at it", model)
    assert 5 * HOP <= place < 15 * HOP
    assert letters_before == len("at")


@pytest.mark.parametrize(
    ("silent_frames", "loudness", "text"),
    [(2, 0.001, "at it"), (10, 1.0, "at it"), (10, 0.001, "we go"), (10, 0.001, "at it " * 9)],
    ids=["too short", "not quiet", "another text", "more letters than frames"],
)
def test_no_pause(silent_frames: int, loudness: float, text: str) -> None:
    samples, model = at_it(silent_frames, loudness)
    assert pauses(samples, text.strip(), model) == []
