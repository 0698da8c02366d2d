"""Makes the golden checkpoints with quantised weights: `python tests/golden/make_quantized.py`. See README.md."""

import json

import torch
from transformers import BitsAndBytesConfig, HubertForCTC, Wav2Vec2BertForCTC, utils

import make
import make_bert

EIGHT_BITS = dict(load_in_8bit=True)
FOUR_BITS = dict(load_in_4bit=True, bnb_4bit_quant_type="nf4")
FULL_SIZE_BLOCKS = dict(num_hidden_layers=1, intermediate_size=700)
"""Matrices of over 256 blocks, so that double quantisation has more than one block of its own."""


def quantize(maker, name, model_class, config, how, **options):
    """Writes a random checkpoint, quantises it as its users do, and gives what the file then stands for."""
    # transformers rounds what it makes of four bits to the type the model was quantised from
    dtype = torch.float32 if "load_in_4bit" in how else torch.float16
    maker.checkpoint(name, model_class, config, dtype=dtype)
    folder = make.HERE / (name if maker is make else f"bert_{name}")
    quantized = model_class.from_pretrained(folder, quantization_config=BitsAndBytesConfig(**how), device_map="cpu")
    for file in folder.iterdir():
        file.unlink()
    quantized.save_pretrained(folder, **options)
    reread = model_class.from_pretrained(folder, device_map="cpu", dtype=torch.float32, attn_implementation="eager")
    # In eight bits its own forward pass rounds activations too, which is no property of the file.
    return reread.dequantize(torch.float32).float().eval()


def main():
    utils.logging.disable_progress_bar()
    utils.logging.set_verbosity_error()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)

    model = quantize(make, "quantized_int8", HubertForCTC, make.STABLE, EIGHT_BITS)
    make.case("quantized_int8", model, ("logits",))

    skipping = dict(llm_int8_skip_modules=["lm_head", "hubert.feature_projection.projection"])
    model = quantize(make, "quantized_int8_sharded", HubertForCTC, {}, EIGHT_BITS | skipping, max_shard_size="12KB")
    make.case("quantized_int8_sharded", model, ("logits",))

    model = quantize(make, "quantized_nf4", HubertForCTC, make.STABLE, FOUR_BITS)
    make.case("quantized_nf4", model, ("logits",))

    model = quantize(make, "quantized_fp4", HubertForCTC, {}, dict(load_in_4bit=True, bnb_4bit_quant_type="fp4"))
    make.case("quantized_fp4", model, ("logits",))

    twice = FOUR_BITS | dict(bnb_4bit_use_double_quant=True)
    model = quantize(make, "quantized_nf4_double", HubertForCTC, FULL_SIZE_BLOCKS, twice)
    make.case("quantized_nf4_double", model, ("logits",))

    model = quantize(make_bert, "quantized_int8", Wav2Vec2BertForCTC, {}, EIGHT_BITS)
    make_bert.case("quantized_int8", model, ("logits",), mask=True)

    cases = make.cases + make_bert.cases
    (make.HERE / "quantized_cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
