"""LD-ZNet: ZNet that also attends to the LDM's internal features (paper section 3.2)."""

from torch import Tensor

from ldznet.blocks import FUSION_BLOCKS
from ldznet.networks.base import SegmentationNetwork
from ldznet.networks.fusion import FEATURES, install_fusion
from ldznet.types import Encoding, Reading


class LDZNet(SegmentationNetwork):
    """Reads clean latents, the text, and the LDM's features of blocks 6 to 10.

    The LDM has the same widths as the network; its features are taken at one timestep from the
    noised latents and the same text.
    """

    name = "ldznet"
    title = "LD-ZNet"
    colour = "#7C3AED"
    reads = "reads {latent} and {features}"
    remedy = (
        "LD-ZNet has no weights for this backbone yet: convert the published checkpoint with "
        "'python -m ldznet convert ldznet.ckpt weights' and start again with "
        "LDZNET_NETWORKS=weights (--networks weights on the command line)."
    )
    reading = Reading(features=FUSION_BLOCKS)

    def extend(self) -> None:
        """Give blocks 6 to 10 of the U-Net their third attention."""
        install_fusion(self.unet, self.config.sample_size)

    def grid(self, encoding: Encoding) -> Tensor:
        """The map (B, 1, h, w) from the latents (B, 4, h, w) and the features."""
        missing = [number for number in FUSION_BLOCKS if number not in encoding.features]
        if missing:
            raise ValueError(
                f"LD-ZNet reads the features of blocks {_list(FUSION_BLOCKS)}, but the encoding "
                f"lacks {_list(missing)}; encode the image with features."
            )
        return self._run_unet(encoding.latents, encoding.text, {FEATURES: encoding.features})


def _list(numbers: list[int] | tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
