"""Makes a checkpoint of w2v-BERT 2.0's shape, 2.3 GB: `python tests/golden/full_size_bert.py FOLDER`."""

import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Wav2Vec2BertConfig, Wav2Vec2BertForCTC, utils

from make_bert import features
from reference import randomize

FRAMES = [250, 160]  # 5 and 3.2 seconds


@torch.no_grad()
def main(folder):
    utils.logging.disable_progress_bar()
    config = Wav2Vec2BertConfig(vocab_size=40)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    model = randomize(Wav2Vec2BertForCTC(config), seed=1)
    for key, parameter in model.named_parameters():
        if key.endswith("distance_embedding.weight"):
            parameter.copy_(0.5 * torch.randn(parameter.shape))
    model.save_pretrained(folder)
    values, mask = features(2, FRAMES, config.feature_projection_input_dim)
    start = time.monotonic()
    result = model(values, attention_mask=mask.long(), output_hidden_states=True)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.0f} M parameters, {time.monotonic() - start:.1f} s")
    last = f"hidden_states.{config.num_hidden_layers}"
    expected = {"logits": result.logits, last: result.hidden_states[-1]}
    save_file({"input_features": values, "attention_mask": mask}, folder / "inputs.safetensors")
    save_file({name: tensor.contiguous().clone() for name, tensor in expected.items()}, folder / "expected.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
