"""Whisper's log-mel front end, rewritten as the convolutions of a HuBERT.

A HuBERT front end is convolution, layer norm, GELU, over and over. Whisper's is a short-time
spectrum, 80 mel bands, a logarithm, and two convolutions with GELU. Both can be the same:

- *Layer norm is undone.* Two extra channels hold constants, +C and -C, so large that they alone
  make the variance; a third holds minus the sum of the others, so that the mean is zero. The
  norm is then a fixed factor, which its weight takes back.
- *Bands.* Each band is four windowed sinusoids, a quarter turn apart. GELU passes one half of
  each; together they add up to the band's amplitude.
- *Logarithm.* Per band, GELUs with knots 10 dB apart; least squares finds the weights with
  which they make Whisper's log-mel. Gains come in opposite pairs, so their sum stays zero.
- *The two convolutions* are Whisper's own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .whisper import MEL_BANDS, RATE, WIDTH, WhisperEncoder

PHASES = 4
TAPS = 400
EXTRA = 4
# (amplitude of the knot, gain); a negative gain looks below its knot.
KNOTS = [(0.004, 250.0), (0.012, -250.0), (0.03, 60.0), (0.08, -60.0), (0.2, 10.0), (0.6, -10.0)]
CONSTANTS = [3000.0, 300.0, 20000.0, 1000.0, 1000.0]
LIFT = 4.0
"""Added to a band's amplitude, where the GELU is straight."""
LOUD = 30.0
"""What a filter gives for a loud moment of its band."""
RIDGE = 1e-3

CONV_DIM = [MEL_BANDS * PHASES + EXTRA, MEL_BANDS + EXTRA, MEL_BANDS * len(KNOTS) + EXTRA, WIDTH + EXTRA, WIDTH + EXTRA]
CONV_KERNEL = [TAPS, 4, 1, 3, 3]
CONV_STRIDE = [80, 2, 1, 1, 2]
# The receptive field is 1280 samples: frame j is centred where the teacher's frame j + 2 is, and
# before the last layer frame i where its mel frame i + 2 is.
LAG = 2


def _mel_to_hertz(mel: Tensor) -> Tensor:
    """The Slaney scale, as Whisper's."""
    linear = 200.0 * mel / 3.0
    return torch.where(mel < 15.0, linear, 1000.0 * torch.exp((mel - 15.0) * math.log(6.4) / 27.0))


def band_filters() -> Tensor:
    """`[bands, phases, taps]`, each of unit length."""
    top = 15.0 + 27.0 * math.log(RATE / 2 / 1000.0) / math.log(6.4)
    edges = _mel_to_hertz(torch.linspace(0.0, top, MEL_BANDS + 2))
    centre, width = edges[1:-1, None, None], (edges[2:] - edges[:-2])[:, None, None]
    time = (torch.arange(TAPS) - (TAPS - 1) / 2) / RATE
    spread = torch.clamp(0.5 / width, max=TAPS / RATE / 5)
    window = torch.exp(-0.5 * (time / spread) ** 2)
    turn = torch.arange(PHASES)[None, :, None] * math.pi / 2
    filters = window * torch.cos(2 * math.pi * centre * time + turn)
    filters = filters - window * (filters.sum(-1, keepdim=True) / window.sum(-1, keepdim=True))
    return filters / filters.norm(dim=-1, keepdim=True)


def _undo_norm(layer: nn.Module, constant: float, balanced: bool) -> None:
    """Fill the extra channels of a layer whose first channels are set, and level its norm.

    `balanced`: the first channels add up to nothing by themselves.
    """
    weight, bias, norm = layer.conv.weight, layer.conv.bias, layer.layer_norm
    real = weight.shape[0] - EXTRA
    weight[real:] = 0.0
    bias[real:] = torch.tensor([constant, -constant, 0.0, 0.0])
    if not balanced:
        weight[real + 2], bias[real + 2] = -weight[:real].sum(0), -bias[:real].sum()
    norm.weight.fill_(0.0)
    norm.bias.fill_(0.0)
    norm.weight[:real] = constant * math.sqrt(2.0 / weight.shape[0])


def _set(layer: nn.Module, weight: Tensor, bias: Tensor | None = None) -> None:
    layer.conv.weight.zero_()
    layer.conv.bias.zero_()
    layer.conv.weight[: weight.shape[0], : weight.shape[1]] = weight
    if bias is not None:
        layer.conv.bias[: bias.shape[0]] = bias


def _unit_power(samples: Tensor) -> Tensor:
    samples = samples - samples.mean(1, keepdim=True)
    return samples / samples.std(1, keepdim=True)


def _logarithm(features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and bias that make `target` `[cells, bands]` from `features` `[cells, units]`."""
    scale = features.std(0) + 1e-6
    x = F.pad(features / scale, (0, 1), value=1.0).double()
    gram = x.T @ x / len(x)
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    solution = torch.linalg.solve(gram, x.T @ target.double() / len(x)).float()
    return (solution[:-1] / scale[:, None]).T, solution[-1]


@torch.no_grad()
def rewrite(teacher: WhisperEncoder, layers: nn.ModuleList, speech: Tensor) -> None:
    """Set a HuBERT's five convolutional layers; `speech` at the level the teacher shall hear."""
    bands, amplitudes, units, first, second = layers
    heard = _unit_power(speech)

    filters = band_filters()
    response = F.conv1d(heard[:, None], filters[:, 0, None], stride=160).abs()
    loud = response.transpose(0, 1).flatten(1)[:, ::7].quantile(0.95, dim=1)
    _set(bands, (filters * (LOUD / loud)[:, None, None]).flatten(0, 1)[:, None])
    _undo_norm(bands, CONSTANTS[0], balanced=True)

    mean = torch.eye(MEL_BANDS).repeat_interleave(PHASES, dim=1) / LOUD / CONV_KERNEL[1]
    _set(amplitudes, mean[:, :, None].expand(-1, -1, CONV_KERNEL[1]))
    _undo_norm(amplitudes, CONSTANTS[1], balanced=False)
    amplitudes.layer_norm.bias[:MEL_BANDS] = LIFT

    gains = torch.tensor([gain for _, gain in KNOTS])
    knots = torch.tensor([knot for knot, _ in KNOTS])
    spread = torch.eye(MEL_BANDS)[:, None, :] * gains[None, :, None]
    _set(units, spread.flatten(0, 1)[:, :, None], (-(LIFT + knots) * gains).repeat(MEL_BANDS))
    _undo_norm(units, CONSTANTS[2], balanced=False)

    x = heard[:, None]
    for layer in layers[:3]:
        x = layer(x)
    mel = teacher.log_mel(speech)[:, :, LAG:]
    frames = min(mel.shape[2], x.shape[2])
    features = x[:, : MEL_BANDS * len(KNOTS), :frames].transpose(1, 2).flatten(0, 1)
    weight, bias = _logarithm(features, mel[:, :, :frames].transpose(1, 2).flatten(0, 1))

    conv = teacher.conv1
    _set(first, torch.einsum("obt,bu->out", conv.weight, weight), conv.bias + conv.weight.sum(2) @ bias)
    _undo_norm(first, CONSTANTS[3], balanced=False)
    _set(second, teacher.conv2.weight, teacher.conv2.bias)
    _undo_norm(second, CONSTANTS[4], balanced=False)
