"""Write the averaged weights of checkpoints as a HuBERT folder that transformers loads.

    python -m hubcap_training.export --checkpoint CHECKPOINT… --out models/NAME [--shares N…] [--bits 16]

Of several checkpoints, stages of one training, it is their mean (Wortsman et al. 2022), each with
its share.

With 8 bits (the default) the transformer's matrices are int8, which transformers reads with
bitsandbytes; everything else is float32, since it computes in what is stored.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import HubertConfig, HubertForCTC, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor

from . import int8
from .model import VOCABULARY, student_config
from .whisper import RATE

WRAPPED = ".pos_conv_embed.convolution."
FEED_FORWARD_BIAS = "hubert.encoder.layers.0.feed_forward.intermediate_dense.bias"
WEIGHTS = "model.safetensors"


def averaged_student(*checkpoints: Path, shares: Sequence[float] = ()) -> HubertForCTC:
    states = [torch.load(checkpoint, weights_only=True)["average"] for checkpoint in checkpoints]
    weights = [share / sum(shares) for share in shares] or [1 / len(states)] * len(states)
    state = {
        name: sum(weight * state[name] for weight, state in zip(weights, states, strict=True)) for name in states[0]
    }
    config = student_config()
    config.intermediate_size = len(state[FEED_FORWARD_BIAS])  # earlier students were thinner
    student = HubertForCTC(config)
    student.load_state_dict({name.replace(WRAPPED, ".pos_conv_embed."): value for name, value in state.items()})
    return student.eval()


def load_student(folder: Path) -> HubertForCTC:
    """The model of an exported folder in float32, with the very weights that lie there.

    Needs no bitsandbytes, whose 8 bits would also round what goes into each matrix.
    """
    student = HubertForCTC(HubertConfig.from_pretrained(folder))
    student.load_state_dict(int8.unpack(load_file(folder / WEIGHTS)))
    return student.eval()


def save_weights(student: HubertForCTC, folder: Path, bits: int) -> None:
    state = student.state_dict()
    config = copy.deepcopy(student.config)
    config.architectures = [type(student).__name__]
    config.dtype = torch.float32  # to compute in: the front end's constants overflow float16
    if bits == 8:
        config.quantization_config = int8.QUANTIZATION_CONFIG
        tensors = int8.pack(state)
    else:
        tensors = {name: tensor.half().contiguous() for name, tensor in state.items()}
    config.save_pretrained(folder)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def export(student: HubertForCTC, folder: Path, bits: int = 8) -> None:
    save_weights(student, folder, bits)
    config = student.config
    # half the taps of the positional convolution tell frames apart: see README, "Positions"
    longest_input = config.num_conv_pos_embeddings // 2 * math.prod(config.conv_stride) / RATE
    Wav2Vec2FeatureExtractor(
        feature_size=1,
        sampling_rate=RATE,
        do_normalize=True,
        return_attention_mask=False,
        chunk_length_s=longest_input,
    ).save_pretrained(folder)
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({letter: i for i, letter in enumerate(VOCABULARY)}, indent=1) + "\n")
    Wav2Vec2CTCTokenizer(str(vocabulary)).save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True)
    parser.add_argument("--shares", type=float, nargs="+", default=[], help="of each checkpoint; equal unless given")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, help="of the transformer's matrices")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    export(averaged_student(*args.checkpoint, shares=args.shares), args.out, args.bits)
    for file in sorted(args.out.iterdir()):
        print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
