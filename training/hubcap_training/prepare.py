"""Unpack the speech packs into one int16 file and an index, split by speaker.

    python -m hubcap_training.prepare --speech DIR --clips DIR --out WORK [--name NAME]

Packs that come one after the other can each be given a name; training takes all that it finds.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from .text import normalise

RATE = 16_000
HELD_OUT_SHARE = 0.04
SLOWEST_LETTERS_PER_SECOND = 3.0
FASTEST_LETTERS_PER_SECOND = 28.0
SPELLED_CORPORA = {"an4"}


def manifest(tar: tarfile.TarFile, name: str) -> Iterator[dict[str, str]]:
    member = tar.extractfile(f"{name}/manifest.tsv")
    assert member is not None
    yield from csv.DictReader(io.TextIOWrapper(member, "utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE)


def evaluation_sentences(clips: Path) -> set[str]:
    with open(clips / "manifest.tsv", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {text for row in rows if (text := normalise(row["transcript"]))}


def is_held_out(corpus: str, speaker: str, text: str) -> bool:
    """By speaker where speakers are known, otherwise by sentence; stable over runs."""
    key = f"split 2: {corpus.rstrip('_12')}/{speaker or text}".encode()
    return int.from_bytes(hashlib.sha256(key).digest()[:4], "big") < HELD_OUT_SHARE * 2**32


def plausible(corpus: str, text: str, seconds: float) -> bool:
    if corpus in SPELLED_CORPORA:
        return True
    return SLOWEST_LETTERS_PER_SECOND <= len(text) / seconds <= FASTEST_LETTERS_PER_SECOND


def decode(data: bytes) -> np.ndarray:
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    if rate != RATE:
        raise ValueError(f"expected {RATE} Hz, found {rate}")
    return samples[:, 0]


def unpack(pack: Path, forbidden: set[str], audio: io.BufferedWriter) -> Iterator[dict[str, object]]:
    corpus = pack.stem
    with tarfile.open(pack) as tar:
        for row in manifest(tar, corpus):
            text = normalise(row["transcript"])
            if text is None or text in forbidden:
                continue
            member = tar.extractfile(f"{corpus}/{row['file']}")
            assert member is not None
            samples = decode(member.read())
            if not plausible(corpus, text, len(samples) / RATE):
                continue
            start = audio.tell() // 2
            audio.write(samples.tobytes())
            many_speakers = corpus not in ("kathleen", "african_storybook")
            yield {
                "corpus": corpus,
                "speaker": row["speaker"],
                "text": text,
                "start": start,
                "samples": len(samples),
                "held_out": is_held_out(corpus, row["speaker"] if many_speakers else "", text),
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="speech")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    forbidden = evaluation_sentences(args.clips)
    index = []
    with open(args.out / f"{args.name}.s16", "wb") as audio:
        for pack in sorted(args.speech.glob("*.tar")):
            rows = list(unpack(pack, forbidden, audio))
            index += rows
            seconds = sum(int(row["samples"]) for row in rows) / RATE  # type: ignore[call-overload]
            held = sum(bool(row["held_out"]) for row in rows)
            print(f"{pack.stem}: {len(rows)} utterances, {seconds / 3600:.2f} h, {held} held out", flush=True)
    (args.out / f"{args.name}.json").write_text(json.dumps(index))


if __name__ == "__main__":
    main()
