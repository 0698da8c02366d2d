"""Write the averaged weights of a checkpoint as a HuBERT folder that transformers loads.

    python -m hubcap_training.export --checkpoint CHECKPOINT --out models/NAME
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch
from transformers import HubertForCTC, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor

from .model import VOCABULARY, student_config
from .whisper import RATE

WRAPPED = ".pos_conv_embed.convolution."


def averaged_student(checkpoint: Path) -> HubertForCTC:
    state = torch.load(checkpoint, weights_only=True)["average"]
    student = HubertForCTC(student_config())
    student.load_state_dict({name.replace(WRAPPED, ".pos_conv_embed."): value for name, value in state.items()})
    return student.eval()


def export(student: HubertForCTC, folder: Path) -> None:
    student.half().save_pretrained(folder)
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
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    export(averaged_student(args.checkpoint), args.out)
    for file in sorted(args.out.iterdir()):
        print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
