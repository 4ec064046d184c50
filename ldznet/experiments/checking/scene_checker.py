"""A small network that names the things in a drawn scene, cell by cell.

It is trained on drawn scenes alone and shares nothing with the backbone or the networks it judges.
"""

from itertools import pairwise

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

CELL = 4  # pixels along a side of a cell


class SceneChecker(ModelMixin, ConfigMixin):
    """Per cell of 4 x 4 pixels: which category covers it, or none, and in which colour.

    Arguments, kept in `config.json`: `categories` and `colours` count what it tells apart,
    `widths` are the channels at 4, 8, 16 and 32 pixels a cell.
    """

    @register_to_config
    def __init__(
        self,
        categories: int = 16,
        colours: int = 9,
        widths: tuple[int, int, int, int] = (32, 64, 96, 128),
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(12, widths[0], 3, stride=2, padding=1)
        )
        self.down = nn.ModuleList(_Residual(width) for width in widths[:-1])
        self.halve = nn.ModuleList(
            nn.Conv2d(now, following, 3, stride=2, padding=1) for now, following in pairwise(widths)
        )
        self.middle = nn.Sequential(_Residual(widths[-1]), _Residual(widths[-1]))
        self.narrow = nn.ModuleList(
            nn.Conv2d(following, now, 1) for now, following in pairwise(widths)
        )
        self.up = nn.ModuleList(_Residual(width) for width in widths[:-1])
        self.category = nn.Conv2d(widths[0], categories + 1, 1)
        self.colour = nn.Conv2d(widths[0], colours, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, 1 + categories, h, w), none first, and of the colour (B, colours, h, w).

        `pixels` is (B, 3, H, W) in [-1, 1], sides multiples of 32; h = H / 4.
        """
        x = self.stem(pixels)  # (B, C, H/4, W/4)
        skips = []
        for down, halve in zip(self.down, self.halve, strict=True):
            x = down(x)
            skips.append(x)
            x = halve(x)
        x = self.middle(x)  # (B, C, H/32, W/32)
        for level in reversed(range(len(skips))):
            x = functional.interpolate(self.narrow[level](x), scale_factor=2) + skips[level]
            x = self.up[level](x)
        return self.category(x), self.colour(x)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.layers(x))
