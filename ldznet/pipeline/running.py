"""Runs networks on passes, and before them the diffusion model as far as they read it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter

import torch
from torch import Tensor

from ldznet.backbone import LatentDiffusion
from ldznet.networks import Network
from ldznet.pipeline.recipe import Pass
from ldznet.types import Encoding

Progress = Callable[[float, str], object]  # share done in [0, 1], what is being done


def run_passes(
    backbone: LatentDiffusion,
    networks: Mapping[str, Network],
    passes: Sequence[Pass],
    count: int,
    encode: Callable[[Pass], Encoding],
    report: Progress,
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """By name the mean (count, 1, h, w) of what all passes find for each phrase, and the seconds.

    `count` are the phrases that the passes' rows number; each is in as many passes. A network that
    reads nothing of the LDM is not run again for another noise or timestep.
    """
    sums: dict[str, Tensor] = {}
    seconds: defaultdict[str, float] = defaultdict(float)
    known: dict[tuple[str, Pass], Tensor] = {}
    for number, asked in enumerate(passes if networks else ()):

        def tell(share: float, step: str, number: int = number) -> None:
            report((number + share) / len(passes), step)

        still = replace(asked, timestep=0, seed=0)
        run = {name: each for name, each in networks.items() if (name, still) not in known}
        found = run_networks(backbone, run, encode(asked), asked, tell) if run else {}
        for name, network in networks.items():
            if name in found:
                probability, spent = found[name]
                seconds[name] += spent
                if network.reading is None:
                    known[name, still] = probability
            else:
                probability = known[name, still]
            whole = sums.setdefault(name, torch.zeros(count, *probability.shape[1:]))
            whole[list(asked.rows)] += probability
    members = sum(len(asked.rows) for asked in passes) / count
    return {name: whole / members for name, whole in sums.items()}, seconds


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
    # What was kept while a picture was drawn need not be read again.
    lacking = [
        replace(
            reading,
            features=tuple(each for each in reading.features if each not in encoding.features),
        )
        for reading in readings.values()
    ]
    if any(reading.features or reading.attention for reading in lacking):
        report(0.2, "Reading the diffusion model's features")
        with timed(backbone.device) as seconds:
            noise = backbone.draw_noise(encoding.latents[:1].shape, asked.seed)
            recording = backbone.read(
                encoding.latents, encoding.text, lacking, timestep=asked.timestep, noise=noise
            )
            encoding = replace(
                encoding,
                features={**encoding.features, **recording.features_at(asked.timestep)},
                attention=recording.attention,
            )
        shared = seconds[0]
    if any(reading.attention for reading in lacking):
        encoding = replace(encoding, words=backbone.phrase_tokens(asked.texts, asked.spans))
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
