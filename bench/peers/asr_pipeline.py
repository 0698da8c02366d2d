"""transformers' speech recognition pipeline, line by line: `pip install torch transformers`.

Usage: `python bench/peers/asr_pipeline.py FOLDER THREADS`. Says what it is on the first line. Then takes
lines {"input": path, "shape": [1, S]} and answers {"ms": …, "text": …}. Long recordings are cut as its
documentation says: chunk_length_s 10, stride_length_s (4, 2).
"""

import json
import sys
import time

import numpy
import torch
import transformers

CHUNK_SECONDS = 10
STRIDE_SECONDS = (4, 2)


def main(folder, threads):
    torch.set_num_threads(int(threads))
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    recognise = transformers.pipeline(
        "automatic-speech-recognition", model=folder, device="cpu", dtype=torch.float32
    )
    facts = {
        "system": f"transformers {transformers.__version__} pipeline on PyTorch {torch.__version__}",
        "chunk_length_s": CHUNK_SECONDS,
        "stride_length_s": STRIDE_SECONDS,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        samples = numpy.fromfile(json.loads(line)["input"], dtype="<f4")
        start = time.perf_counter()
        heard = recognise(samples, chunk_length_s=CHUNK_SECONDS, stride_length_s=STRIDE_SECONDS)
        ms = (time.perf_counter() - start) * 1000
        print(json.dumps({"ms": ms, "text": heard["text"]}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
