"""Writes the files of fixtures/: a few tensors in every format, and what they hold.

Run from anywhere, with torch and safetensors: python tests/checkpoint/make_fixtures.py
"""

import collections
import json
import pathlib

import safetensors.torch
import torch
from torch.nn.utils import parametrizations

FOLDER = pathlib.Path(__file__).parent / "fixtures"


def every_dtype() -> dict[str, torch.Tensor]:
    """One tensor of each element type, with values that every type holds or rounds alike."""
    values = torch.tensor([[0.0, 1.0, 2.5], [100.0, 3.0, 64.0]])
    names = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    state = {name: values.to(getattr(torch, name)) for name in names}
    state["uint16"] = values.to(torch.int32).to(torch.uint16)
    state["subnormal.float16"] = torch.tensor([6e-8, -6e-8, 65504.0, float("inf")], dtype=torch.float16)
    state["edges.bfloat16"] = torch.tensor([1e-40, -3.38e38, float("-inf"), 0.1], dtype=torch.bfloat16)
    return state


def every_layout() -> dict[str, torch.Tensor]:
    """Views: shared, transposed, sliced, expanded, empty and scalar."""
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    weight = torch.nn.Parameter(torch.linspace(-1, 1, 6).reshape(3, 2))
    return collections.OrderedDict(
        base=base,
        transposed=base.transpose(0, 2),
        permuted=base.permute(1, 2, 0),
        row=base[1, 2],
        column=base[:, 1, ::2],
        expanded=torch.tensor([[1.5], [2.5]]).expand(2, 3),
        empty=torch.empty(0, 3),
        scalar=torch.tensor(3.25),
        parameter=weight,
        tied=weight,
    )


class Network(torch.nn.Module):
    """The positional convolution of HuBERT, small, in both spellings of its weight norm."""

    def __init__(self, norm):
        super().__init__()
        self.conv = norm(torch.nn.Conv1d(4, 4, 3, groups=2), name="weight", dim=2)
        self.norm = torch.nn.BatchNorm1d(4)


def numbers(state: dict[str, torch.Tensor]) -> dict[str, dict[str, str]]:
    """What is expected, as words: JSON knows no infinity, and formatters spread arrays."""

    def words(values) -> str:
        return " ".join(str(value) for value in values)

    return {
        name: {
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": words(tensor.shape),
            "values": words(tensor.detach().to(torch.float32).reshape(-1).tolist()),
        }
        for name, tensor in state.items()
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(0)
    old_norm = Network(torch.nn.utils.weight_norm).state_dict()
    new_norm = Network(parametrizations.weight_norm).state_dict()
    half = {name: tensor.half() for name, tensor in new_norm.items()}

    expected = {}

    def write(name: str, state: dict, save) -> None:
        save(state, FOLDER / name)
        expected[name] = numbers(state)

    def legacy(state, path):
        torch.save(state, path, _use_new_zipfile_serialization=False)

    def protocol4(state, path):
        torch.save(state, path, pickle_protocol=4)

    def without_checksum(state, path):
        torch.serialization.set_crc32_options(False)
        torch.save(state, path)
        torch.serialization.set_crc32_options(True)

    plain = {name: t for name, t in every_dtype().items() if name != "uint16"}
    write("dtypes.safetensors", every_dtype(), safetensors.torch.save_file)
    write("dtypes_zip.bin", every_dtype(), torch.save)
    write("dtypes_legacy.bin", plain, legacy)
    write("layouts_zip.bin", every_layout(), torch.save)
    write("layouts_legacy.bin", every_layout(), legacy)
    write("layouts_protocol4.bin", every_layout(), protocol4)
    write("layouts_no_checksum.bin", every_layout(), without_checksum)
    write("weight_norm_zip.bin", old_norm, torch.save)
    write("weight_norm_legacy.bin", old_norm, legacy)
    write("parametrized.safetensors", new_norm, safetensors.torch.save_file)
    write("parametrized_half.bin", half, torch.save)

    # Not state dicts, and therefore refused.
    torch.save({"model": old_norm, "step": 3}, FOLDER / "training.bin")
    torch.save(Network(torch.nn.utils.weight_norm), FOLDER / "module.bin")

    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    main()
