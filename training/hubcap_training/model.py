"""The student: a standard `HubertForCTC`, its transformer cut out of the teacher's encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import HubertConfig, HubertForCTC

from .front_end import CONV_DIM, CONV_KERNEL, CONV_STRIDE, rewrite
from .text import ALPHABET
from .whisper import HEADS, LAYERS, WIDTH, WhisperEncoder

VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", *ALPHABET]
BLANK = 0

FEED_FORWARD = 1024
POSITION_TAPS = 48
POSITION_GROUPS = 16


def student_config() -> HubertConfig:
    return HubertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=FEED_FORWARD,
        do_stable_layer_norm=True,
        feat_extract_norm="layer",
        feat_proj_layer_norm=False,
        conv_bias=True,
        conv_dim=CONV_DIM,
        conv_kernel=CONV_KERNEL,
        conv_stride=CONV_STRIDE,
        num_conv_pos_embeddings=POSITION_TAPS,
        num_conv_pos_embedding_groups=POSITION_GROUPS,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        final_dropout=0.0,
        layerdrop=0.0,
        mask_time_prob=0.05,
        mask_time_length=10,
        mask_feature_prob=0.0,
        ctc_loss_reduction="mean",
        ctc_zero_infinity=True,
        pad_token_id=BLANK,
        bos_token_id=1,
        eos_token_id=2,
    )


def useful_neurons(teacher: WhisperEncoder, features: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For each layer: the feed-forward neurons worth keeping, and every neuron's mean output."""
    chosen = []
    x = features + teacher.positions[: features.shape[1]]
    for block in teacher.blocks:
        seen: list[Tensor] = []
        hook = block.contract.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0]))
        x = block(x)
        hook.remove()
        neurons = seen[0].flatten(0, 1)
        importance = neurons.std(0) * block.contract.weight.norm(dim=0)
        chosen.append((importance.topk(FEED_FORWARD).indices.sort().values, neurons.mean(0)))
    return chosen


def _copy_layers(student: HubertForCTC, teacher: WhisperEncoder, features: Tensor) -> None:
    kept = useful_neurons(teacher, features)
    for layer, block, (keep, mean) in zip(student.hubert.encoder.layers, teacher.blocks, kept, strict=True):
        attention = layer.attention
        for i, projection in enumerate((attention.q_proj, attention.k_proj, attention.v_proj)):
            rows = slice(i * WIDTH, (i + 1) * WIDTH)
            projection.weight.copy_(block.qkv.weight[rows])
            projection.bias.copy_(block.qkv.bias[rows])
        attention.out_proj.load_state_dict(block.out.state_dict())
        layer.layer_norm.load_state_dict(block.attention_norm.state_dict())
        layer.final_layer_norm.load_state_dict(block.feed_norm.state_dict())
        feed = layer.feed_forward
        feed.intermediate_dense.weight.copy_(block.expand.weight[keep])
        feed.intermediate_dense.bias.copy_(block.expand.bias[keep])
        feed.output_dense.weight.copy_(block.contract.weight[:, keep])
        dropped = mean.clone()
        dropped[keep] = 0.0
        feed.output_dense.bias.copy_(block.contract.bias + block.contract.weight @ dropped)
    student.hubert.encoder.layer_norm.load_state_dict(teacher.norm.state_dict())


@torch.no_grad()
def student_from_teacher(teacher: WhisperEncoder, speech: Tensor) -> HubertForCTC:
    """`speech`: a batch of waveforms that shows which neurons the teacher uses."""
    student = HubertForCTC(student_config())
    rewrite(teacher, student.hubert.feature_extractor.conv_layers, speech)
    projection = student.hubert.feature_projection.projection
    projection.weight.copy_(torch.eye(WIDTH, CONV_DIM[-1]))
    projection.bias.copy_(teacher.positions.mean(0))
    _copy_layers(student, teacher, teacher.front_end(speech))
    # Near nothing at first, so that the copied layers see what they were trained on.
    student.hubert.encoder.pos_conv_embed.conv.parametrizations.weight.original0.mul_(0.05)
    student.lm_head.weight.normal_(std=0.01)
    return student


class FadingPositions(nn.Module):
    """The student's convolutional positions, plus the teacher's absolute ones while they last.

    The copied attention knows where it is only by Whisper's sinusoids, which HuBERT does not
    have. They are faded out while the positional convolution learns to stand in. (Their mean
    over time is a constant, which the feature projection's bias holds for good.)
    """

    def __init__(self, convolution: nn.Module, table: Tensor) -> None:
        super().__init__()
        self.convolution = convolution
        self.register_buffer("table", table - table.mean(0), persistent=False)
        self.share = 1.0
        self.offset = 0

    def forward(self, hidden: Tensor) -> Tensor:
        positions = self.convolution(hidden)
        if self.share > 0.0:
            positions = positions + self.share * self.table[self.offset : self.offset + hidden.shape[1]]
        return positions
