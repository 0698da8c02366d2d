"""The teacher: Whisper tiny.en's encoder (MIT), read from a CTranslate2 `model.bin`.

To carry it about without the decoder, in a fifth of the size:

    python -m hubcap_training.whisper --teacher model.bin --out teacher.safetensors
"""

from __future__ import annotations

import argparse
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.audio_utils import mel_filter_bank

WIDTH = 384
HEADS = 6
LAYERS = 4
MEL_BANDS = 80
FFT = 400
HOP = 160
RATE = 16_000

_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def _name(file: BinaryIO) -> str:
    (length,) = struct.unpack("<H", file.read(2))
    return file.read(length)[:-1].decode()


def read_ctranslate2(path: Path) -> dict[str, Tensor]:
    """Every variable of a CTranslate2 model file (format 6), by its name, as float32."""
    variables: dict[str, Tensor] = {}
    with open(path, "rb") as file:
        (version,) = struct.unpack("<I", file.read(4))
        if version != 6:
            raise ValueError(f"CTranslate2 file format {version}, expected 6")
        _name(file)
        _, count = struct.unpack("<II", file.read(8))
        for _ in range(count):
            name = _name(file)
            (rank,) = struct.unpack("<B", file.read(1))
            shape = struct.unpack(f"<{rank}I", file.read(4 * rank))
            kind, size = struct.unpack("<BI", file.read(5))
            values = np.frombuffer(file.read(size), _DTYPES[kind]).reshape(shape)
            variables[name] = torch.from_numpy(values.astype(np.float32))
    return variables


class LogMel(nn.Module):
    """Whisper's features: log-mel, floored 8 decades below the loudest cell of the window."""

    def __init__(self) -> None:
        super().__init__()
        filters = mel_filter_bank(
            FFT // 2 + 1, MEL_BANDS, 0.0, RATE / 2, RATE, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("filters", torch.from_numpy(filters.T.astype(np.float32)))
        self.register_buffer("window", torch.hann_window(FFT))

    @torch.autocast("cuda", enabled=False)
    def forward(self, samples: Tensor) -> Tensor:
        spectrum = torch.stft(samples, FFT, HOP, window=self.window, return_complex=True)
        power = spectrum[..., :-1].abs().square()
        mel = (self.filters @ power).clamp(min=1e-10).log10()
        mel = torch.maximum(mel, mel.amax((1, 2), keepdim=True) - 8.0)
        return (mel + 4.0) / 4.0


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.feed_norm = nn.LayerNorm(WIDTH)
        self.expand = nn.Linear(WIDTH, 4 * WIDTH)
        self.contract = nn.Linear(4 * WIDTH, WIDTH)

    def attend(self, x: Tensor) -> Tensor:
        batch, frames, _ = x.shape
        q, k, v = self.qkv(self.attention_norm(x)).view(batch, frames, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        return x + self.out(attended)

    def neurons(self, attended: Tensor) -> Tensor:
        return F.gelu(self.expand(self.feed_norm(attended)))

    def forward(self, x: Tensor) -> Tensor:
        attended = self.attend(x)
        return attended + self.contract(self.neurons(attended))


class WhisperEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.log_mel = LogMel()
        self.conv1 = nn.Conv1d(MEL_BANDS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.register_buffer("positions", torch.zeros(1500, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)

    def front_end(self, samples: Tensor) -> Tensor:
        """`[batch, samples]` to `[batch, frames, width]`, before positions are added."""
        x = F.gelu(self.conv1(self.log_mel(samples)))
        return F.gelu(self.conv2(x)).transpose(1, 2)

    def transform(self, x: Tensor) -> list[Tensor]:
        """The output of every block; the last one after the final norm."""
        outputs = []
        x = x + self.positions[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        return [*outputs[:-1], self.norm(x)]


def encoder_state(variables: dict[str, Tensor]) -> dict[str, Tensor]:
    """CTranslate2's variables by the names of `WhisperEncoder`."""
    names = {
        "conv1": "conv1",
        "conv2": "conv2",
        "norm": "layer_norm",
    }
    for i in range(LAYERS):
        names |= {
            f"blocks.{i}.attention_norm": f"layer_{i}/self_attention/layer_norm",
            f"blocks.{i}.qkv": f"layer_{i}/self_attention/linear_0",
            f"blocks.{i}.out": f"layer_{i}/self_attention/linear_1",
            f"blocks.{i}.feed_norm": f"layer_{i}/ffn/layer_norm",
            f"blocks.{i}.expand": f"layer_{i}/ffn/linear_0",
            f"blocks.{i}.contract": f"layer_{i}/ffn/linear_1",
        }
    state = {"positions": variables["encoder/position_encodings/encodings"]}
    for ours, theirs in names.items():
        kinds = ("gamma", "beta") if "norm" in ours else ("weight", "bias")
        state[f"{ours}.weight"] = variables[f"encoder/{theirs}/{kinds[0]}"]
        state[f"{ours}.bias"] = variables[f"encoder/{theirs}/{kinds[1]}"]
    return state


def load_teacher(path: Path) -> WhisperEncoder:
    """From a CTranslate2 `model.bin`, or from what `main` made of it."""
    state = load_file(path) if path.suffix == ".safetensors" else encoder_state(read_ctranslate2(path))
    teacher = WhisperEncoder()
    missing, unexpected = teacher.load_state_dict(state, strict=False)
    if unexpected or any(not name.startswith("log_mel.") for name in missing):
        raise ValueError(f"{path} is no Whisper tiny.en encoder: {missing or unexpected}")
    return teacher.eval().requires_grad_(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    state = encoder_state(read_ctranslate2(args.teacher))
    save_file({name: value.half().contiguous() for name, value in state.items()}, args.out)


if __name__ == "__main__":
    main()
