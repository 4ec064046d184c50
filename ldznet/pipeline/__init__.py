"""An image and phrases in, probabilities per network at the image's own size out."""

from ldznet.pipeline.loading import ASSETS, POCKET, find_assets, load_backbone
from ldznet.pipeline.segmenter import ImageSource, Segmenter

__all__ = ["ASSETS", "POCKET", "ImageSource", "Segmenter", "find_assets", "load_backbone"]
