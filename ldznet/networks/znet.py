"""ZNet: segmentation from an image's latents and the phrase (paper section 3.1)."""

from torch import Tensor

from ldznet.networks.base import SegmentationNetwork, training_remedy
from ldznet.types import Encoding


class ZNet(SegmentationNetwork):
    """Reads clean latents and the text."""

    name = "znet"
    title = "ZNet"
    colour = "#0EA5E9"
    reads = "reads the {latent}"
    remedy = training_remedy(name, title)

    def grid(self, encoding: Encoding) -> Tensor:
        """The map (B, 1, h, w) from the latents (B, 4, h, w)."""
        return self._run_unet(encoding.latents, encoding.text)
