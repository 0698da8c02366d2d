"""Makes the golden checkpoints: `python tests/golden/make.py`. See README.md."""

import copy
import json
import shutil
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    HubertConfig,
    HubertForCTC,
    HubertForSequenceClassification,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2Model,
    utils,
)

from reference import compute, randomize, speech

HERE = Path(__file__).parent
MAX_F64_DIFFERENCE = 2e-5  # what float32 itself may cost; goldens beyond it would test luck

# Small, but with everything the full-size ones have.
TINY = dict(
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=40,
    conv_dim=[8, 8, 10],
    conv_kernel=[10, 8, 4],
    conv_stride=[5, 6, 4],
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=4,
    vocab_size=12,
    classifier_proj_size=14,
    initializer_range=0.02,
    layerdrop=0.0,
)
STABLE = dict(feat_extract_norm="layer", conv_bias=True, do_stable_layer_norm=True)
STATES = ("last_hidden_state", "extract_features", "hidden_states", "attentions")
MASK = "attention_mask"
LENGTHS = [1920, 1200, 1560]

cases = []


def checkpoint(name, model_class, config, *, dtype=torch.float32, save="safetensors", seed=None):
    """Writes a random checkpoint and reads it back: the weights on disk are the reference."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    config_class = HubertConfig if model_class.__name__.startswith("Hubert") else Wav2Vec2Config
    config = config_class(**{**TINY, **config})
    model = randomize(model_class(config), seed if seed is not None else sum(name.encode()))
    shard = {"max_shard_size": "24KB"} if save == "sharded" else {}
    model.to(dtype).save_pretrained(folder, **shard)
    model = read(model_class, folder)
    WRITERS[save](folder)
    check_same(model, read(model_class, folder))
    return model


def read(model_class, folder):
    """Weights widened to float32, attention as plain matrix products."""
    return model_class.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def check_same(model, other):
    for (name, a), b in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def rewrite(change):
    """A checkpoint writer that changes the tensors `save_pretrained` wrote."""

    def write(folder):
        path = folder / "model.safetensors"
        save_file(change(load_file(path)), path, metadata={"format": "pt"})

    return write


def with_weight_g(tensors):
    """The weight norm as it was spelled before PyTorch 2.0."""
    spelling = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    for new, old in spelling.items():
        tensors = {name.replace(new, old): tensor for name, tensor in tensors.items()}
    return tensors


def without_prefix(tensors):
    return {name.removeprefix("hubert."): tensor for name, tensor in tensors.items()}


def with_torch_save(**options):
    def write(folder):
        path = folder / "model.safetensors"
        state = OrderedDict(with_weight_g(load_file(path)))
        state._metadata = OrderedDict({"": {"version": 1}})  # as `Module.state_dict` leaves it
        torch.save(state, folder / "pytorch_model.bin", **options)
        path.unlink()

    return write


WRITERS = {
    "safetensors": lambda folder: None,
    "sharded": lambda folder: None,
    "weight_g": rewrite(with_weight_g),
    "no_prefix": rewrite(without_prefix),
    "bin": with_torch_save(),
    "legacy_bin": with_torch_save(_use_new_zipfile_serialization=False),
}


def case(name, model, outputs, *, folder=None, lengths=None, labels=None, mask=False, time=False, **options):
    """Writes one case's inputs and expected outputs and notes it in the manifest."""
    lengths = lengths or LENGTHS
    values, attention_mask = speech(sum(name.encode()) + 1, lengths)
    inputs = {"input_values": values}
    if mask:
        inputs["attention_mask"] = attention_mask
    if labels is not None:
        inputs["labels"] = labels
    if time:
        frames = int(model._get_feat_extract_output_lengths(max(lengths)))
        generator = torch.Generator().manual_seed(7)
        inputs["mask_time_indices"] = (torch.rand(len(lengths), frames, generator=generator) < 0.3).to(torch.uint8)
    expected, frame_counts = compute(model, inputs, outputs)
    text = {}
    if (HERE / (folder or name) / "vocab.json").exists():
        tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(HERE / (folder or name), **options)
        text["text"] = tokenizer.batch_decode(expected["logits"].argmax(-1))
    check_precision(name, model, inputs, expected, outputs)
    target = HERE / name
    target.mkdir(exist_ok=True)
    save_file(inputs, target / "inputs.safetensors")
    save_file(expected, target / "expected.safetensors")
    cases.append(
        dict(
            name=name,
            checkpoint=folder or name,
            class_name=type(model).__name__,
            inputs=sorted(inputs),
            outputs=sorted(expected),
            sample_counts=lengths,
            frame_counts=frame_counts,
            options=options,
            **text,
        )
    )


def check_precision(name, model, inputs, expected, outputs):
    """Fails when float32 and float64 disagree: such a case says nothing about an implementation."""
    widened = {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}
    exact, _ = compute(copy.deepcopy(model).double(), widened, outputs)
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
    return torch.tensor([list(row) + [-100] * (width - len(row)) for row in rows], dtype=torch.int32)


LABELS = targets([3, 4, 4, 5, 2], [7, 1], [9, 9, 3])


def make_base_models():
    model = checkpoint(
        "model_group",
        HubertModel,
        dict(
            conv_dim=[8] * 7,
            conv_kernel=[10, 3, 3, 3, 3, 2, 2],
            conv_stride=[5, 2, 2, 2, 2, 2, 2],
            num_conv_pos_embeddings=128,
            num_conv_pos_embedding_groups=8,
        ),
    )
    case("model_group", model, STATES, lengths=[4800, 3333])
    case("model_group_masked", model, STATES[:1], folder="model_group", lengths=[4800, 3333], mask=True)
    case("model_group_time", model, STATES[:1], folder="model_group", lengths=[4800], time=True)

    model = checkpoint(
        "model_layer", HubertModel, STABLE | dict(num_conv_pos_embeddings=15, num_conv_pos_embedding_groups=2)
    )
    case("model_layer", model, STATES, mask=True)
    case("model_layer_time", model, STATES[:1], folder="model_layer", mask=True, time=True)

    model = checkpoint(
        "model_batch_norm",
        HubertModel,
        dict(
            conv_pos_batch_norm=True,
            feat_proj_layer_norm=False,
            feat_extract_activation="gelu_new",
            hidden_act="relu",
            layer_norm_eps=1e-3,
            mask_time_prob=0.0,
        ),
    )
    case("model_batch_norm", model, ("last_hidden_state", "hidden_states"), mask=True)

    model = checkpoint(
        "model_one_conv",
        HubertModel,
        dict(
            hidden_size=20,
            num_attention_heads=5,
            num_hidden_layers=3,
            conv_dim=[16],
            conv_kernel=[160],
            conv_stride=[80],
            conv_bias=True,
            num_conv_pos_embeddings=1,
            num_conv_pos_embedding_groups=20,
            feat_extract_activation="relu",
            hidden_act="quick_gelu",
        ),
    )
    case("model_one_conv", model, STATES, lengths=[1600])

    model = checkpoint(
        "model_long_positions",
        HubertModel,
        STABLE
        | dict(
            hidden_size=20,
            num_attention_heads=5,
            conv_dim=[16],
            conv_kernel=[80],
            conv_stride=[40],
            num_conv_pos_embeddings=260,
            num_conv_pos_embedding_groups=20,
        ),
    )
    case("model_long_positions", model, ("last_hidden_state",), lengths=[12080, 9000], mask=True)

    model = checkpoint(
        "model_mixed",
        HubertModel,
        STABLE
        | dict(
            conv_dim=[6, 12, 9, 16],
            conv_kernel=[7, 5, 3, 4],
            conv_stride=[4, 3, 3, 3],
            conv_bias=False,
            do_stable_layer_norm=False,
            feat_proj_layer_norm=False,
            num_conv_pos_embeddings=8,
            num_conv_pos_embedding_groups=1,
            feat_extract_activation="selu",
            hidden_act="gelu_10",
            apply_spec_augment=False,
        ),
        save="weight_g",
    )
    case("model_mixed", model, ("last_hidden_state", "hidden_states"), mask=True)
    case("model_mixed_time", model, STATES[:1], folder="model_mixed", mask=True, time=True)  # ignored


def make_ctc_models():
    both = ("logits", "loss")
    model = checkpoint("ctc_group", HubertForCTC, dict(ctc_loss_reduction="mean", layer_norm_eps=1e-4), save="weight_g")
    save_processor(HERE / "ctc_group", LANGUAGES["eng"], mask=False)
    case("ctc_group", model, (*both, "hidden_states", "attentions"), labels=LABELS)

    model = checkpoint(
        "ctc_layer_f16", HubertForCTC, STABLE | dict(hidden_act="gelu_fast"), dtype=torch.float16
    )
    case("ctc_layer_f16", model, both, labels=LABELS, mask=True)

    model = checkpoint(
        "ctc_bf16",
        HubertForCTC,
        STABLE | dict(feat_extract_norm="group", hidden_act="silu", feat_extract_activation="mish"),
        dtype=torch.bfloat16,
    )
    case("ctc_bf16", model, both, labels=LABELS, mask=True)

    model = checkpoint(
        "ctc_sharded", HubertForCTC, dict(hidden_act="tanh", feat_extract_activation="hardswish"), save="sharded"
    )
    case("ctc_sharded", model, both, labels=LABELS)

    model = checkpoint(
        "ctc_bin",
        HubertForCTC, dict(hidden_act="sigmoid", feat_extract_activation="leaky_relu"),
        dtype=torch.float16,
        save="bin",
    )
    case("ctc_bin", model, both, labels=LABELS)

    model = checkpoint(
        "ctc_legacy_bin",
        HubertForCTC,
        dict(hidden_act="relu6", feat_extract_activation="gelu_pytorch_tanh"),
        save="legacy_bin",
    )
    case("ctc_legacy_bin", model, both, labels=LABELS)

    model = checkpoint(
        "ctc_no_prefix", HubertForCTC, dict(hidden_act="relu2", feat_extract_activation="linear"), save="no_prefix"
    )
    case("ctc_no_prefix", model, both, labels=LABELS)


def make_classifiers():
    both = ("logits", "loss")
    model = checkpoint(
        "classify_weighted",
        HubertForSequenceClassification,
        STABLE | dict(use_weighted_layer_sum=True, num_labels=5, problem_type="single_label_classification"),
    )
    labels = torch.tensor([1, 4, 0], dtype=torch.int32)
    case("classify_weighted", model, both, labels=labels, mask=True)
    case("classify_weighted_unmasked", model, both, folder="classify_weighted", labels=labels)

    model = checkpoint(
        "classify_regression", HubertForSequenceClassification, dict(num_labels=1, problem_type="regression")
    )
    case("classify_regression", model, both, labels=torch.tensor([0.3, -1.2, 2.0]), mask=True)

    model = checkpoint(
        "classify_multi",
        HubertForSequenceClassification,
        dict(use_weighted_layer_sum=True, num_labels=4, problem_type="multi_label_classification"),
    )
    labels = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 0, 1]])
    case("classify_multi", model, both, labels=labels)


def make_wav2vec2():
    both = ("logits", "loss")
    model = checkpoint("wav2vec2_group", Wav2Vec2ForCTC, dict(hidden_act="gelu_python"), save="weight_g")
    case("wav2vec2_group", model, both, labels=LABELS)

    model = checkpoint("wav2vec2_layer", Wav2Vec2ForCTC, STABLE | dict(hidden_act="swish"))
    case("wav2vec2_layer", model, both, labels=LABELS, mask=True)

    model = checkpoint("wav2vec2_model", Wav2Vec2Model, STABLE | dict(hidden_act="linear"))
    case("wav2vec2_model", model, STATES[:3], mask=True)

    model = checkpoint(
        "wav2vec2_classify", Wav2Vec2ForSequenceClassification, dict(use_weighted_layer_sum=True, num_labels=3)
    )
    labels = torch.tensor([2, 2, 1], dtype=torch.int32)
    case("wav2vec2_classify", model, both, labels=labels, mask=True)


LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|"]
LANGUAGES = {"eng": [*LETTERS, *"abehlot"], "fra": [*LETTERS, *"acelmnortué"], "deu": [*LETTERS, *"aßü"]}


def make_adapters():
    """Models with a small adapter per language in every layer, as in MMS."""
    for name, model_class in (("ctc_adapter", HubertForCTC), ("wav2vec2_adapter", Wav2Vec2ForCTC)):
        model = checkpoint(name, model_class, STABLE | dict(adapter_attn_dim=6, hidden_act="gelu_accurate"))
        folder = HERE / name
        save_processor(folder, LANGUAGES, target_lang="eng")
        save_adapter(model, folder / "adapter.eng.safetensors")
        case(f"{name}", model, ("logits",), mask=True, target_lang="eng")
        for lang, suffix in (("fra", "safetensors"), ("deu", "bin")):
            other = copy.deepcopy(model)
            other.lm_head = torch.nn.Linear(model.config.hidden_size, len(LANGUAGES[lang]))
            others = randomize(copy.deepcopy(other), sum(lang.encode()))
            other.load_state_dict(adapter_of(others), strict=False)
            save_adapter(other, folder / f"adapter.{lang}.{suffix}")
            if model_class is Wav2Vec2ForCTC:
                other = copy.deepcopy(model)
                other.config._name_or_path = str(folder)
                other.load_adapter(lang)
            case(f"{name}_{lang}", other.eval(), ("logits",), folder=name, mask=True, target_lang=lang)


def adapter_of(model):
    return {
        name: tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if ".adapter_layer." in name or name.startswith("lm_head.")
    }


def save_adapter(model, path):
    tensors = adapter_of(model)
    if path.suffix == ".bin":
        torch.save(tensors, path)
    else:
        save_file(tensors, path, metadata={"format": "pt"})


def save_processor(folder, vocabulary, *, mask=True, **options):
    """The tokenizer's and the feature extractor's files, as checkpoints on the hub have them."""
    path = folder / "vocab.json"
    if isinstance(vocabulary, dict):
        content = {lang: {token: i for i, token in enumerate(tokens)} for lang, tokens in vocabulary.items()}
    else:
        content = {token: i for i, token in enumerate(vocabulary)}
    path.write_text(json.dumps(content, ensure_ascii=False))
    Wav2Vec2CTCTokenizer(path, **options).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=mask).save_pretrained(folder)


def main():
    utils.logging.disable_progress_bar()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    make_base_models()
    make_ctc_models()
    make_classifiers()
    make_wav2vec2()
    make_adapters()
    (HERE / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    size = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    print(f"{len(cases)} cases, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
