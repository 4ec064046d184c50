"""The miniature's autoencoder, which works on patches of pixels."""

from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional


class PatchAutoencoder(AutoencoderKL):
    """An `AutoencoderKL` on patches: pixels are folded into channels before it, unfolded after.

    Convolutions at full resolution cost most of a small autoencoder's time on a CPU and teach it
    least. The patch side follows from `in_channels` (3 x patch x patch), so the configuration and
    the file layout stay those of `AutoencoderKL`.
    """

    @property
    def patch(self) -> int:
        """Side in pixels of the patch that becomes one cell before the first convolution."""
        return round((self.config.in_channels / 3) ** 0.5)

    @property
    def factor(self) -> int:
        """Pixels per latent cell along a side."""
        return self.patch * 2 ** (len(self.config.block_out_channels) - 1)

    def _encode(self, x: Tensor) -> Tensor:
        return super()._encode(functional.pixel_unshuffle(x, self.patch))

    def _decode(self, z: Tensor, return_dict: bool = True):
        decoded = super()._decode(z, return_dict=return_dict)
        if return_dict:
            decoded.sample = functional.pixel_shuffle(decoded.sample, self.patch)
            return decoded
        return (functional.pixel_shuffle(decoded[0], self.patch),)
