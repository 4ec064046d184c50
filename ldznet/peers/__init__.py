"""Peers: other people's models that answer the same question, each with weights of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch
from PIL import Image

from ldznet.peers.clipseg import ClipSeg

__all__ = ["PEERS", "Peer", "load_peer"]


class Peer(Protocol):
    """A model that finds phrases in a picture without our backbone; it registers in `PEERS`."""

    name: str
    title: str
    colour: str  # "#rrggbb", its own in cards and charts
    reads: str  # what it reads, for people; {braces} mark words of the glossary
    remedy: str  # one sentence: what to do where its weights are missing

    @classmethod
    def from_pretrained(
        cls, source: str | Path | None = None, *, device: str | torch.device = "cpu"
    ) -> Self:
        """The peer from a folder or hub id; by default from where it is published."""

    def __call__(self, picture: Image.Image, phrases: Sequence[str]) -> np.ndarray:
        """(P, H, W) float32 probabilities in [0, 1] at the RGB picture's own size."""


PEERS: dict[str, type[Peer]] = {ClipSeg.name: ClipSeg}


def load_peer(
    name: str, source: str | Path | None = None, *, device: str | torch.device = "cpu"
) -> Peer:
    """The peer of this name, from a folder or hub id; by default from where it is published.

    Raises ValueError with one sentence for an unknown name or weights that cannot be had.
    """
    if name not in PEERS:
        raise ValueError(f"There is no peer '{name}'; choose from {', '.join(PEERS)}.")
    return PEERS[name].from_pretrained(source, device=device)
