"""Runs networks on one pass, and before them the diffusion model as far as they read it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter

import torch
from torch import Tensor

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.reading import phrase_tokens, read
from ldznet.networks import Network
from ldznet.pipeline.recipe import Pass
from ldznet.types import Encoding

Progress = Callable[[float, str], object]  # share done in [0, 1], what is being done


def run_networks(
    backbone: LatentDiffusion,
    networks: Mapping[str, Network],
    encoding: Encoding,
    asked: Pass,
    report: Progress,
) -> dict[str, tuple[Tensor, float]]:
    """By name (P, 1, h, w) float32 probabilities on the CPU, and the network's own seconds.

    P are the pass's phrases, as many as the encoding has rows. Reading the LDM is part of the time
    of every network that does.
    """
    readings = {name: network.reading for name, network in networks.items() if network.reading}
    shared = 0.0  # seconds
    attention = any(reading.attention for reading in readings.values())
    if readings and (attention or not encoding.features):
        report(0.2, "Reading the diffusion model's features")
        with timed(backbone.device) as seconds:
            encoding = read(
                backbone, encoding, readings.values(), timestep=asked.timestep, seed=asked.seed
            )
        shared = seconds[0]
    if attention:
        words = phrase_tokens(backbone, asked.texts, asked.spans)
        encoding = replace(encoding, words=words.to(backbone.device))
    found = {}
    for number, (name, network) in enumerate(networks.items()):
        report(0.5 + 0.5 * number / len(networks), f"Running {name}")
        with timed(backbone.device) as seconds:
            probability = network(encoding).float().sigmoid().cpu()  # (P, 1, h, w)
        found[name] = (probability, seconds[0] + (shared if name in readings else 0.0))
    return found


@contextmanager
def timed(device: torch.device) -> Iterator[list[float]]:
    """A list that holds, afterwards, the seconds the block took, the device's work included."""
    seconds: list[float] = []
    start = perf_counter()
    yield seconds
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds.append(perf_counter() - start)
