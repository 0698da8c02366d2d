"""What a step hears and minimises."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hubcap_training.data import Batches, Corpus
from hubcap_training.model import VOCABULARY
from hubcap_training.train import losses

VIEWS = 2


def corpus(folder: Path) -> Corpus:
    rng = np.random.default_rng(1)
    count = 2 * 16_000
    utterances = [
        {"corpus": "a", "speaker": "b", "text": "one two", "start": i * count, "samples": count, "held_out": False}
        for i in range(6)
    ]
    (folder / "a.json").write_text(json.dumps(utterances))
    (rng.standard_normal(6 * count) * 3000).astype(np.int16).tofile(folder / "a.s16")
    return Corpus(folder, "a")


def test_all_views_are_of_the_same_moments_within_the_budget(tmp_path: Path) -> None:
    for n in range(4):
        batch = Batches([corpus(tmp_path)], 20.0, 1, VIEWS)[n]
        clean, views = batch.clean, batch.noisy.view(VIEWS, *batch.clean.shape)
        assert batch.noisy.numel() < 30 * 16_000
        assert not torch.equal(views[0], views[1])
        for row, speech in enumerate(clean):
            if speech.any():
                for view in views:
                    together = torch.corrcoef(torch.stack([speech, view[row]]))[0, 1]
                    assert together > 0.5


def test_views_are_drawn_to_each_other_and_not_when_they_agree(tmp_path: Path) -> None:
    batch = Batches([corpus(tmp_path)], 20.0, 1, VIEWS)[0]
    torch.manual_seed(1)
    rows, frames = len(batch.noisy), 99
    view = torch.randn(rows // VIEWS, frames, len(VOCABULARY)).log_softmax(-1)
    other = torch.randn_like(view).log_softmax(-1)
    ctc, difference = losses(torch.cat([view, other]), batch)
    assert float(losses(torch.cat([view, view]), batch)[1]) == 0.0

    exact = (view.exp() * (view - other) + other.exp() * (other - view)).sum()
    letters = VIEWS * max(50, int(batch.label_lengths.sum()))
    assert float(difference) == pytest.approx(float(exact) / letters, rel=1e-4)
    one = F.ctc_loss(
        view.transpose(0, 1), batch.labels, [frames] * len(view), batch.label_lengths.tolist(), reduction="sum"
    )
    alone, _ = losses(torch.cat([view, view]), batch)
    assert float(alone) == pytest.approx(VIEWS * float(one) / letters, rel=1e-4)
    assert ctc.isfinite()
