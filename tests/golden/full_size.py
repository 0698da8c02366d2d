"""Makes checkpoints of full size: `python tests/golden/full_size.py FOLDER [base|base-layer|large|wav2vec2]…`."""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import HubertConfig, HubertForCTC, Wav2Vec2Config, Wav2Vec2ForCTC, utils

from reference import compute, randomize, speech

SAMPLES = [48000, 30000]
OUTPUTS = ("logits", "loss", "hidden_states")
LAYER_NORM = dict(feat_extract_norm="layer", conv_bias=True, do_stable_layer_norm=True)
MODELS = {
    "base": (HubertForCTC, HubertConfig()),
    "base-layer": (HubertForCTC, HubertConfig(**LAYER_NORM)),
    "large": (
        HubertForCTC,
        HubertConfig(
            hidden_size=1024,
            num_hidden_layers=24,
            num_attention_heads=16,
            intermediate_size=4096,
            **LAYER_NORM,
        ),
    ),
    "wav2vec2": (Wav2Vec2ForCTC, Wav2Vec2Config()),
}


def make(root, name):
    """Writes one checkpoint with its inputs and expected outputs; returns its manifest entry."""
    model_class, config = MODELS[name]
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    model = randomize(model_class(config), seed=1)
    folder = root / name
    model.save_pretrained(folder)
    values, mask = speech(2, SAMPLES)
    inputs = {
        "input_values": values,
        "labels": torch.tensor([[5, 6, 6, 7, 4, 9], [8, 4, 8, -100, -100, -100]], dtype=torch.int32),
    }
    if config.feat_extract_norm == "layer":  # what such models were trained with
        inputs["attention_mask"] = mask
    expected, frame_counts = compute(model, inputs, OUTPUTS)
    last = config.num_hidden_layers
    kept = {name for name in expected if not name.startswith("hidden_states.")}
    expected = {name: expected[name] for name in kept | {"hidden_states.0", f"hidden_states.{last}"}}
    save_file(inputs, folder / "inputs.safetensors")
    save_file(expected, folder / "expected.safetensors")
    size = max(float(tensor.abs().max()) for name, tensor in expected.items() if "loss" not in name)
    print(f"{name}: {sum(p.numel() for p in model.parameters()) / 1e6:.0f} M parameters, largest output {size:.2f}")
    return dict(
        name=name,
        checkpoint=name,
        class_name=model_class.__name__,
        inputs=sorted(inputs),
        outputs=sorted(expected),
        sample_counts=SAMPLES,
        frame_counts=frame_counts,
        options={},
    )


def main(folder, *names):
    utils.logging.disable_progress_bar()
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    cases = [make(root, name) for name in names or MODELS]
    (root / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
