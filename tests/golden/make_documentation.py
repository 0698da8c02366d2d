"""What the examples of the documentation print: `python tests/golden/make_documentation.py`.

Each function is an example of transformers' documentation for HuBERT or Wav2Vec2-BERT, on a golden
checkpoint instead of a published one, and gives the lines its twin in `examples/documentation` prints.
"""

import json
import re
from pathlib import Path

import soundfile
import torch
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    AutoModelForAudioFrameClassification,
    AutoModelForAudioXVector,
    AutoModelForCTC,
    AutoModel,
    AutoTokenizer,
    SeamlessM4TFeatureExtractor,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    pipeline,
    utils,
)

HERE = Path(__file__).parent
HARBOUR, BALLOONS = "samples/harbour.wav", "samples/balloons.flac"
TOKENIZER = HERE / "ctc_group"  # of checkpoints without one
TRANSCRIPT = "hello bob | that hat"

examples = []


def example(name, checkpoint, arguments, lines):
    examples.append(dict(example=name, checkpoint=checkpoint, arguments=arguments, lines=lines))


def read(recording):
    samples, rate = soundfile.read(HERE.parent.parent / recording, dtype="float32")
    assert rate == 16000
    return samples


def feature_extractor(checkpoint):
    """The checkpoint's, or the one that fits its config."""
    if (HERE / checkpoint / "preprocessor_config.json").exists():
        return AutoFeatureExtractor.from_pretrained(HERE / checkpoint)
    config = AutoConfig.from_pretrained(HERE / checkpoint)
    if config.model_type != "wav2vec2-bert":
        return Wav2Vec2FeatureExtractor()
    size = config.feature_projection_input_dim // 2
    return SeamlessM4TFeatureExtractor(feature_size=size, num_mel_bins=size)


def tokenizer(checkpoint, **options):
    own = HERE / checkpoint
    return AutoTokenizer.from_pretrained(own if (own / "vocab.json").exists() else TOKENIZER, **options)


def load(model_class, checkpoint, **options):
    return model_class.from_pretrained(HERE / checkpoint, dtype=torch.float32, **options).eval()


def inputs_of(checkpoint, *recordings):
    extractor = feature_extractor(checkpoint)
    waveforms = [read(recording) for recording in recordings]
    return extractor(waveforms, sampling_rate=16000, padding=True, return_tensors="pt")


def spoken(text):
    """Captions are of words: no special tokens, one space between words."""
    return " ".join(re.sub("<[^>]*>", "", text).split())


@torch.no_grad()
def recognition(checkpoint):
    model = load(AutoModelForCTC, checkpoint)
    recognizer = pipeline(
        "automatic-speech-recognition",
        model=model,
        feature_extractor=feature_extractor(checkpoint),
        tokenizer=tokenizer(checkpoint),
    )
    example("pipeline", checkpoint, [HARBOUR], [spoken(recognizer(read(HARBOUR))["text"])])


@torch.no_grad()
def ctc(checkpoint):
    model = load(AutoModelForCTC, checkpoint)
    inputs = inputs_of(checkpoint, HARBOUR)
    words = tokenizer(checkpoint)
    text = words.batch_decode(model(**inputs).logits.argmax(-1))[0]
    labels = words(TRANSCRIPT, return_tensors="pt").input_ids
    loss = model(**inputs, labels=labels).loss.item()
    example("ctc", checkpoint, [HARBOUR, TRANSCRIPT], [text, f"loss {loss:.2f}"])


@torch.no_grad()
def hidden_states(checkpoint):
    model = load(AutoModel, checkpoint, attn_implementation="eager")
    output = model(**inputs_of(checkpoint, HARBOUR), output_hidden_states=True, output_attentions=True)
    last, hidden, attentions = output.last_hidden_state, output.hidden_states, output.attentions
    lines = [
        f"last hidden state {shape(last)} mean size {last.abs().mean().item():.3f}",
        f"{len(hidden)} hidden states {shape(hidden[0])}",
        f"{len(attentions)} attentions {shape(attentions[0])}",
    ]
    example("hidden_states", checkpoint, [HARBOUR], lines)


def shape(tensor):
    return f"[ {', '.join(map(str, tensor.shape))} ]"


@torch.no_grad()
def sequence_classification(checkpoint):
    model = load(AutoModelForAudioClassification, checkpoint)
    inputs = inputs_of(checkpoint, HARBOUR)
    predicted = model(**inputs).logits.argmax(-1).item()
    target = model.config.label2id[model.config.id2label[0]]
    loss = model(**inputs, labels=torch.tensor([target])).loss.item()
    lines = [model.config.id2label[predicted], f"loss {loss:.2f}"]
    example("sequence_classification", checkpoint, [HARBOUR], lines)


@torch.no_grad()
def audio_classification(checkpoint):
    model = load(AutoModelForAudioClassification, checkpoint)
    classifier = pipeline("audio-classification", model=model, feature_extractor=feature_extractor(checkpoint))
    lines = [f"{row['score']:.3f} {row['label']}" for row in classifier(read(HARBOUR))]
    example("audio_classification", checkpoint, [HARBOUR], lines)


@torch.no_grad()
def multi_label_classification(checkpoint):
    model = load(AutoModelForAudioClassification, checkpoint)
    logits = model(**inputs_of(checkpoint, HARBOUR)).logits
    flags = (logits.sigmoid() > 0.5).float()
    # HubertForSequenceClassification takes the cross-entropy whatever problem_type says
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, flags).item()
    likeliest = logits[0].argsort(descending=True).tolist()
    applying = [model.config.id2label[label] for label in likeliest if flags[0, label]]
    lines = [", ".join(applying) or "no class applies", f"loss {loss:.2f}"]
    example("multi_label_classification", checkpoint, [HARBOUR], lines)


@torch.no_grad()
def frame_classification(checkpoint):
    model = load(AutoModelForAudioFrameClassification, checkpoint)
    logits = model(**inputs_of(checkpoint, HARBOUR)).logits
    frames = (torch.sigmoid(logits[0]) > 0.5).long()
    lines = ["first frame " + " ".join(map(str, frames[0].tolist()))]
    for label, name in model.config.id2label.items():
        lines.append(f"{name} in {frames[:, label].sum()} of {len(frames)} frames")
    example("frame_classification", checkpoint, [HARBOUR], lines)


@torch.no_grad()
def x_vector(checkpoint):
    model = load(AutoModelForAudioXVector, checkpoint)
    embeddings = model(**inputs_of(checkpoint, HARBOUR, BALLOONS)).embeddings
    embeddings = torch.nn.functional.normalize(embeddings, dim=-1)
    similarity = torch.nn.CosineSimilarity(dim=-1)(embeddings[0], embeddings[1]).item()
    verdict = "Two speakers" if similarity < 0.7 else "One speaker"
    example("x_vector", checkpoint, [HARBOUR, BALLOONS], [f"{verdict} {similarity:.3f}"])


@torch.no_grad()
def batched(checkpoint):
    model = load(AutoModelForCTC, checkpoint)
    inputs = inputs_of(checkpoint, HARBOUR, BALLOONS)
    ids = model(**inputs).logits.argmax(-1)
    if "attention_mask" in inputs:  # frames of padding say nothing
        counts = model._get_feat_extract_output_lengths(inputs["attention_mask"].sum(-1))
        ids = [row[:count] for row, count in zip(ids, counts)]
    example("batched", checkpoint, [HARBOUR, BALLOONS], tokenizer(checkpoint).batch_decode(ids))


@torch.no_grad()
def language_adapters(checkpoint, languages):
    model = load(Wav2Vec2ForCTC, checkpoint, target_lang=languages[0], ignore_mismatched_sizes=True)
    words = tokenizer(checkpoint, target_lang=languages[0])
    inputs = inputs_of(checkpoint, HARBOUR)
    lines = []
    for language in languages:
        words.set_target_lang(language)
        model.load_adapter(language)
        lines.append(f"{language}: {words.batch_decode(model(**inputs).logits.argmax(-1))[0]}")
    example("language_adapters", checkpoint, [HARBOUR, *languages], lines)


def main():
    utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for checkpoint in ("ctc_group", "ctc_adapter", "bert_ctc"):
        recognition(checkpoint)
        ctc(checkpoint)
        batched(checkpoint)
    for checkpoint in ("model_group", "model_layer", "bert_relative_key"):
        hidden_states(checkpoint)
    for checkpoint in ("classify_weighted", "bert_classify"):
        sequence_classification(checkpoint)
        audio_classification(checkpoint)
    audio_classification("classify_multi")
    multi_label_classification("classify_multi")
    frame_classification("bert_frames")
    x_vector("bert_xvector")
    language_adapters("wav2vec2_adapter", ["eng", "fra", "deu"])
    (HERE / "documentation.json").write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n")
    for row in examples:
        print(row["example"], row["checkpoint"], *row["lines"], sep="\n  ")


if __name__ == "__main__":
    main()
