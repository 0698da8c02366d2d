"""What is taken from recordings of others."""

import numpy as np
import pytest

from hubcap_training.gather import RATE, letter_distance, nearest_text, trimmed

SENTENCES = ["please call stella", "ask her to bring these things", "the boat left the harbour", "it rained all day"]


@pytest.mark.parametrize(("a", "b", "distance"), [("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("abc", "abc", 0)])
def test_letter_distance(a: str, b: str, distance: int) -> None:
    assert letter_distance(a, b) == distance


def test_nearest_text_puts_sentences_in_the_order_heard() -> None:
    text, distance = nearest_text("ask hr to bring thes thing plese cal stela", SENTENCES)
    assert text == "ask her to bring these things please call stella"
    assert 0 < distance < 0.2


def test_nearest_text_of_something_else_is_far() -> None:
    assert nearest_text("completely unrelated words", SENTENCES)[1] > 1 / 3


def test_trimmed_keeps_a_little_silence() -> None:
    speech = np.sin(np.arange(RATE, dtype=np.float32))
    silence = np.zeros(RATE, np.float32)
    kept = trimmed(np.concatenate([silence, speech, silence]))
    assert 1.5 * RATE <= len(kept) <= 1.55 * RATE
    assert len(trimmed(silence)) == 0
