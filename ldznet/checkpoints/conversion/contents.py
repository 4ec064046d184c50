"""What is what among the keys of a checkpoint that holds a whole training's model."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from ldznet.checkpoints import official
from ldznet.checkpoints.conversion.network import is_segmentation, original_keys

# How the keys of each group begin; the first that fits counts.
LDM = "sd_features_stage_model.model.model.diffusion_model."  # the frozen diffusion model
NETWORK = official.UNET  # what was trained: the segmentation network
AVERAGES = "model_ema."
FIRST_STAGE = official.FIRST_STAGE
TEXT_ENCODER = official.CLIP
PREFIXES = (LDM, NETWORK, AVERAGES, FIRST_STAGE, TEXT_ENCODER)

BETAS = "betas"
SCHEDULE = {
    BETAS,
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
}
SCHEDULE_PREFIXES = ("sd_features_stage_model.model.", "")

# Why a tensor is in no part that is written.
AS_TRAINED = "weights as trained, of which the averages were taken"
COUNTERS = "counters of the averaging"
NUMBERED = "position numbers, which the text encoder counts by itself"
SCHEDULED = "noise schedule, which the scheduler computes"
LDM_AVERAGES = "averages of the diffusion model, of which the official recipe takes the weights"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Contents:
    """The tensors of a checkpoint by what they are, under their keys without the prefix."""

    network: dict[str, Tensor]  # the segmentation network, averaged where it can be
    averaged: int  # how many of its tensors are averages
    backbone: dict[str, dict[str, Tensor]]  # by the prefix that their keys had
    betas: list[Tensor]  # of each noise schedule
    unused: dict[str, list[str]]  # whole keys, by the reason


def sort_tensors(tensors: Mapping[str, Tensor]) -> Contents:
    """Every tensor's place. Of the network the averages count, as in the official inference."""
    groups: dict[str, dict[str, Tensor]] = {prefix: {} for prefix in PREFIXES}
    unused: dict[str, list[str]] = {}
    betas = []

    def leave(reason: str, *keys: str) -> None:
        unused.setdefault(reason, []).extend(keys)

    for key, tensor in tensors.items():
        prefix = next((prefix for prefix in PREFIXES if key.startswith(prefix)), None)
        if prefix is None:
            name = _schedule_name(key)
            leave(SCHEDULED if name else UNKNOWN, key)
            if name == BETAS:
                betas.append(tensor)
        elif key.endswith("embeddings.position_ids"):
            leave(NUMBERED, key)
        elif key in (f"{AVERAGES}decay", f"{AVERAGES}num_updates"):
            leave(COUNTERS, key)
        else:
            groups[prefix][key.removeprefix(prefix)] = tensor

    trained, averages = groups.pop(NETWORK), groups.pop(AVERAGES)
    originals = original_keys(averages, trained) if averages else {}
    network = trained | {key: averages[name] for name, key in originals.items()}
    if is_segmentation(network):
        leave(AS_TRAINED, *(NETWORK + key for key in originals.values() if key in trained))
        leave(UNKNOWN, *(AVERAGES + name for name in averages if name not in originals))
    else:  # a plain Stable Diffusion: what was trained is the diffusion model
        network, originals = {}, {}
        leave(LDM_AVERAGES, *(AVERAGES + name for name in averages))
        if groups[LDM]:
            leave(UNKNOWN, *(NETWORK + key for key in trained))
        else:
            groups = {NETWORK: trained} | groups
    backbone = {prefix: group for prefix, group in groups.items() if group}
    unused = {reason: keys for reason, keys in unused.items() if keys}
    return Contents(network, len(originals), backbone, betas, unused)


def _schedule_name(key: str) -> str | None:
    names = (key.removeprefix(prefix) for prefix in SCHEDULE_PREFIXES)
    return next((name for name in names if name in SCHEDULE), None)
