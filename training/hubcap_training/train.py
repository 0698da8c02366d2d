"""Train. SIGTERM saves and stops it; the same command resumes it, up to --steps.

    python -m hubcap_training.train --work WORK --teacher model.bin --clips DIR --steps 1000

Several processes share each step under `torchrun --nproc-per-node N -m hubcap_training.train …`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import HubertForCTC

from .data import Batch, Batches, Corpus
from .evaluate import hear_clips
from .export import averaged_student
from .model import BLANK, TabledPositions, student_config, student_from_teacher
from .scoring import error_rate, transcribe, word_errors
from .whisper import WhisperEncoder, load_teacher

CHECKPOINT_SECONDS = 180
EVALUATE_STEPS = 1200
HELD_OUT_UTTERANCES = 60
AVERAGE_DECAY = 0.998
WARM_UP_STEPS = 30
LARGEST_GRADIENT = 1.0
FEWEST_LETTERS = 50
CONSISTENCY = 0.2
"""Weight of the views' differences, the paper's."""
FIT_EXCERPTS = 80
FIT_SAMPLES = 4 * 16_000
RATES = {"projection": 1.0e-4, "layers": 1.0e-4, "head": 5.0e-4}
HEAD_BOOST = 5.0
HEAD_BOOST_STEPS = 250
"""The head begins from nothing: for the first steps its rate is so many times higher."""


@dataclass(frozen=True)
class Plan:
    steps: int
    new_head: bool
    scale: float = 1.0
    """Of all rates: less than 1 for weights that are good already."""

    def rate(self, group: str, step: int) -> float:
        warm = min(1.0, (step + 1) / WARM_UP_STEPS)
        boost = 1.0 + HEAD_BOOST * math.exp(-step / HEAD_BOOST_STEPS) if group == "head" and self.new_head else 1.0
        return self.scale * RATES[group] * boost * warm * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / self.steps))))


def group_of(name: str) -> str:
    if name.startswith("lm_head"):
        return "head"
    return "layers" if ".encoder." in name else "projection"


def make_optimizer(student: HubertForCTC) -> torch.optim.AdamW:
    groups: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in student.named_parameters():
        if not parameter.requires_grad:
            continue
        groups.setdefault((group_of(name), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": members, "name": group, "weight_decay": 0.01 if decays else 0.0}
            for (group, decays), members in groups.items()
        ],
        lr=0.0,
        betas=(0.9, 0.98),
        fused=True,
    )


class Team:
    """The processes that `torchrun` started, or this one alone."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.size > 1:
            distributed.init_process_group("gloo")

    def average_gradients(self, parameters: list[nn.Parameter]) -> None:
        if self.size == 1:
            return
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        joined = torch.cat([gradient.flatten() for gradient in gradients]) / self.size
        distributed.all_reduce(joined)
        parts = joined.split([gradient.numel() for gradient in gradients])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)

    def anyone(self, wish: bool) -> bool:
        flag = torch.tensor(float(wish))
        if self.size > 1:
            distributed.all_reduce(flag)
        return bool(flag > 0)


def losses(scores: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """CTC of all views, and how far each is from what the other says (CR-CTC, Yao et al. 2025); a letter.

    `scores`: log-probabilities `[views * batch, frames, letters]`.
    """
    count = len(scores) // len(batch.label_lengths)
    frames = torch.full((scores.shape[0],), scores.shape[1], device=scores.device)
    ctc = F.ctc_loss(
        scores.transpose(0, 1),
        batch.labels.repeat(count),
        frames,
        batch.label_lengths.repeat(count),
        BLANK,
        reduction="sum",
        zero_infinity=True,
    )
    views = scores.chunk(count)
    others = torch.cat([*views[1:], views[0]]).detach()
    difference = F.kl_div(scores, others, log_target=True, reduction="sum")
    letters = count * batch.label_lengths.sum().clamp(min=FEWEST_LETTERS)
    return ctc / letters, difference / letters


class Trainer:
    def __init__(self, student: HubertForCTC, plan: Plan, team: Team) -> None:
        self.student, self.plan, self.team = student, plan, team
        self.device = student.device
        encoder = student.hubert.encoder
        encoder.pos_conv_embed = TabledPositions(encoder.pos_conv_embed)
        student.freeze_feature_encoder()
        self.trained = [p for p in student.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(student)
        self.average = {name: value.clone() for name, value in student.state_dict().items()}
        self.step = 0

    def train_step(self, batch: Batch) -> dict[str, float]:
        self.student.train()
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            hidden = self.student.hubert(batch.noisy).last_hidden_state
            ctc, difference = losses(self.student.lm_head(hidden).float().log_softmax(-1), batch)
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate(group["name"], self.step)
        self.optimizer.zero_grad()
        (ctc + CONSISTENCY * difference).backward()
        self.team.average_gradients(self.trained)
        norm = nn.utils.clip_grad_norm_(self.trained, LARGEST_GRADIENT)
        if norm.isfinite():
            self.optimizer.step()
        self._update_average()
        self.step += 1
        return {"ctc": float(ctc.detach()), "difference": float(difference.detach()), "gradient": float(norm)}

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step))
        for name, value in self.student.state_dict().items():
            self.average[name].lerp_(value, 1.0 - decay)

    def evaluate(self, held_out: list[tuple[Corpus, int]], clips: Path) -> dict[str, float]:
        current = {name: value.clone() for name, value in self.student.state_dict().items()}
        self.student.load_state_dict(self.average)
        self.student.eval()
        pairs = []
        for corpus, i in held_out:
            utterance = corpus.utterances[i]
            pairs.append(word_errors(utterance["text"], transcribe(self.student, corpus.samples(utterance))))
        heard = hear_clips(partial(transcribe, self.student), clips)
        rates = {"held_out": error_rate(pairs), "clips": error_rate(one.errors for one in heard.values())}
        self.student.load_state_dict(current)
        return rates

    def save(self, path: Path) -> None:
        state = {
            "student": self.student.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }
        torch.save(state, path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)

    def resume(self, path: Path) -> None:
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.student.load_state_dict(state["student"])
        self.student.hubert.encoder.pos_conv_embed.tabulate()
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]


def held_out_sample(corpora: list[Corpus]) -> list[tuple[Corpus, int]]:
    everything = [
        (corpus, i)
        for corpus in corpora
        for i, utterance in enumerate(corpus.utterances)
        if utterance["held_out"]
    ]
    return everything[:: max(1, len(everything) // HELD_OUT_UTTERANCES)]


def first_student(teacher: WhisperEncoder, corpora: list[Corpus], seed: int) -> HubertForCTC:
    """From the teacher, and from a few seconds of many utterances to fit the front end to."""
    torch.manual_seed(seed)
    batches = Batches(corpora, 20.0, seed)
    excerpts = [row[:FIT_SAMPLES] for n in range(100) for row in batches[n].clean if row.any()]
    excerpts = [excerpt for excerpt in excerpts if len(excerpt) == FIT_SAMPLES]
    return student_from_teacher(teacher, torch.stack(excerpts[:: len(excerpts) // FIT_EXCERPTS]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True, help="CTranslate2 model.bin of tiny.en")
    parser.add_argument("--clips", type=Path, required=True, help="evaluation only")
    parser.add_argument("--run", default="default")
    parser.add_argument("--from", type=Path, dest="start", help="a checkpoint whose averaged weights to begin with")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--rates", type=float, default=1.0, help="times the learning rates")
    parser.add_argument("--views", type=int, default=1, help="of an utterance at a time, drawn to each other")
    parser.add_argument("--batch-seconds", type=float, default=28.0, help="of all views")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare batches")
    args = parser.parse_args()

    team = Team()
    folder = args.work / "runs" / args.run
    folder.mkdir(parents=True, exist_ok=True)
    corpora = [Corpus(args.work, path.stem) for path in sorted(args.work.glob("*.json"))]
    checkpoint = folder / "checkpoint.pt"
    student = HubertForCTC(student_config())
    if args.start and not checkpoint.exists():
        student = averaged_student(args.start)
    elif not checkpoint.exists():
        student = first_student(load_teacher(args.teacher), corpora, args.seed)
    trainer = Trainer(student.to(args.device), Plan(args.steps, args.start is None, args.rates), team)
    if checkpoint.exists():
        trainer.resume(checkpoint)

    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    held_out = held_out_sample(corpora)
    saved = time.monotonic()
    batches = DataLoader(
        Batches(corpora, args.batch_seconds, args.seed, args.views),
        batch_size=None,
        sampler=range(trainer.step * team.size + team.rank, args.steps * team.size, team.size),
        num_workers=args.workers,
    )
    for batch in batches:
        if team.anyone(bool(stopping)):
            break
        began = time.monotonic()
        torch.manual_seed(trainer.step)
        record: dict[str, float] = trainer.train_step(batch)
        record |= {
            "step": trainer.step,
            "seconds": round(time.monotonic() - began, 3),
            "audio": team.size * batch.noisy.numel() / 16_000,
            "time": round(time.time(), 1),
        }
        if team.rank > 0:
            continue
        if trainer.step % EVALUATE_STEPS == 0:
            record |= trainer.evaluate(held_out, args.clips)
            print({k: record[k] for k in ("step", "ctc", "held_out", "clips")}, flush=True)
        with open(folder / "log.jsonl", "a") as log:
            log.write(json.dumps({k: round(v, 5) for k, v in record.items()}) + "\n")
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            trainer.save(checkpoint)
            saved = time.monotonic()
    if team.rank == 0:
        trainer.save(checkpoint)


if __name__ == "__main__":
    main()
