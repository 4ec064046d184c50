"""LD-ZNet: text-based image segmentation from the insides of a latent diffusion model."""

from importlib import import_module
from typing import Any

_HOMES = {
    "Generation": "ldznet.types",
    "LatentDiffusion": "ldznet.backbone",
    "Segmentation": "ldznet.types",
    "Segmenter": "ldznet.pipeline",
    "generate": "ldznet.backbone",
    "read_image": "ldznet.images",
    "record": "ldznet.backbone",
}

__version__ = "0.1.0"
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """A public name, imported when first asked for: torch takes seconds and `--help` needs none."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ldznet' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
