"""PocketSphinx with the English model it comes with, line by line: `pip install pocketsphinx`.

Usage: `python bench/peers/pocketsphinx_text.py`. Says what it is on the first line. Then takes lines
{"input": path, "shape": [1, S]}, float32 at 16 kHz, and answers {"ms": …, "text": …}. Of Debian's
pocketsphinx-en-us it takes the acoustic and the language model where that is installed.
"""

import importlib.metadata
import json
import os
import sys
import time

import numpy
from pocketsphinx import Decoder

DEBIAN = "/usr/share/pocketsphinx/model/en-us"


def options():
    if not os.path.isdir(DEBIAN):
        return {}
    return {
        "hmm": f"{DEBIAN}/en-us",
        "lm": f"{DEBIAN}/en-us.lm.bin",
        "dict": f"{DEBIAN}/cmudict-en-us.dict",
    }


def main():
    model = options()
    decoder = Decoder(samprate=16000, loglevel="FATAL", **model)
    version = importlib.metadata.version("pocketsphinx")
    where = "Debian's" if model else "its own"
    print(json.dumps({"system": f"PocketSphinx {version}, {where} en-us model"}), flush=True)
    for line in sys.stdin:
        samples = numpy.fromfile(json.loads(line)["input"], dtype="<f4")
        pcm = (samples * 32767).clip(-32768, 32767).astype("<i2").tobytes()
        start = time.perf_counter()
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        ms = (time.perf_counter() - start) * 1000
        print(json.dumps({"ms": ms, "text": heard.hypstr if heard else ""}), flush=True)


if __name__ == "__main__":
    main()
