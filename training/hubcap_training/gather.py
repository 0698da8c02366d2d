"""Make speech packs of two public repositories' recordings.

    python -m hubcap_training.gather --robotutor FOLDER --resemblyzer FOLDER --whisper MODEL --out SPEECH

`robotutor`: XPRIZE/GLEXP-Team-RoboTutor-EnglishAssets (CC BY 4.0), files named by what is said.
`resemblyzer`: resemble-ai/Resemblyzer, of whose LibriSpeech utterances (CC BY 4.0) those of
train-clean-100 are taken, one each of 251 speakers; Whisper transcribes them, as text is not there.
Needs faster-whisper, and MODEL, the CTranslate2 folder of the teacher.
"""

from __future__ import annotations

import argparse
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from .prepare import RATE

LEAST_PROBABILITY = -0.35
"""Mean log-probability of a token, below which a transcript is not trusted."""

Recording = tuple[np.ndarray, str, str]
"""Samples, transcript, speaker."""


def robotutor(folder: Path) -> Iterator[Recording]:
    seen: set[str] = set()
    for path in sorted(folder.rglob("*.mp3")):
        text = path.stem.replace("_", " ").strip()
        if not re.fullmatch(r"[A-Za-z' ,.!?-]{3,}", text) or text.lower() in seen:
            continue
        seen.add(text.lower())
        try:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            continue
        mono = resample_poly(samples.mean(1), RATE // 50, rate // 50)
        if np.abs(mono).max(initial=0.0) > 0.01:
            yield mono, text, "robotutor"


def resemblyzer(folder: Path, model: Path) -> Iterator[Recording]:
    from faster_whisper import WhisperModel

    whisper = WhisperModel(str(model), device="cpu", compute_type="float32", cpu_threads=1)
    for path in sorted(folder.glob("audio_data/librispeech_train-clean-100/**/*.flac")):
        samples, rate = soundfile.read(path, dtype="float32")
        if rate != RATE:
            continue
        segments = list(whisper.transcribe(samples, language="en", beam_size=5)[0])
        if segments and min(segment.avg_logprob for segment in segments) >= LEAST_PROBABILITY:
            yield samples, " ".join(segment.text.strip() for segment in segments), path.stem.split("-")[0]


def write_pack(name: str, recordings: Iterator[Recording], out: Path) -> None:
    rows = ["file\tseconds\ttranscript\tspeaker"]
    total = 0.0
    with tarfile.open(out / f"{name}.tar", "w") as tar:

        def add(path: str, data: bytes) -> None:
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))

        for i, (samples, text, speaker) in enumerate(recordings):
            file = io.BytesIO()
            soundfile.write(file, samples, RATE, format="FLAC", subtype="PCM_16")
            add(f"{i:05}.flac", file.getvalue())
            rows.append(f"{i:05}.flac\t{len(samples) / RATE:.2f}\t{text}\t{speaker}")
            total += len(samples) / RATE
        add("manifest.tsv", "\n".join(rows).encode())
    print(f"{name}: {len(rows) - 1} recordings, {total / 3600:.2f} h")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--robotutor", type=Path)
    parser.add_argument("--resemblyzer", type=Path)
    parser.add_argument("--whisper", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.robotutor:
        write_pack("robotutor", robotutor(args.robotutor), args.out)
    if args.resemblyzer:
        write_pack("resemblyzer", resemblyzer(args.resemblyzer, args.whisper), args.out)


if __name__ == "__main__":
    main()
