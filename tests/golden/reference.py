"""Random checkpoints, and what transformers computes with them."""

import math

import torch
from torch.nn.utils import parametrize
from transformers import activations
from transformers.loss.loss_utils import ForSequenceClassificationLoss

# Documented for `feat_extract_activation`, but missing from this release's table.
activations.ACT2CLS.setdefault("selu", torch.nn.SELU)
activations.ACT2FN.setdefault("selu", torch.nn.SELU)

NORMS = (torch.nn.LayerNorm, torch.nn.GroupNorm, torch.nn.BatchNorm1d)


@torch.no_grad()
def randomize(model, seed):
    """Gives every parameter and buffer a value that shows when it is not used as it should."""
    generator = torch.Generator().manual_seed(seed)

    def fill(tensor, mean, std):
        tensor.copy_(mean + std * torch.randn(tensor.shape, generator=generator))

    for module in model.modules():
        if isinstance(module, NORMS):
            fill(module.weight, 1.0, 0.2)
            fill(module.bias, 0.0, 0.3)
        elif isinstance(module, (torch.nn.Linear, torch.nn.Conv1d)):
            weight = module.weight
            fill(weight, 0.0, 1.2 / math.sqrt(weight[0].numel()))
            if parametrize.is_parametrized(module):
                module.weight = weight  # splits it into magnitude and direction
                magnitude = module.parametrizations.weight.original0
                magnitude.mul_(0.7 + 0.6 * torch.rand(magnitude.shape, generator=generator))
            if module.bias is not None:
                fill(module.bias, 0.0, 0.3)
        if isinstance(module, torch.nn.BatchNorm1d):
            fill(module.running_mean, 0.0, 0.3)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    for name, parameter in model.named_parameters():
        if name.endswith(("masked_spec_embed", "layer_weights")):
            fill(parameter, 0.0, 1.0)
    return model.eval()


def speech(seed, sample_counts):
    """Noisy tones of unit variance, padded with zeros at the end. [B, S], and their mask [B, S]."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(sample_counts)
    values = torch.zeros(len(sample_counts), longest)
    mask = torch.zeros(len(sample_counts), longest, dtype=torch.uint8)
    for row, count in enumerate(sample_counts):
        time = torch.arange(count) / 16000
        tone = torch.zeros(count)
        for hertz in 100 + 900 * torch.rand(4, generator=generator):
            tone += torch.sin(2 * math.pi * hertz * time)
        tone += 0.5 * torch.randn(count, generator=generator)
        values[row, :count] = (tone - tone.mean()) / tone.std()
        mask[row, :count] = 1
    return values, mask


@torch.no_grad()
def compute(model, inputs, wanted):
    """The `wanted` outputs of a model, by the names the goldens use, and the frames of each row."""
    features = {}
    base = getattr(model, model.base_model_prefix, model)
    hook = base.feature_extractor.register_forward_hook(
        lambda _module, _inputs, output: features.update(conv=output.transpose(1, 2).clone())
    )
    kwargs = {"input_values": inputs["input_values"]}
    if "attention_mask" in inputs:
        kwargs["attention_mask"] = inputs["attention_mask"].long()
    if "mask_time_indices" in inputs:
        kwargs["mask_time_indices"] = inputs["mask_time_indices"].bool()
    result = model(**kwargs, output_hidden_states=True, output_attentions=True)
    hook.remove()

    found = {}
    for name in ("logits", "last_hidden_state", "extract_features"):
        if name in result:
            found[name] = result[name]
    if "extract_features" not in found:  # HubertModel computes it and keeps it to itself
        found["extract_features"] = features["conv"]
    for name in ("hidden_states", "attentions"):
        for index, tensor in enumerate(result[name] or ()):
            found[f"{name}.{index}"] = tensor
    if "labels" in inputs:
        found |= losses(model, kwargs, inputs["labels"])
    rows, samples = inputs["input_values"].shape
    sample_counts = (
        inputs["attention_mask"].sum(-1) if "attention_mask" in inputs else torch.full((rows,), samples)
    )
    frame_counts = model._get_feat_extract_output_lengths(sample_counts).tolist()
    kept = {
        name: tensor.contiguous().clone()
        for name, tensor in found.items()
        if name.split(".")[0] in wanted
    }
    return kept, frame_counts


def losses(model, kwargs, labels):
    """The loss under every reduction the config can ask for, or the classifier's one loss."""
    if not type(model).__name__.endswith("ForCTC"):
        logits = model(**kwargs).logits
        labels = labels.long() if labels.dtype == torch.int32 else labels.to(logits.dtype)
        # The class itself always takes the cross-entropy; this is the library's rule for all others.
        return {"loss": ForSequenceClassificationLoss(labels, logits, model.config)}
    config = model.config
    before = config.ctc_loss_reduction, config.ctc_zero_infinity
    found = {}
    for reduction in ("sum", "mean"):
        config.ctc_loss_reduction, config.ctc_zero_infinity = reduction, True
        found[f"loss.{reduction}"] = model(**kwargs, labels=labels.long()).loss
    config.ctc_loss_reduction, config.ctc_zero_infinity = before
    return found
