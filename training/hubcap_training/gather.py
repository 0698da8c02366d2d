"""Make speech packs of public repositories' recordings.

    python -m hubcap_training.gather --robotutor FOLDER --resemblyzer FOLDER --whisper MODEL \
        --common-voice FOLDER… --vctk FOLDER --vctk-text FILE --model models/NAME --out SPEECH

`robotutor`: XPRIZE/GLEXP-Team-RoboTutor-EnglishAssets (CC BY 4.0), files named by what is said.
`resemblyzer`: resemble-ai/Resemblyzer, of whose LibriSpeech utterances (CC BY 4.0) those of
train-clean-100 are taken, one each of 251 speakers; Whisper transcribes them, as text is not there.
Needs faster-whisper, and MODEL, the CTranslate2 folder of the teacher.
`common-voice`: repositories with recordings of Common Voice releases (CC0) and their validated.tsv:
korliu/whisper, shubhra-cv/17, /18 and /19.
`vctk`: haroitman/nsnet_implementation, CleanSpeech_training: sentences of VCTK (CC BY 4.0), one to
three in a file, without text. What is said is found among VCTK's sentences (FILE, one a line: the
texts of jaywalnut310/vits' filelists), as those nearest to what a trained model hears.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from .export import load_student
from .prepare import RATE
from .scoring import transcribe
from .text import normalise

LEAST_PROBABILITY = -0.35
"""Mean log-probability of a token, below which a transcript is not trusted."""

MOST_DISTANCE = 1 / 3
"""Of letters, between what is heard and a text that is taken for it."""
KEPT_SILENCE = 0.25
"""Seconds, before and after speech."""
CANDIDATES = 10
MOST_SENTENCES = 3

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


def trimmed(samples: np.ndarray) -> np.ndarray:
    """With little of the silence, 40 dB below the loudest, at both ends."""
    block = RATE // 50
    level = np.sqrt(np.mean(samples[: len(samples) // block * block].reshape(-1, block) ** 2, axis=1))
    loud = np.flatnonzero(level > level.max(initial=0.0) / 100)
    if not len(loud):
        return samples[:0]
    kept = int(KEPT_SILENCE * RATE)
    return samples[max(0, loud[0] * block - kept) : (loud[-1] + 1) * block + kept]


def common_voice(folders: Sequence[Path]) -> Iterator[Recording]:
    """What its listeners found right, each recording once."""
    seen: set[str] = set()
    for folder in folders:
        paths = {path.name: path for path in folder.rglob("*.mp3")}
        for table in sorted(folder.rglob("validated.tsv")):
            with open(table, encoding="utf-8") as file:
                for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                    name = row["path"]
                    if name not in paths or name in seen:
                        continue
                    seen.add(name)
                    samples, rate = soundfile.read(paths[name], dtype="float32", always_2d=True)
                    mono = trimmed(resample_poly(samples.mean(1), RATE // 50, rate // 50))
                    if len(mono) > 0.4 * RATE:
                        yield mono, row["sentence"], row["client_id"][:16]


def letter_distance(a: str, b: str) -> int:
    """Edit distance of two texts."""
    letters = np.frombuffer(b.encode(), np.uint8)
    places = np.arange(len(letters) + 1)
    row = places
    for i, letter in enumerate(a.encode(), 1):
        replaced = np.minimum(row[:-1] + (letters != letter), row[1:] + 1)
        row = np.minimum.accumulate(np.concatenate([[i], replaced]) - places) + places
    return int(row[-1])


def nearest_text(heard: str, sentences: Sequence[str]) -> tuple[str, float]:
    """The sentence, or the few in a row, whose letters are nearest to those heard; and how far, of its letters."""
    letters = heard.replace(" ", "")
    grams = {letters[i : i + 4] for i in range(len(letters) - 3)}

    def shared(sentence: str) -> float:
        plain = sentence.replace(" ", "")
        own = {plain[i : i + 4] for i in range(len(plain) - 3)}
        return len(own & grams) / max(1, len(own)) ** 0.7

    likely = sorted(sentences, key=shared, reverse=True)[:CANDIDATES]
    found: list[tuple[int, tuple[str, ...]]] = [(len(letters), ())]
    best = found[0]
    for _ in range(MOST_SENTENCES):
        rows = {
            (*row[:place], sentence, *row[place:])
            for _, row in found
            for sentence in likely
            if sentence not in row
            for place in range(len(row) + 1)
        }
        found = sorted((letter_distance(letters, "".join(row).replace(" ", "")), row) for row in rows)[:4]
        if not found or found[0][0] >= best[0]:
            break
        best = found[0]
    text = " ".join(best[1])
    return text, best[0] / max(1, len(text.replace(" ", "")))


def vctk(folder: Path, text: Path, model: Path) -> Iterator[Recording]:
    sentences = sorted({plain for line in text.read_text().splitlines() if (plain := normalise(line))})
    student = load_student(model)
    seen: set[str] = set()
    for path in sorted(folder.rglob("clnsp*.wav")):
        samples, rate = soundfile.read(path, dtype="float32")
        if rate != RATE or samples.ndim != 1:
            continue
        said, distance = nearest_text(transcribe(student, samples[: 12 * RATE]), sentences)
        if distance <= MOST_DISTANCE and said not in seen:
            seen.add(said)
            yield samples, said, ""


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
    parser.add_argument("--common-voice", type=Path, nargs="+")
    parser.add_argument("--vctk", type=Path)
    parser.add_argument("--vctk-text", type=Path)
    parser.add_argument("--model", type=Path, help="exported, to hear VCTK's recordings")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.robotutor:
        write_pack("robotutor", robotutor(args.robotutor), args.out)
    if args.resemblyzer:
        write_pack("resemblyzer", resemblyzer(args.resemblyzer, args.whisper), args.out)
    if args.common_voice:
        write_pack("commonvoice_delta", common_voice(args.common_voice), args.out)
    if args.vctk:
        write_pack("vctk", vctk(args.vctk, args.vctk_text, args.model), args.out)


if __name__ == "__main__":
    main()
