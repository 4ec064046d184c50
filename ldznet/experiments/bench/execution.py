"""What each trick of `ldznet.execution` buys: models with all of them against all but one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from time import process_time
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import ResnetBlock2D
from torch import nn

from ldznet.execution import prepare
from ldznet.execution.attention import DirectAttention
from ldznet.execution.packing import PACKED
from ldznet.execution.residual import DirectResidual
from ldznet.experiments.bench.full_size import TEXT_WIDTH, TOKENS, build_unet, fill
from ldznet.experiments.bench.pocket import draw_example
from ldznet.experiments.measuring import Work, spread_of, spread_of_ratios
from ldznet.networks import NETWORKS
from ldznet.pipeline import Segmenter

CELLS = 24  # side of the full-size U-Net's latents: a picture of 192 pixels

Undo = Callable[[nn.Module], None]


def measure_execution(turns: int = 20) -> dict[str, Any]:
    """Per model and trick the processor's seconds with and without it, and their ratio, in turns.

    The models are pocket's, for one phrase by its three networks, and a U-Net of full size.
    """
    return {"pocket": _measure_pocket(turns), "full_size_unet": _measure_unet(turns)}


def _measure_pocket(turns: int) -> dict[str, Any]:
    pocket = Segmenter.from_pretrained()
    image, phrases = draw_example(1, pocket.backbone.native_size)
    names = [name for name in NETWORKS if name in pocket.networks]
    backbone = pocket.backbone
    models = [backbone.vae, backbone.unet, backbone.text_encoder, *pocket.networks.values()]
    return measure_tricks(models, lambda: pocket.compare(image, phrases, names), turns)


@torch.no_grad()
def _measure_unet(turns: int) -> dict[str, Any]:
    unet = fill(build_unet, torch.float32)
    prepare(unet)
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(1, 4, CELLS, CELLS, generator=generator)
    text = torch.randn(1, TOKENS, TEXT_WIDTH, generator=generator)
    return measure_tricks([unet], lambda: unet(latents, 400, text), turns)


def measure_tricks(models: Sequence[nn.Module], work: Work, turns: int) -> dict[str, Any]:
    """By trick, of models that come prepared and are left so; a turn is with it, then without."""
    result = {}
    work()  # the first pass of anything is slower
    for trick, undo in TRICKS.items():
        taken: dict[str, list[float]] = {"with": [], "without": []}
        for _ in range(turns):
            taken["with"].append(_seconds(work, warm=undo in PACKS))
            for model in models:
                undo(model)
            taken["without"].append(_seconds(work))
            for model in models:
                prepare(model)
        ratio = spread_of_ratios(taken["without"], taken["with"])
        spreads = {name: asdict(spread_of(seconds)) for name, seconds in taken.items()}
        result[trick] = {**spreads, "ratio": asdict(ratio)}
    return result


def _seconds(work: Work, *, warm: bool = False) -> float:
    """The processor's own, of all threads: what else the machine does counts less so."""
    if warm:
        work()  # lays out weights
    start = process_time()
    work()
    return process_time() - start


def _swap(kinds: Mapping[type[nn.Module], type[nn.Module]]) -> Undo:
    def undo(model: nn.Module) -> None:
        for layer in model.modules():
            if type(layer) in kinds:
                layer.__class__ = kinds[type(layer)]

    return undo


def _unpack(model: nn.Module) -> None:
    for layer in model.modules():
        if type(layer) in PACKED.values():
            layer._apply(lambda tensor: tensor)


def _undo_all(model: nn.Module) -> None:
    for undo in list(TRICKS.values())[:-1]:
        undo(model)


TRICKS: dict[str, Undo] = {
    "direct attention": _swap({DirectAttention: Attention}),
    "direct residuals": _swap({DirectResidual: ResnetBlock2D}),
    "packing": _unpack,
    "all": _undo_all,
}
PACKS = (_unpack, _undo_all)  # after which weights are to be laid out again
