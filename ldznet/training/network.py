"""Trains one segmentation network on phrases and masks, the backbone frozen."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.images import to_pictures
from ldznet.networks import NETWORKS, LDZNet, SegmentationNetwork
from ldznet.networks.fusion import FUSION_PARTS
from ldznet.training.dataset import MaskedScenes
from ldznet.training.fusion_start import align_fusion
from ldznet.training.loop import TrainConfig, TrainResult, autocast, own_share, train
from ldznet.training.losses import mask_loss
from ldznet.types import Encoding, Reading

FUSION_SHARE = 0.3  # of the learning rate: at the whole of it LD-ZNet's fusion grows into noise
ALIGNED = 128  # samples that tell where LD-ZNet's fusion starts


def new_network(
    name: str,
    backbone: LatentDiffusion,
    scenes: MaskedScenes,
    timesteps: range,
    *,
    seed: int,
    from_backbone: bool = True,
) -> SegmentationNetwork:
    """An untrained network that fits the backbone and the scenes it is to be trained on.

    It starts from the backbone's U-Net wherever shapes match, or from random weights alone;
    LD-ZNet's fusion starts aligned with what it will read of the LDM (see `align_fusion`).
    """
    network = fitting_network(name, backbone, seed=seed, from_backbone=from_backbone)
    if isinstance(network, LDZNet):
        random = np.random.default_rng(seed)
        chosen = random.integers(len(scenes.rows), size=ALIGNED).tolist()
        encoding, _ = scenes.batch(chosen, backbone.device)
        timestep = (timesteps.start + timesteps.stop) // 2
        noise = backbone.draw_noise(encoding.latents.shape, seed)
        align_fusion(network, _add_features(backbone, encoding, network.reading, timestep, noise))
    return network


def fitting_network(
    name: str, backbone: LatentDiffusion, *, seed: int, from_backbone: bool = True
) -> SegmentationNetwork:
    """An untrained network of the backbone's sizes, as `new_network` before any alignment."""
    unet = backbone.unet.config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = NETWORKS[name](
            block_out_channels=unet.block_out_channels,
            cross_attention_dim=unet.cross_attention_dim,
            attention_head_dim=unet.attention_head_dim,
            norm_num_groups=unet.norm_num_groups,
            sample_size=unet.sample_size,
            factor=backbone.factor,
        )
    if from_backbone:
        network.initialise_from(backbone.unet)
    return network.to(backbone.device, memory_format=torch.channels_last)


def timesteps_around(timestep: int) -> range:
    """The timesteps to train at for reading at this one: a quarter to either side, as the paper.

    400 gives 300 to 499.
    """
    return range(timestep - timestep // 4, timestep + timestep // 4)


def train_network(
    network: SegmentationNetwork,
    backbone: LatentDiffusion,
    scenes: MaskedScenes,
    config: TrainConfig,
    folder: Path,
    timesteps: range,
    *,
    fusion_share: float = FUSION_SHARE,
    log: Callable[[str], None] | None = None,
) -> TrainResult:
    """Train `network` in place. The batches depend on the seed alone: equal for every network.

    What it reads of the LDM it reads under the phrase, at a random one of `timesteps` in each step.
    LD-ZNet's fusion is trained at `fusion_share` of the learning rate. Checkpoints and sheets of
    masks go to `folder`.
    """
    device = backbone.device

    def draw_batch(step: int, share: slice) -> tuple[Encoding, Tensor]:
        """Those of a step's batch that are in `share`, and their masks."""
        random = np.random.default_rng([config.seed, step])
        chosen = random.integers(len(scenes.rows), size=config.batch_size)
        encoding, masks = scenes.batch(chosen[share].tolist(), device)
        if network.reading:
            timestep = int(random.integers(timesteps.start, timesteps.stop))
            shape = (len(chosen), *encoding.latents.shape[1:])
            noise = backbone.draw_noise(shape, int(random.integers(2**31)))[share]
            encoding = _add_features(backbone, encoding, network.reading, timestep, noise)
        return encoding, masks

    def loss(model: nn.Module, step: int) -> Tensor:
        encoding, masks = draw_batch(step, own_share())
        logits = model(encoding).float()
        # A mask enlarged keeps soft edges, as its picture does.
        return mask_loss(logits, functional.interpolate(masks, logits.shape[-2:], mode="bilinear"))

    def preview(step: int) -> None:
        encoding, masks = draw_batch(0, slice(8))
        with torch.no_grad():
            probability = network(encoding).sigmoid()
        masks = functional.interpolate(masks, probability.shape[-2:])
        parts = [encoding.pixels, masks * 2 - 1, probability * 2 - 1]
        rows = [np.hstack(list(to_pictures(part.expand(-1, 3, -1, -1)))) for part in parts]
        Image.fromarray(np.vstack(rows)).save(folder / f"masks-{step:06d}.png")

    def share_of_rate(parameter: str) -> float:
        return fusion_share if FUSION_PARTS & set(parameter.split(".")) else 1.0

    use_fast_attention(network.unet, device)
    network.train().requires_grad_(True)
    result = train(network.name, network, loss, config, folder, preview, share_of_rate, log)
    network.eval().requires_grad_(False)
    return result


def _add_features(
    backbone: LatentDiffusion, encoding: Encoding, reading: Reading, timestep: int, noise: Tensor
) -> Encoding:
    """Features under the phrase, each row with noise of its own (inference shares one noise)."""
    with autocast(backbone.device):  # as the network trains
        recording = backbone.read(
            encoding.latents, encoding.text, reading, timestep=timestep, noise=noise
        )
    return replace(encoding, features=recording.features_at(timestep))


class ExplicitAttention:
    """A diffusers attention processor of three plain operations: product, softmax, product.

    On a CPU the backward pass of torch's fused attention takes a third of a training step of these
    small grids; spelled out, a step takes two thirds of the time. It keeps the attention matrix in
    memory, so it is for small grids and for training only.
    """

    def __call__(
        self,
        attention: Any,  # diffusers' `Attention`, whose attributes its stubs type as tensors
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """(B, queries, C) attended states; masks are not supported and none is ever passed."""
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states

        def heads(states: Tensor) -> Tensor:  # (B, heads, tokens, c)
            return states.unflatten(-1, (attention.heads, -1)).transpose(1, 2)

        query = heads(attention.to_q(hidden_states)) * attention.scale
        score = query @ heads(attention.to_k(context)).transpose(-1, -2)
        with torch.autocast(score.device.type, enabled=False):  # it would leave half precision
            probability = score.softmax(dim=-1)
        attended = probability @ heads(attention.to_v(context))
        return attention.to_out[0](attended.transpose(1, 2).flatten(2))


def use_fast_attention(unet: UNet2DConditionModel, device: torch.device) -> None:
    """Give `unet` the attention that trains fastest on `device`; its weights stay as they are."""
    if device.type == "cpu":
        unet.set_attn_processor(ExplicitAttention())
