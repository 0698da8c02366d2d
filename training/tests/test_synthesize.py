"""Which sentences are read aloud, and what pitch and pace do."""

from pathlib import Path

import numpy as np
import pytest

from hubcap_training.prepare import RATE
from hubcap_training.synthesize import Voice, read_aloud, sentences

TONE_HZ = 200.0


def test_sentences_are_spelled_as_transcripts_are_and_none_is_evaluated(tmp_path: Path) -> None:
    lines = ["Mr. Hale & Mrs. Hale went home.", "It was 1843 in the evening.", "Never to be learnt, this one.", "Short."]
    file = tmp_path / "text.txt"
    file.write_text("\n".join([*lines, "x" * 200]))
    found = list(sentences([file], {"never to be learnt this one"}, np.random.default_rng(1)))
    assert found == [("Mister Hale  and  Missus Hale went home.", "mister hale and missus hale went home")]


@pytest.mark.parametrize("seed", range(8))
def test_pitch_changes_and_takes_no_time(seed: int) -> None:
    paces = []

    def speak(_: str, pace: float) -> np.ndarray:
        paces.append(pace)
        return np.sin(2 * np.pi * TONE_HZ * np.arange(int(2 * 24_000 / pace)) / 24_000)

    samples = read_aloud(Voice(24_000, speak), "", np.random.default_rng(seed))
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    pitch = np.argmax(spectrum) * RATE / len(samples) / TONE_HZ
    assert 0.8 < pitch < 1.25
    seconds = len(samples) / RATE
    assert seconds == pytest.approx(2 / (paces[0] * pitch), rel=0.02)
    assert 2 / 1.35 < seconds < 2 / 0.8
