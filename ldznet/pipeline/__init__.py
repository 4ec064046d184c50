"""An image and phrases in, probabilities per network at the image's own size out."""

from ldznet.pipeline.loading import ASSETS, POCKET, find_assets, load_backbone
from ldznet.pipeline.segmenter import ImageSource, Segmenter, check_names
from ldznet.pipeline.settings import Settings

__all__ = [
    "ASSETS",
    "POCKET",
    "ImageSource",
    "Segmenter",
    "Settings",
    "check_names",
    "find_assets",
    "load_backbone",
]
