"""RGBNet: ZNet without the latents, the paper's baseline for what they are worth (section 5.1)."""

import math
from itertools import pairwise

from torch import Tensor, nn

from ldznet.networks.base import LATENT_CHANNELS, SegmentationNetwork, training_remedy
from ldznet.types import Encoding

STEM_WIDTH = 32  # channels after the first convolution; they double with every halving of the side


class RGBNet(SegmentationNetwork):
    """Reads the RGB image and the text; a learned stem brings the image to the latents' size."""

    name = "rgbnet"
    title = "RGBNet"
    colour = "#64748B"
    reads = "reads the pixels"
    remedy = training_remedy(name, title)

    def extend(self) -> None:
        """Build the stem: (B, 3, H, W) -> (B, 4, h, w)."""
        halvings = int(math.log2(self.config.factor))
        widths = [3, *(STEM_WIDTH * 2**halving for halving in range(halvings))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.SiLU()]
        self.stem = nn.Sequential(*layers, nn.Conv2d(widths[-1], LATENT_CHANNELS, 3, padding=1))

    def grid(self, encoding: Encoding) -> Tensor:
        """The map (B, 1, h, w) from the pixels (B, 3, H, W)."""
        return self._run_unet(self.stem(encoding.pixels), encoding.text)
