"""What a pass hands to the networks, put together from its texts and the one image."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from ldznet.backbone import LatentDiffusion
from ldznet.pipeline.recipe import Pass
from ldznet.types import Encoding


def encode_texts(
    backbone: LatentDiffusion, passes: Sequence[Pass]
) -> dict[tuple[str, ...], Tensor]:
    """The text encodings that the passes read, each wording encoded once.

    Raises ValueError for a text that the encoder would cut, so it comes before the image's turn.
    """
    wordings = dict.fromkeys(asked.texts for asked in passes)
    return {texts: backbone.encode_text(texts) for texts in wordings}


def make_encoding(
    backbone: LatentDiffusion,
    text: Tensor,
    pixels: Tensor,
    latents: Tensor,
    features: Mapping[int, Tensor] | None = None,
) -> Encoding:
    """A row for each row of text, all with the same image and, if given, the same features."""

    def repeat(tensor: Tensor) -> Tensor:
        return tensor.to(backbone.device, backbone.dtype).expand(len(text), -1, -1, -1)

    return Encoding(
        pixels=repeat(pixels),
        latents=repeat(latents),
        text=text,
        features={block: repeat(feature) for block, feature in (features or {}).items()},
    )
