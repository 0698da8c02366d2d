"""Makes the goldens of waveforms, tokenizers and losses: `python tests/golden/make_processing.py`."""

import itertools
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor
from transformers.loss.loss_ctc import ForCTCLoss

HERE = Path(__file__).parent


def make_waveforms():
    """`waveforms.json` with a row for each call, its tensors in `waveforms.safetensors`."""
    rng = np.random.default_rng(0)
    waves = [rng.normal(0.1, 0.05 * (i + 1), length).astype(np.float32) for i, length in enumerate((50, 37, 64))]
    waves.append(np.full(40, 0.25, np.float32))  # no variance
    tensors = {f"wave.{i}": torch.from_numpy(wave) for i, wave in enumerate(waves)}
    calls = [
        dict(config=config, rows=rows, options=options)
        for config, (rows, options) in itertools.product(
            (
                dict(do_normalize=True, return_attention_mask=True),
                dict(do_normalize=True, return_attention_mask=False),
                dict(do_normalize=False, return_attention_mask=True, padding_value=-1.0),
                dict(do_normalize=True, return_attention_mask=True, padding_value=0.5),
            ),
            (
                ([0], {}),
                ([0, 1, 2, 3], dict(padding="longest")),
                ([0, 1, 3], dict(padding="longest", pad_to_multiple_of=16)),
                ([0, 1], dict(padding="max_length", max_length=60)),
                ([0, 1], dict(padding="max_length", max_length=60, pad_to_multiple_of=32)),
                ([0, 2, 3], dict(padding="max_length", max_length=45, truncation=True)),
                ([0, 2], dict(padding="longest", max_length=45, truncation=True, pad_to_multiple_of=4)),
                ([0, 1], dict(padding="longest", return_attention_mask=False)),
                ([0, 1], dict(padding="longest", return_attention_mask=True)),
            ),
        )
    ]
    left = dict(do_normalize=False, return_attention_mask=True, padding_side="left")
    calls.append(dict(config=left, rows=[0, 1, 2], options=dict(padding="longest")))
    for index, call in enumerate(calls):
        extractor = Wav2Vec2FeatureExtractor(**call["config"])
        batch = extractor(
            [waves[row] for row in call["rows"]], sampling_rate=16000, return_tensors="np", **call["options"]
        )
        tensors[f"{index}.input_values"] = torch.from_numpy(np.stack(batch["input_values"]).astype(np.float32))
        if "attention_mask" in batch:
            tensors[f"{index}.attention_mask"] = torch.from_numpy(np.stack(batch["attention_mask"]).astype(np.int32))
    save_file(tensors, HERE / "waveforms.safetensors")
    (HERE / "waveforms.json").write_text(json.dumps(calls, indent=0) + "\n")


SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "|"]
NAMED = dict(pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def vocabulary(*tokens):
    return {token: index for index, token in enumerate(tokens)}


TOKENIZERS = {
    # As facebook/wav2vec2-base-960h and hubert-large-ls960-ft have it.
    "english": dict(vocab=vocabulary(*SPECIAL, *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"), config=NAMED | dict(do_lower_case=False)),
    "lower_case": dict(vocab=vocabulary(*SPECIAL, *"ETAONIHSRDLUMWÉßSTR'"), config=NAMED | dict(do_lower_case=True)),
    # Blank in the middle, special tokens in the vocabulary's end, digraphs, no unknown token in it.
    "digraphs": dict(
        vocab=vocabulary(*"abcdefgh", "[PAD]", *"ijklmno ", "ch", "sch", "š", "🙂", "ab", "[UNK]"),
        config=dict(pad_token="[PAD]", unk_token="[UNK]", bos_token=None, eos_token=None, word_delimiter_token=" "),
    ),
    # None of the special tokens in the vocabulary: they are added after it.
    "added": dict(vocab=vocabulary("|", *"abc'"), config=NAMED | dict(additional_special_tokens=["<noise>"])),
    "added_file": dict(
        vocab=vocabulary("<pad>", "<unk>", "|", *"abcdef"),
        config={},
        special_tokens_map=NAMED | dict(pad_token=dict(content="<pad>", lstrip=False, rstrip=False, normalized=False, single_word=False)),
        added_tokens={"<s>": 9, "</s>": 10, "hmm": 11},
    ),
    "decoder_list": dict(
        vocab=vocabulary("<pad>", "<unk>", "|", *"abcdef"),
        config=NAMED
        | dict(
            added_tokens_decoder={
                "9": dict(content="<s>", lstrip=False, rstrip=False, normalized=False, single_word=False, special=True),
                "10": dict(content="</s>", lstrip=True, rstrip=False, normalized=False, single_word=False, special=True),
                "12": dict(content="cab", lstrip=False, rstrip=True, normalized=False, single_word=True, special=False),
            }
        ),
    ),
    "delimiter_char": dict(
        vocab=vocabulary(*SPECIAL, *"abc.,?!' nmtsvre"),
        config=NAMED | dict(replace_word_delimiter_char="_", clean_up_tokenization_spaces=True),
    ),
    "clean_up": dict(
        vocab=vocabulary(*SPECIAL, *"abc.,?!'nmtsvre"), config=NAMED | dict(clean_up_tokenization_spaces=True)
    ),
    "nested": dict(
        vocab={"eng": vocabulary(*SPECIAL, *"abc"), "fra": vocabulary(*SPECIAL, *"éàç", "œu", "a")},
        config=NAMED | dict(target_lang="eng"),
    ),
    "nested_fra": dict(
        vocab={"eng": vocabulary(*SPECIAL, *"abc"), "fra": vocabulary(*SPECIAL, *"éàç", "œu", "a")},
        config=NAMED | dict(target_lang="eng"),
        target_lang="fra",
    ),
}

TEXTS = [
    "HELLO WORLD",
    "IT'S  ALL",
    " A BALL ",
    "can 't stop , i 'm at ' s . no !",
    "hello world's été straße 🙂",
    "a|b <s>c d</s> <unk> e<pad>",
    "schach ab cab cabab scab a cab.",
    "œuçà a  hmm abhmm  <noise> b",
    "",
    "|",
]


def make_tokenizers():
    """`tokenizers.json`: files, and what is encoded and decoded with them."""
    found = []
    for name, files in TOKENIZERS.items():
        tokenizer = load_tokenizer(files)
        rng = np.random.default_rng(sum(name.encode()))
        encoded = [dict(text=text, tokens=tokenizer.tokenize(text)) for text in TEXTS]
        for row in encoded:  # None where the unknown token is an added one
            row["ids"] = tokenizer.convert_tokens_to_ids(row["tokens"])
        found.append(
            dict(
                name=name,
                files=files,
                special_tokens=sorted(tokenizer.all_special_tokens),
                vocabulary=tokenizer.get_vocab(),
                encoded=encoded,
                decoded=[decode(tokenizer, ids, i) for i, ids in enumerate(id_lists(tokenizer, encoded, rng))],
            )
        )
    (HERE / "tokenizers.json").write_text(json.dumps(found, ensure_ascii=False) + "\n")


def load_tokenizer(files):
    with tempfile.TemporaryDirectory() as folder:
        names = dict(vocab="vocab", config="tokenizer_config", special_tokens_map="special_tokens_map", added_tokens="added_tokens")
        for key, name in names.items():
            if key in files:
                (Path(folder) / f"{name}.json").write_text(json.dumps(files[key]))
        options = {"target_lang": files["target_lang"]} if "target_lang" in files else {}
        if "word_delimiter_token" in files["config"]:  # `from_pretrained` of this release loses it
            return Wav2Vec2CTCTokenizer(f"{folder}/vocab.json", **files["config"])
        return Wav2Vec2CTCTokenizer.from_pretrained(folder, **options)


def id_lists(tokenizer, encoded, rng):
    """Ids as a network gives them: repeats, blanks, delimiters at both ends, ids of no token."""
    size = len(tokenizer)
    blank = tokenizer.pad_token_id
    space = tokenizer.word_delimiter_token_id
    yield []
    yield [blank] * 3
    yield [space, space, blank, space]
    for row in encoded[:7]:
        stretched = [blank]
        for token_id in row["ids"]:
            if token_id is not None:
                stretched += [token_id] * int(rng.integers(1, 3)) + [blank] * int(rng.integers(0, 2))
        yield stretched
    for _ in range(8):
        ids = rng.integers(0, size + 1, 12).tolist()
        likely = rng.choice([blank, space], 12).tolist()
        mixed = [a if keep else b for a, b, keep in zip(ids, likely, rng.random(12) < 0.6)]
        yield np.repeat(mixed, rng.integers(1, 3, 12)).tolist()


def decode(tokenizer, ids, index):
    options = dict(
        skip_special_tokens=index % 3 == 1,
        group_tokens=index % 4 != 3,
        spaces_between_special_tokens=index % 7 == 6,
    )
    result = tokenizer.decode(ids, **options, output_char_offsets=True, output_word_offsets=True)
    plain = lambda rows: [{key: v if isinstance(v, str) else int(v) for key, v in row.items()} for row in rows]
    return dict(
        ids=ids,
        options=options,
        text=result.text,
        char_offsets=plain(result.char_offsets),
        word_offsets=plain(result.word_offsets),
    )


def make_losses():
    """`losses.json`: logits, labels and losses, straight from PyTorch in float64."""
    generator = torch.Generator().manual_seed(0)
    rows = []

    def logits(*shape, scale=3.0):
        return (scale * torch.randn(shape, generator=generator)).to(torch.float32)

    def row(kind, values, labels, losses):
        flat = [round(value, 8) for value in values.flatten().tolist()]
        rows.append(dict(kind=kind, shape=list(values.shape), logits=flat, labels=labels.tolist(), losses=losses))

    ctc = [
        (logits(1, 8, 5), [[1, 2, 3]], [8], 0),
        (logits(3, 10, 6), [[1, 2, 2, 4], [5, -100, -100, -100], [3, 3, 3, -100]], [10, 7, 9], 0),
        (logits(2, 6, 4, scale=30.0), [[0, 1, 0], [1, 1, -100]], [6, 5], 3),
        (logits(2, 5, 4), [[1, 0, 2, -100], [-100, -100, -100, -100]], [5, 5], 0),  # a blank, no target
        (logits(2, 5, 4), [[1, 1, 1, -100], [1, 2, 3, -100]], [5, 3], 0),  # just enough frames
        (logits(2, 4, 4), [[1, 1, 1, -100], [1, 2, 3, -100]], [4, 2], 0),  # too few
        (logits(1, 80, 20), [list(range(1, 20)) * 2], [80], 0),
    ]
    for values, labels, lengths, blank in ctc:
        targets = torch.tensor(labels)
        losses = []
        for reduction, zero_infinity in itertools.product(("sum", "mean"), (False, True)):
            with double_log_softmax():
                loss = ForCTCLoss(values.double(), targets, torch.tensor(lengths), blank, reduction, zero_infinity)
            options = dict(blank=blank, frame_counts=lengths, reduction=reduction, zero_infinity=zero_infinity)
            losses.append(options | dict(loss=None if torch.isinf(loss) else float(loss)))
        row("ctc", values, targets, losses)
    functional = torch.nn.functional
    for labels in ([0, 3, 2, 1], [4, -100, 4, -100]):
        values, targets = logits(4, 5), torch.tensor(labels)
        row("cross_entropy", values, targets, [dict(loss=float(functional.cross_entropy(values.double(), targets)))])
    for shape in ((4, 1), (3, 5)):
        values, targets = logits(*shape), logits(*shape)
        row("mse", values, targets, [dict(loss=float(functional.mse_loss(values.double(), targets.double())))])
    values, targets = logits(3, 4, scale=40.0), torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0.5, 1]])
    loss = functional.binary_cross_entropy_with_logits(values.double(), targets.double())
    row("bce", values, targets, [dict(loss=float(loss))])
    (HERE / "losses.json").write_text(json.dumps(rows) + "\n")


class double_log_softmax:
    """Inside, `log_softmax` keeps float64: the loss asks it for float32."""

    def __enter__(self):
        self.original = original = torch.nn.functional.log_softmax
        torch.nn.functional.log_softmax = lambda x, dim, dtype=None: original(x, dim)

    def __exit__(self, *_error):
        torch.nn.functional.log_softmax = self.original


if __name__ == "__main__":
    make_waveforms()
    make_tokenizers()
    make_losses()
