"""Features of whole recordings: `python tests/golden/clip_features.py FOLDER`.

Reads every `NAME.samples` of the folder (float32 at 16 kHz) and writes `NAME.features` beside it, what
SeamlessM4TFeatureExtractor makes of them. Too large to keep: a test runs it on recordings of the day.
"""

import sys
from pathlib import Path

import numpy as np
from transformers import SeamlessM4TFeatureExtractor

extractor = SeamlessM4TFeatureExtractor()
for path in Path(sys.argv[1]).glob("*.samples"):
    samples = np.fromfile(path, np.float32)
    features = extractor(samples, sampling_rate=16000, return_tensors="np")["input_features"]
    features.astype(np.float32).tofile(path.with_suffix(".features"))
