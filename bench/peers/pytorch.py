"""transformers on PyTorch, driven line by line: `pip install torch transformers`.

Usage: `python bench/peers/pytorch.py FOLDER THREADS`. Says what it is on the first line. Then takes
lines {"input": path, "shape": [B, S] or [B, T, F], "output": path?}, runs the model once over the
little-endian float32 file, and answers {"ms": …}. Scaled dot-product attention, no gradients.
"""

import json
import sys
import time

import numpy
import torch
import transformers


def read(path, shape):
    """An input as the model takes it: samples [B, S], or features [B, T, F]."""
    return torch.from_numpy(numpy.fromfile(path, dtype="<f4").reshape(shape))


@torch.inference_mode()
def main(folder, threads):
    torch.set_num_threads(int(threads))
    transformers.utils.logging.disable_progress_bar()
    model = transformers.AutoModelForCTC.from_pretrained(
        folder, attn_implementation="sdpa", dtype=torch.float32
    ).eval()
    facts = {
        "system": f"transformers {transformers.__version__} on PyTorch {torch.__version__}",
        "attention": model.config._attn_implementation,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        values = read(job["input"], job["shape"])
        start = time.perf_counter()
        logits = model(values).logits
        ms = (time.perf_counter() - start) * 1000
        if "output" in job:
            logits.numpy().astype("<f4").tofile(job["output"])
        print(json.dumps({"ms": ms}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
