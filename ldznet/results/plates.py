"""Plates: views of the inside, ready to be kept, as a figure and as the arrays behind it.

The page's downloads and the command line make their files here, so that they are the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ldznet.figures.inspection import (
    features_figure,
    latent_figure,
    point_figure,
    text_change_figure,
    words_figure,
)
from ldznet.figures.sheet import figure_png
from ldznet.inspection import FeatureStrip, LatentView, PointMap, Subject, WordMaps
from ldznet.results.masks import npz_bytes

if TYPE_CHECKING:
    from ldznet.figures.sheet import Figure


@dataclass(frozen=True)
class Plate:
    """A figure, drawn only when it is wanted, with its arrays and how they were made."""

    draw: Callable[[], "Figure"]
    arrays: Mapping[str, ArrayLike]
    settings: Mapping[str, Any]  # plain values, fit for JSON

    def png(self) -> bytes:
        """The figure as a file."""
        return figure_png(self.draw())

    def npz(self) -> bytes:
        """The arrays as a file, the settings among them; see `ldznet.results.masks.npz_bytes`."""
        return npz_bytes(self.arrays, self.settings)


def words_plate(subject: Subject, words: WordMaps, *, common: bool = False) -> Plate:
    """A map per token: `maps` (n, h, w), `words` and `special` (n,); `common` is the range."""

    def draw() -> "Figure":
        return words_figure(
            subject.image,
            words.words,
            words.maps,
            words.special,
            phrase=words.phrase,
            blocks=words.blocks,
            timestep=words.timestep,
            seed=words.seed,
            common=common,
        )

    return Plate(
        draw,
        {
            "image": subject.image,
            "words": words.words,
            "special": words.special,
            "maps": words.maps,
        },
        {
            "phrase": words.phrase,
            "blocks": list(words.blocks),
            "timestep": words.timestep,
            "seed": words.seed,
            **_origin(subject),
        },
    )


def point_plate(
    subject: Subject,
    phrase: str,
    x: float,
    y: float,
    *,
    self_attention: PointMap | None = None,
    fusion: PointMap | None = None,
) -> Plate:
    """Where a point looks, in the diffusion model, in LD-ZNet, or in both side by side.

    `self_attention` and `fusion` (h, w) are the maps' names among the arrays. Raises ValueError if
    there is neither.
    """
    named = {"self_attention": self_attention, "fusion": fusion}
    maps = {name: each for name, each in named.items() if each is not None}
    if not maps:
        raise ValueError("A plate of a point needs its self-attention, its fusion map, or both.")
    first = next(iter(maps.values()))
    titles = {"self_attention": "self-attention", "fusion": "LD-ZNet reads"}
    share = "" if fusion is None else f"{fusion.pooled_share:.0%}".replace("%", " %")

    def draw() -> "Figure":
        return point_figure(
            subject.image,
            x,
            y,
            {f"{titles[name]}, block {each.block}": each.map for name, each in maps.items()},
            phrase=phrase,
            blocks=[each.block for each in maps.values()],
            timestep=first.timestep,
            seed=first.seed,
            footnote=share and f"{share} of LD-ZNet’s attention goes to the mean of all cells.",
        )

    shares = {} if fusion is None else {"fusion_pooled_share": fusion.pooled_share}
    return Plate(
        draw,
        {"image": subject.image, **{name: each.map for name, each in maps.items()}, **shares},
        {
            "phrase": phrase,
            "point": [x, y],
            "blocks": {name: each.block for name, each in maps.items()},
            "cells": {name: list(each.cell) for name, each in maps.items()},
            "timestep": first.timestep,
            "seed": first.seed,
            **_origin(subject),
        },
    )


def features_plate(subject: Subject, strip: FeatureStrip) -> Plate:
    """Features as colours: an array (h, w, 3) per panel, such as `timestep_50` or `block_1`."""
    over_blocks = len(strip.blocks) > 1
    names = [label.replace(" ", "_") for label in strip.labels]

    def draw() -> "Figure":
        return features_figure(
            subject.image,
            f"Features as colours, over {'blocks' if over_blocks else 'timesteps'}",
            strip.labels,
            strip.colours,
            strip.explained,
            phrase=strip.phrase,
            blocks=() if over_blocks else strip.blocks,
            timestep=strip.timesteps[0] if over_blocks else None,
            seed=strip.seed,
        )

    return Plate(
        draw,
        {
            "image": subject.image,
            **dict(zip(names, strip.colours, strict=True)),
            "explained": strip.explained,
        },
        {
            "phrase": strip.phrase,
            "blocks": list(strip.blocks),
            "timesteps": list(strip.timesteps),
            "seed": strip.seed,
            **_origin(subject),
        },
    )


def text_change_plate(
    subject: Subject, change: np.ndarray, phrase: str, *, timestep: int, seed: int
) -> Plate:
    """How much the phrase changes the noise estimate: `change` (h, w)."""

    def draw() -> "Figure":
        return text_change_figure(
            subject.image, change, phrase=phrase, timestep=timestep, seed=seed
        )

    return Plate(
        draw,
        {"image": subject.image, "change": change},
        {"phrase": phrase, "timestep": timestep, "seed": seed, **_origin(subject)},
    )


def latent_plate(subject: Subject, latent: LatentView) -> Plate:
    """The latent: `channels` (4, h, w), `reconstruction` (H, W, 3), `difference` (H, W), `psnr`."""

    def draw() -> "Figure":
        return latent_figure(
            subject.image, latent.channels, latent.reconstruction, latent.difference, latent.psnr
        )

    arrays: dict[str, ArrayLike] = {
        "image": subject.image,
        "channels": latent.channels,
        "reconstruction": latent.reconstruction,
        "difference": latent.difference,
        "psnr": latent.psnr,
    }
    return Plate(draw, arrays, _origin(subject))


def _origin(subject: Subject) -> dict[str, Any]:
    """What a generated picture was drawn from; nothing for one from a file."""
    if not subject.prompt:
        return {}
    drawn = {"prompt": subject.prompt, "seed": subject.seed, "guidance": subject.guidance}
    return {"generated": drawn}
