"""The transformer's matrices in 8 bits, as bitsandbytes lays them out: `x.weight` in int8 and
`x.SCB`, the largest magnitude of each row, which is what its 127 stands for."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

ROUNDED = re.compile(r"\.encoder\.layers\.\d+\.(attention|feed_forward)\.\w+\.weight$")
"""What is kept in 8 bits. The front end computes with constants that 8 bits are too few for."""

QUANTIZATION_CONFIG: dict[str, Any] = {
    "quant_method": "bitsandbytes",
    "load_in_8bit": True,
    "llm_int8_skip_modules": ["hubert.feature_projection.projection", "lm_head"],
}
"""Of linear modules alone: bitsandbytes leaves convolutions as they are."""

LEVELS = 127


def pack(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's matrices in int8, everything else in float32."""
    packed = {}
    for name, tensor in state.items():
        if ROUNDED.search(name):
            peaks = tensor.float().abs().amax(1)
            steps = LEVELS / peaks.clamp_min(torch.finfo(torch.float32).tiny)
            packed[name] = (tensor.float() * steps[:, None]).round().to(torch.int8)
            packed[_beside(name, "SCB")] = peaks
            packed[_beside(name, "weight_format")] = torch.zeros((), dtype=torch.uint8)
        else:
            packed[name] = tensor.float().contiguous()
    return packed


def unpack(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What packed tensors stand for, in float32."""
    state = {name: tensor.float() for name, tensor in tensors.items() if not name.endswith((".SCB", ".weight_format"))}
    for name in state:
        if tensors[name].dtype == torch.int8:
            state[name] *= tensors[_beside(name, "SCB")][:, None] / LEVELS
    return state


def _beside(weight: str, part: str) -> str:
    return weight.removesuffix("weight") + part
