"""Where LD-ZNet's new layers start: each cell attending to the LDM's features at its own place.

The LDM's features deviate by 3 to 7 about means that differ by channel. Pools with random weights
start saturated by them: a token takes the one or two cells of the largest norm, and what a cell
reads has nothing to do with its place. This start depends on the data and changes no formula.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ldznet.blocks import FUSION_BLOCKS, find_block
from ldznet.networks import LDZNet
from ldznet.networks.fusion import FusionBlock
from ldznet.types import Encoding

POOL_SHARPNESS = 3.0  # of a token's attention to itself, in the pool
CELL_SHARPNESS = 3.0  # of a cell's attention to the token of its place


@torch.no_grad()
def align_fusion(network: LDZNet, encoding: Encoding) -> None:
    """Set the weights of a new LD-ZNet's pools and feature attentions by a batch with features.

    The pools bring every channel to mean 0 and deviation 1 and hand each cell's token on; the
    feature attention's queries are the least-squares prediction of a cell's token from its state,
    which works because the network starts from the LDM's own U-Net. The output projections stay at
    zero, so the network computes what it computed before.
    """
    features = {number: encoding.features[number].float() for number in FUSION_BLOCKS}
    states = _states(network, replace(encoding, features=features))
    for number in FUSION_BLOCKS:
        block = _block(network, number)
        _align_pool(block, features[number])
        tokens = block.pool(features[number])[:, 1:]  # without the mean's
        fit = torch.linalg.lstsq(states[number].flatten(0, 1), tokens.flatten(0, 1)).solution
        attention = block.attn3
        assert attention is not None
        attention.to_q.weight.copy_(CELL_SHARPNESS * fit.T)
        for linear in (attention.to_k, attention.to_v):
            nn.init.eye_(linear.weight)


def _align_pool(block: FusionBlock, feature: Tensor) -> None:
    """Make the pool's tokens the standardised cells of features like this one (B, C, h, w)."""
    pool = block.pool
    mean, deviation = feature.mean(dim=(0, 2, 3)), feature.std(dim=(0, 2, 3)).clamp_min(1e-6)
    standardise = torch.diag(1 / deviation)
    scales = (POOL_SHARPNESS**0.5, POOL_SHARPNESS**0.5, 1.0)  # of queries, keys, values
    pool.qkv.weight.copy_(torch.cat([scale * standardise for scale in scales]))
    pool.qkv.bias.copy_(torch.cat([-scale * mean / deviation for scale in scales]))
    pool.positions.mul_(deviation)  # they are added before the division
    nn.init.eye_(pool.out.weight)
    nn.init.zeros_(pool.out.bias)


def _states(network: LDZNet, encoding: Encoding) -> dict[int, Tensor]:
    """What each block's feature attention makes its queries of, (B, h * w, C)."""
    states: dict[int, Tensor] = {}

    def keep(number: int) -> RemovableHandle:
        def hook(_: nn.Module, __: tuple, output: Tensor) -> None:
            states[number] = output.float()

        return _block(network, number).norm_ldm.register_forward_hook(hook)

    hooks = [keep(number) for number in FUSION_BLOCKS]
    try:
        network(encoding)
    finally:
        for hook in hooks:
            hook.remove()
    return states


def _block(network: LDZNet, number: int) -> FusionBlock:
    block = find_block(network.unet, number).get_submodule("transformer_blocks.0")
    assert isinstance(block, FusionBlock)
    return block
