"""How much of the machine's arithmetic a model's pass uses."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ldznet.backbone.recording import stop_after
from ldznet.blocks import FUSION_BLOCKS, find_block
from ldznet.experiments.bench.full_size import SIDE, TEXT_WIDTH, build_autoencoder, build_unet
from ldznet.experiments.bench.spread import Spread, Work, seconds_of, spread_of
from ldznet.networks import LDZNet
from ldznet.pipeline import Segmenter
from ldznet.types import Encoding

MATRIX = 2048  # side of the matrices whose product is the measure
TOKENS = 77


@dataclass(frozen=True)
class Use:
    """One model's pass against the machine's products of large matrices, in the same precision."""

    giga_operations: float  # of a pass
    seconds: Spread
    giga_per_second: float  # of the median pass
    share: float  # of the matrix product's rate


@torch.no_grad()
def matrix_rate(dtype: torch.dtype, turns: int = 7) -> float:
    """Giga floating-point operations per second of a product of large square matrices, at best."""
    one, other = torch.randn(2, MATRIX, MATRIX).to(dtype)
    torch.mm(one, other)
    return 2e-9 * MATRIX**3 / min(seconds_of(lambda: torch.mm(one, other)) for _ in range(turns))


@torch.no_grad()
def measure_use(segmenter: Segmenter, turns: int) -> dict[str, Use]:
    """The use that each pass of LD-ZNet's path makes of the machine, for one phrase at full size.

    The matrix product is measured before and after each model, since a machine's pace varies.
    """
    backbone = segmenter.backbone
    encoding = _inputs(backbone.device, backbone.dtype)
    text = encoding.text
    recording = backbone.read(encoding.latents, text, LDZNet.reading, timestep=400)
    encoding = replace(encoding, features=recording.features_at(400))
    last = find_block(backbone.unet, max(FUSION_BLOCKS))
    work: dict[str, Work] = {
        "vae": lambda: backbone.vae.encode(encoding.pixels),
        "ldm to block 10": lambda: _stopped(backbone.unet, last, encoding.latents, text),
        "ldm": lambda: backbone.unet(encoding.latents, 400, text),
        "ldznet": lambda: segmenter.networks["ldznet"](encoding),
    }
    operations = count_operations()
    uses = {}
    for name, way in work.items():
        way()
        rate = matrix_rate(backbone.dtype)
        seconds = spread_of([seconds_of(way) for _ in range(turns)])
        rate = max(rate, matrix_rate(backbone.dtype))
        achieved = operations[name] / seconds.median
        uses[name] = Use(operations[name], seconds, achieved, achieved / rate)
    return uses


@torch.no_grad()
def count_operations() -> dict[str, float]:
    """Giga floating-point operations of each pass at full size, counted without computing."""
    with torch.device("meta"):
        vae, unet, network = build_autoencoder(), build_unet(), LDZNet()
    encoding = _inputs(torch.device("meta"), torch.float32)
    text = encoding.text
    features = {}
    for number in FUSION_BLOCKS:
        block = find_block(unet, number)
        block.register_forward_hook(
            lambda module, inputs, output, number=number: features.update({number: output[0]})
        )
    last = find_block(unet, max(FUSION_BLOCKS))
    counts = {
        "vae": _count(lambda: vae.encode(encoding.pixels)),
        "ldm to block 10": _count(lambda: _stopped(unet, last, encoding.latents, text)),
        "ldm": _count(lambda: unet(encoding.latents, 400, text)),
    }
    read = Encoding(encoding.pixels, encoding.latents, text, features)
    return {**counts, "ldznet": _count(lambda: network(read))}


def _inputs(device: torch.device, dtype: torch.dtype) -> Encoding:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).to(device, dtype)

    cells = SIDE // 8
    pixels, latents = draw(1, 3, SIDE, SIDE), draw(1, 4, cells, cells)
    return Encoding(pixels, latents, draw(1, TOKENS, TEXT_WIDTH))


def _stopped(unet: nn.Module, last: nn.Module, latents: torch.Tensor, text: torch.Tensor) -> None:
    with stop_after(last):
        unet(latents, 400, text)


def _count(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 1e9
