"""The student: a standard `HubertForCTC`, its transformer the teacher's encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import HubertConfig, HubertForCTC

from .front_end import CONV_DIM, CONV_KERNEL, CONV_STRIDE, rewrite
from .text import ALPHABET
from .whisper import HEADS, LAYERS, WIDTH, WhisperEncoder

VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", *ALPHABET]
BLANK = 0

# Positions are told apart over half the taps: 600 frames, 12 s.
POSITION_TAPS = 1200
PEDESTAL = 256.0
"""Added to every channel before the positional convolution; the layers' norms take it away."""
STRAIGHT = 5.0
"""Added to what goes into its GELU, which is the identity from there on."""


def student_config() -> HubertConfig:
    return HubertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        do_stable_layer_norm=True,
        feat_extract_norm="layer",
        feat_proj_layer_norm=False,
        conv_bias=True,
        conv_dim=CONV_DIM,
        conv_kernel=CONV_KERNEL,
        conv_stride=CONV_STRIDE,
        num_conv_pos_embeddings=POSITION_TAPS,
        num_conv_pos_embedding_groups=WIDTH,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        final_dropout=0.0,
        layerdrop=0.0,
        mask_time_prob=0.03,
        mask_time_length=10,
        mask_feature_prob=0.0,
        ctc_loss_reduction="mean",
        ctc_zero_infinity=True,
        pad_token_id=BLANK,
        bos_token_id=1,
        eos_token_id=2,
    )


def _copy_layers(student: HubertForCTC, teacher: WhisperEncoder) -> None:
    for layer, block in zip(student.hubert.encoder.layers, teacher.blocks, strict=True):
        attention, feed = layer.attention, layer.feed_forward
        for i, projection in enumerate((attention.q_proj, attention.k_proj, attention.v_proj)):
            rows = slice(i * WIDTH, (i + 1) * WIDTH)
            projection.weight.copy_(block.qkv.weight[rows])
            projection.bias.copy_(block.qkv.bias[rows])
        attention.out_proj.load_state_dict(block.out.state_dict())
        layer.layer_norm.load_state_dict(block.attention_norm.state_dict())
        layer.final_layer_norm.load_state_dict(block.feed_norm.state_dict())
        feed.intermediate_dense.load_state_dict(block.expand.state_dict())
        feed.output_dense.load_state_dict(block.contract.state_dict())
    student.hubert.encoder.layer_norm.load_state_dict(teacher.norm.state_dict())


def _write_positions(convolution: nn.Conv1d, positions: Tensor) -> None:
    """Whisper's table of positions as a convolution.

    Over a constant, the zeros before the window let through one tap at the first frame, two at
    the second, and so on: the running sum of the taps. So the taps are the table's differences.
    """
    reach = POSITION_TAPS // 2
    steps = torch.diff(positions[: reach + 1], dim=0, prepend=torch.zeros(1, WIDTH))
    taps = torch.full((WIDTH, 1, POSITION_TAPS), 1e-3)
    taps[:, 0, : reach + 1] = steps.flip(0).T
    sizes = taps.norm(dim=(0, 1), keepdim=True) / PEDESTAL
    sizes[:, :, reach + 1 :] = 0.0
    convolution.parametrizations.weight.original0.copy_(sizes)
    convolution.parametrizations.weight.original1.copy_(taps)
    convolution.bias.fill_(STRAIGHT)


@torch.no_grad()
def student_from_teacher(teacher: WhisperEncoder, speech: Tensor) -> HubertForCTC:
    """`speech`: a batch of waveforms that the front end is fitted to."""
    student = HubertForCTC(student_config())
    rewrite(teacher, student.hubert.feature_extractor.conv_layers, speech)
    projection = student.hubert.feature_projection.projection
    projection.weight.copy_(torch.eye(WIDTH, CONV_DIM[-1]))
    projection.bias.fill_(PEDESTAL)
    student.hubert.masked_spec_embed.fill_(PEDESTAL)
    _copy_layers(student, teacher)
    _write_positions(student.hubert.encoder.pos_conv_embed.conv, teacher.positions)
    student.lm_head.weight.normal_(std=0.01)
    return student


class TabledPositions(nn.Module):
    """What the positional convolution gives, looked up instead of computed: half the time of a pass."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution.requires_grad_(False)
        self.tabulate()

    @torch.no_grad()
    def tabulate(self) -> None:
        """To be called whenever the convolution has got other weights."""
        ground = torch.full((1, POSITION_TAPS, WIDTH), PEDESTAL, device=self.convolution.conv.bias.device)
        table = self.convolution(ground)[0, : POSITION_TAPS // 2 + 1]
        self.register_buffer("table", table, persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        places = torch.arange(hidden.shape[1], device=hidden.device)
        return self.table[places.clamp(max=len(self.table) - 1)]
