"""Makes the goldens of Wav2Vec2-BERT: `python tests/golden/make_bert.py`. See README_bert.md."""

import copy
import json
import os
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import (
    SeamlessM4TFeatureExtractor,
    Wav2Vec2BertConfig,
    Wav2Vec2BertForAudioFrameClassification,
    Wav2Vec2BertForCTC,
    Wav2Vec2BertForSequenceClassification,
    Wav2Vec2BertForXVector,
    Wav2Vec2BertModel,
    utils,
)

from reference import randomize

HERE = Path(__file__).parent
MAX_F64_DIFFERENCE = 2e-5  # what float32 itself may cost; goldens beyond it would test luck
SPEECH = Path(os.environ.get("HUBCAP_SPEECH_DATA", HERE / "../../../shared/data"))

# Small, but with everything the full-size ones have.
TINY = dict(
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=28,
    feature_projection_input_dim=20,
    conv_depthwise_kernel_size=7,
    left_max_position_embeddings=5,
    right_max_position_embeddings=2,
    vocab_size=12,
    classifier_proj_size=14,
    tdnn_dim=[10, 12, 9],
    tdnn_kernel=[5, 3, 1],
    tdnn_dilation=[1, 2, 3],
    xvector_output_dim=11,
    initializer_range=0.02,
    layerdrop=0.0,
)
STATES = ("last_hidden_state", "extract_features", "hidden_states", "attentions")
LENGTHS = [30, 19, 24]

cases = []


@torch.no_grad()
def checkpoint(name, model_class, config, *, dtype=torch.float16):
    """Writes a random checkpoint and reads it back: the weights on disk are the reference."""
    folder = HERE / f"bert_{name}"
    shutil.rmtree(folder, ignore_errors=True)
    seed = sum(name.encode())
    model = randomize(model_class(Wav2Vec2BertConfig(**{**TINY, **config})), seed)
    generator = torch.Generator().manual_seed(seed + 1)
    for key, parameter in model.named_parameters():
        if key.endswith(("distance_embedding.weight", "pos_bias_u", "pos_bias_v", "objective.weight")):
            parameter.copy_(0.7 * torch.randn(parameter.shape, generator=generator))
    model.to(dtype).save_pretrained(folder)
    return model_class.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def features(seed, frame_counts, size):
    """Smooth noise, padded with zeros at the end. [B, T, size], and its mask [B, T]."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(frame_counts)
    noise = torch.randn(len(frame_counts), longest + 2, size, generator=generator)
    smooth = (noise[:, :-2] + noise[:, 1:-1] + 0.5 * noise[:, 2:]) / 1.2
    mask = torch.zeros(len(frame_counts), longest, dtype=torch.uint8)
    for row, count in enumerate(frame_counts):
        mask[row, :count] = 1
    return (smooth * mask[..., None]).contiguous(), mask


@torch.no_grad()
def compute(model, inputs, wanted):
    """The `wanted` outputs of a model, by the names the goldens use."""
    kwargs = {"input_features": inputs["input_features"].clone()}
    if "attention_mask" in inputs:
        kwargs["attention_mask"] = inputs["attention_mask"].long()
    if "mask_time_indices" in inputs:
        kwargs["mask_time_indices"] = inputs["mask_time_indices"].bool()
    result = model(**kwargs, output_hidden_states=True, output_attentions=True)
    found = {}
    for name in ("logits", "embeddings", "last_hidden_state", "extract_features"):
        if name in result:
            found[name] = result[name]
    for name in ("hidden_states", "attentions"):
        for index, tensor in enumerate(result[name] or ()):
            found[f"{name}.{index}"] = tensor
    if "labels" in inputs:
        found |= losses(model, kwargs, inputs["labels"].long())
    return {name: tensor.contiguous().clone() for name, tensor in found.items() if name.split(".")[0] in wanted}


def losses(model, kwargs, labels):
    """The loss under every reduction the config can ask for, or the head's one loss."""
    if not isinstance(model, Wav2Vec2BertForCTC):
        return {"loss": model(**kwargs, labels=labels).loss}
    found = {}
    for reduction in ("sum", "mean"):
        model.config.ctc_loss_reduction, model.config.ctc_zero_infinity = reduction, True
        found[f"loss.{reduction}"] = model(**kwargs, labels=labels).loss
    return found


def case(name, model, outputs, *, folder=None, lengths=None, labels=None, mask=False, time=False):
    """Writes one case's inputs and expected outputs and notes it in the manifest."""
    lengths = lengths or LENGTHS
    values, attention_mask = features(
        sum(name.encode()) + 2, lengths, model.config.feature_projection_input_dim
    )
    inputs = {"input_features": values}
    if mask:
        inputs["attention_mask"] = attention_mask
    if labels is not None:
        inputs["labels"] = labels.to(torch.int32)
    if time:
        generator = torch.Generator().manual_seed(7)
        inputs["mask_time_indices"] = (torch.rand(attention_mask.shape, generator=generator) < 0.3).to(torch.uint8)
    expected = compute(model, inputs, outputs)
    check_precision(name, model, inputs, expected, outputs)
    seen = attention_mask if mask else torch.ones_like(attention_mask)
    frame_counts = model._get_feat_extract_output_lengths(seen.long().sum(-1)).tolist()
    target = HERE / f"bert_{name}"
    target.mkdir(exist_ok=True)
    save_file(inputs, target / "inputs.safetensors")
    save_file(expected, target / "expected.safetensors")
    cases.append(
        dict(
            name=f"bert_{name}",
            checkpoint=f"bert_{folder or name}",
            class_name=type(model).__name__,
            inputs=sorted(inputs),
            outputs=sorted(expected),
            frame_counts=frame_counts,
        )
    )


def check_precision(name, model, inputs, expected, outputs):
    """Fails when float32 and float64 disagree: such a case says nothing about an implementation."""
    widened = {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}
    exact = compute(copy.deepcopy(model).double(), widened, outputs)
    size = max(float(tensor.abs().max()) for tensor in expected.values())
    worst = max(
        (float((exact[key] - tensor).abs().max()), key)
        for key, tensor in expected.items()
        if not key.startswith("loss")
    )
    print(f"{name:28} largest {size:8.3f}  float32 against float64 {worst[0]:.1e} ({worst[1]})")
    assert worst[0] < MAX_F64_DIFFERENCE, name
    assert 0.1 < size, name


def targets(*rows):
    """CTC labels, padded with -100."""
    width = max(map(len, rows))
    return torch.tensor([list(row) + [-100] * (width - len(row)) for row in rows])


LABELS = targets([3, 4, 4, 5, 2], [7, 1], [9, 9, 3])


def make_base_models():
    model = checkpoint("relative_key", Wav2Vec2BertModel, {}, dtype=torch.float32)
    case("relative_key", model, STATES, lengths=[30])
    case("relative_key_masked", model, STATES, folder="relative_key", mask=True)
    case("relative_key_time", model, STATES[:1], folder="relative_key", mask=True, time=True)

    # longer than max_source_positions, which the reference's table grows to
    model = checkpoint(
        "relative", Wav2Vec2BertModel, dict(position_embeddings_type="relative", max_source_positions=8, hidden_act="gelu")
    )
    case("relative", model, STATES, mask=True)
    case("relative_long", model, STATES[:1], folder="relative", lengths=[150])

    model = checkpoint(
        "rotary",
        Wav2Vec2BertModel,
        dict(
            position_embeddings_type="rotary",
            rotary_embedding_base=500,
            layer_norm_eps=1e-3,
            hidden_act="relu",
            apply_spec_augment=False,
        ),
    )
    case("rotary", model, STATES[:3], mask=True)
    case("rotary_time", model, STATES[:1], folder="rotary", lengths=[150], time=True)  # ignored

    model = checkpoint(
        "no_positions",
        Wav2Vec2BertModel,
        dict(
            position_embeddings_type=None,
            mask_time_prob=0.0,
            conv_depthwise_kernel_size=1,
            num_attention_heads=8,
            num_hidden_layers=3,
        ),
    )
    case("no_positions", model, ("last_hidden_state", "hidden_states"))
    case("no_positions_masked", model, STATES[:1], folder="no_positions", mask=True)


def make_adapters():
    wide = dict(
        add_adapter=True,
        num_adapter_layers=2,
        output_hidden_size=18,
        use_intermediate_ffn_before_adapter=True,
    )
    model = checkpoint("adapter", Wav2Vec2BertModel, wide)
    case("adapter", model, STATES, mask=True)
    case("adapter_unmasked", model, STATES[:1], folder="adapter", lengths=[29])

    # half the kernel and half the stride differ, and with them lengths and masks
    odd = dict(add_adapter=True, adapter_kernel_size=5, adapter_stride=3, adapter_act="gelu_new")
    model = checkpoint("adapter_odd", Wav2Vec2BertModel, odd | dict(position_embeddings_type="relative"))
    case("adapter_odd", model, ("last_hidden_state", "hidden_states"), mask=True)

    even = dict(add_adapter=True, adapter_kernel_size=4, adapter_stride=2, adapter_act="selu")
    model = checkpoint("adapter_even", Wav2Vec2BertModel, even | dict(position_embeddings_type="rotary", num_hidden_layers=1))
    case("adapter_even", model, STATES[:1], mask=True)


def make_heads():
    both = ("logits", "loss")
    published = dict(
        feature_projection_input_dim=160,
        left_max_position_embeddings=64,
        right_max_position_embeddings=8,
        conv_depthwise_kernel_size=31,
        mask_time_prob=0.0,
    )
    model = checkpoint("ctc", Wav2Vec2BertForCTC, published)
    case("ctc", model, both, labels=LABELS, mask=True)
    case("ctc_unmasked", model, both, folder="ctc", labels=LABELS[:1], lengths=[90])

    wide = dict(add_adapter=True, output_hidden_size=18)
    model = checkpoint("ctc_adapter", Wav2Vec2BertForCTC, wide, dtype=torch.bfloat16)
    case("ctc_adapter", model, both, labels=LABELS, mask=True)

    weighted = dict(use_weighted_layer_sum=True, num_labels=5)
    model = checkpoint("classify", Wav2Vec2BertForSequenceClassification, weighted)
    labels = torch.tensor([1, 4, 0])
    case("classify", model, both, labels=labels, mask=True)
    case("classify_unmasked", model, both, folder="classify", labels=labels)

    model = checkpoint("classify_last", Wav2Vec2BertForSequenceClassification, dict(position_embeddings_type="rotary", num_hidden_layers=1))
    case("classify_last", model, both, labels=torch.tensor([1, 0, 1]), mask=True)

    generator = torch.Generator().manual_seed(3)
    flags = torch.nn.functional.one_hot(torch.randint(0, 3, (3, 30), generator=generator), 3)
    model = checkpoint("frames", Wav2Vec2BertForAudioFrameClassification, dict(num_labels=3, num_hidden_layers=1))
    case("frames", model, both, labels=flags, mask=True)

    model = checkpoint(
        "frames_weighted",
        Wav2Vec2BertForAudioFrameClassification,
        weighted | dict(num_labels=3, position_embeddings_type="relative"),
    )
    case("frames_weighted", model, both, labels=flags)

    vector = ("logits", "embeddings", "loss")
    speakers = torch.tensor([2, 3, 0])
    model = checkpoint("xvector", Wav2Vec2BertForXVector, dict(num_labels=4))
    case("xvector", model, vector, labels=speakers, mask=True)
    case("xvector_unmasked", model, vector, folder="xvector", labels=speakers)

    model = checkpoint("xvector_weighted", Wav2Vec2BertForXVector, weighted | dict(position_embeddings_type=None))
    case("xvector_weighted", model, vector, labels=speakers, mask=True)

    model = checkpoint("xvector_adapter", Wav2Vec2BertForXVector, dict(add_adapter=True, num_labels=4, num_hidden_layers=1))
    case("xvector_adapter", model, vector, labels=speakers, mask=True, lengths=[40, 30, 27])


def signals():
    """Made-up sounds that leave no mel bin without energy, and one that leaves most without."""
    rng = np.random.default_rng(5)
    time = np.arange(4000) / 16000
    chirp = np.sin(2 * np.pi * (200 * time + 4000 * time**2))
    voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20))
    noise = rng.normal(size=4000)
    return [
        (0.3 * chirp + 0.01 * noise + 0.1).astype(np.float32),  # with an offset
        (0.2 * voice[:3333] * (1 + np.sin(20 * time[:3333])) + 0.003 * noise[:3333]).astype(np.float32),
        (0.8 * noise[:3760] * np.linspace(0, 1, 3760) ** 3).astype(np.float32),
        (0.05 * noise[:560]).astype(np.float32),  # the fewest samples there are features of
        (0.5 * np.sin(2 * np.pi * 440 * time[:3000])).astype(np.float32),
    ]


CALLS = [
    (dict(), [0], {}),
    (dict(), [4], dict(do_normalize_per_mel_bins=False)),  # its variance is that of rounding
    (dict(), [0, 1, 2, 3], {}),
    (dict(padding_value=1.0), [0, 1, 2], dict(pad_to_multiple_of=8)),
    (dict(padding_side="left", padding_value=-0.5), [1, 2], dict(pad_to_multiple_of=2)),
    (dict(), [0, 1], dict(pad_to_multiple_of=1)),
    (dict(), [0, 1], dict(padding="max_length", max_length=31)),
    (dict(), [0, 1], dict(padding="max_length", max_length=21, truncation=True)),
    (dict(), [0, 3], dict(padding="longest", max_length=17, truncation=True, pad_to_multiple_of=4)),
    (dict(), [1], dict(do_normalize_per_mel_bins=False)),
    (dict(), [1, 2], dict(return_attention_mask=False)),
    (dict(return_attention_mask=False), [1, 2], {}),
    (dict(num_mel_bins=40, feature_size=40), [2], {}),
    (dict(stride=3), [1, 2], dict(pad_to_multiple_of=3)),
    (dict(stride=4), [2], {}),
    (dict(sampling_rate=8000), [1], {}),
    (dict(sampling_rate=44100), [1], {}),
]


def make_features():
    """`bert_features.json` with a row for each call, its tensors in `bert_features.safetensors`."""
    waves = signals()
    tensors = {f"wave.{i}": torch.from_numpy(wave) for i, wave in enumerate(waves)}
    rows = []
    for index, (config, chosen, options) in enumerate(CALLS):
        extractor = SeamlessM4TFeatureExtractor(**config)
        batch = extractor(
            [waves[row] for row in chosen], sampling_rate=extractor.sampling_rate, return_tensors="np", **options
        )
        tensors[f"{index}.input_features"] = torch.from_numpy(np.ascontiguousarray(batch["input_features"], np.float32))
        if "attention_mask" in batch:
            tensors[f"{index}.attention_mask"] = torch.from_numpy(np.ascontiguousarray(batch["attention_mask"], np.int32))
        rows.append(dict(config=config, rows=chosen, options=options))
    save_file(tensors, HERE / "bert_features.safetensors")
    (HERE / "bert_features.json").write_text(json.dumps(rows, indent=0) + "\n")


CLIPS = ["jfk", "ls_1688-142285-0000", "an4_an36-fejs-b", "LJ001-0004", "ps_card_003", "so_000240031", "lj001_long_150s"]
RATES = [16000, 8000, 22050]


def make_clip_features():
    """A few features of recordings that are not part of the project: `bert_clips.json`."""
    if not (SPEECH / "clips").exists():
        print(f"no recordings in {SPEECH}: bert_clips.json stays as it is")
        return
    import soundfile

    rows = []
    for name in CLIPS:
        samples, rate = soundfile.read(SPEECH / "clips" / f"{name}.flac", dtype="float32")
        assert rate == 16000
        for rate in RATES[: 3 if name == "jfk" else 1]:
            extractor = SeamlessM4TFeatureExtractor(sampling_rate=rate)
            batch = extractor(samples, sampling_rate=rate, return_tensors="np")
            found = batch["input_features"][0]
            chosen = [0, len(found) // 2, len(found) - 2]
            rows.append(
                dict(
                    file=f"{name}.flac",
                    sampling_rate=rate,
                    feature_count=int(batch["attention_mask"].sum()),
                    shape=list(found.shape),
                    rows={row: [round(float(x), 4) for x in found[row]] for row in chosen},
                )
            )
    (HERE / "bert_clips.json").write_text(json.dumps(rows) + "\n")


def main():
    utils.logging.disable_progress_bar()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    make_base_models()
    make_adapters()
    make_heads()
    (HERE / "bert_cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    make_features()
    make_clip_features()
    paths = [path for pattern in ("bert_*", "bert_*/*") for path in HERE.glob(pattern) if path.is_file()]
    print(f"{len(cases)} cases, {sum(path.stat().st_size for path in paths) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
