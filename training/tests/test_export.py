"""What an exported folder holds, against the model it was made of."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import HubertConfig, HubertForCTC

from hubcap_training.export import averaged_student, export, load_student
from hubcap_training.model import VOCABULARY, student_config

FEED_FORWARD = "hubert.encoder.layers.1.feed_forward.output_dense"
SKIPPED = ("hubert.feature_projection.projection", "lm_head")


@pytest.fixture
def student() -> HubertForCTC:
    torch.manual_seed(0)
    config = HubertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=40,
        conv_dim=(8, 10),
        conv_kernel=(10, 4),
        conv_stride=(5, 4),
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    )
    return HubertForCTC(config).eval()


def test_eight_bits_are_within_half_a_step(student: HubertForCTC, tmp_path: Path) -> None:
    export(student, tmp_path)
    stored, before, after = load_file(tmp_path / "model.safetensors"), student.state_dict(), load_student(tmp_path).state_dict()
    packed = {name for name, tensor in stored.items() if tensor.dtype == torch.int8}
    assert len(packed) == 2 * 6
    for name, weight in before.items():
        if name in packed:
            half_a_step = weight.abs().amax(1, keepdim=True) / 127 / 2
            assert ((after[name] - weight).abs() <= half_a_step * 1.001).all()
        else:
            assert torch.equal(after[name], weight)


def test_what_was_exported_is_exported_unchanged(student: HubertForCTC, tmp_path: Path) -> None:
    export(student, tmp_path)
    first = load_file(tmp_path / "model.safetensors")
    export(load_student(tmp_path), tmp_path)
    second = load_file(tmp_path / "model.safetensors")
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, rtol=1e-6, atol=0)


def test_a_row_of_zeros_stays_one(student: HubertForCTC, tmp_path: Path) -> None:
    with torch.no_grad():
        student.get_submodule(FEED_FORWARD).weight[3] = 0.0
    export(student, tmp_path)
    assert (load_student(tmp_path).get_submodule(FEED_FORWARD).weight[3] == 0.0).all()


def test_sixteen_bits(student: HubertForCTC, tmp_path: Path) -> None:
    export(student, tmp_path, bits=16)
    read = HubertForCTC.from_pretrained(tmp_path).state_dict()
    for name, weight in student.state_dict().items():
        assert torch.equal(read[name], weight.half().float())


def test_the_layout_is_that_of_bitsandbytes(student: HubertForCTC, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    from transformers import BitsAndBytesConfig

    ours, plain, theirs = tmp_path / "ours", tmp_path / "plain", tmp_path / "theirs"
    ours.mkdir()
    export(student, ours)
    student.save_pretrained(plain)
    how = BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=list(SKIPPED))
    HubertForCTC.from_pretrained(plain, quantization_config=how, device_map="cpu").save_pretrained(theirs)
    expected, found = load_file(theirs / "model.safetensors"), load_file(ours / "model.safetensors")
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].shape == tensor.shape
        # it quantises what was rounded to float16 before, so a code may be the next one
        atol = 1 if tensor.dtype == torch.int8 else 1e-3
        torch.testing.assert_close(found[name].float(), tensor.float(), rtol=1e-3, atol=atol)
    read = HubertForCTC.from_pretrained(ours, device_map="cpu").dequantize().state_dict()
    for name, weight in load_student(ours).state_dict().items():
        torch.testing.assert_close(read[name], weight, rtol=1e-3, atol=1e-6)


def test_checkpoints_have_their_shares(tmp_path: Path) -> None:
    student = HubertForCTC(student_config())
    paths = [tmp_path / "one.pt", tmp_path / "other.pt"]
    for value, path in enumerate(paths):
        torch.save({"average": {name: torch.full_like(tensor, value) for name, tensor in student.state_dict().items()}}, path)
    for shares, expected in (((), 0.5), ((1, 3), 0.75)):
        assert torch.allclose(averaged_student(*paths, shares=shares).lm_head.bias, torch.tensor(expected))
