"""What the networks share: a Stable Diffusion 1.x U-Net with one output channel, and a head."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from diffusers import ConfigMixin, ModelMixin, UNet2DConditionModel
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

from ldznet.blocks import UNET_STRIDE
from ldznet.checkpoints.file import Part, find_faults, read_safetensors
from ldznet.networks.head import MaskHead, keep_full_precision, start_in_linear_range
from ldznet.types import Encoding, Reading

LATENT_CHANNELS = 4  # of every Stable Diffusion 1.x autoencoder
WEIGHTS = "diffusion_pytorch_model.safetensors"
SEGMENTATION_TIMESTEP = 0  # the networks read clean latents (paper section 3.1)


class SegmentationNetwork(ModelMixin, ConfigMixin):
    """A text-conditioned segmentation network: `network(encoding)` -> logits (B, 1, H, W).

    Arguments, all kept in `config.json`:

    - `block_out_channels`: channels of the U-Net's four levels
    - `cross_attention_dim`: width D of the text encoding
    - `attention_head_dim`: heads per level (diffusers' name, which for this U-Net counts heads)
    - `norm_num_groups`: groups of every GroupNorm
    - `sample_size`: native side in latent cells, a multiple of 8 (48: pictures of 384 pixels)
    - `factor`: pixels per latent cell along a side, a power of two

    A subclass says in `grid` what the U-Net reads, and builds in `extend` what it needs for that.
    """

    name: ClassVar[str]
    title: ClassVar[str]  # as the paper writes it
    colour: ClassVar[str]  # "#rrggbb", its own in cards and charts
    reads: ClassVar[str]  # what it reads, for people; {braces} mark words of the glossary
    remedy: ClassVar[str]  # one sentence: what to do where its weights are missing
    reading: ClassVar[Reading | None] = None  # what it reads of the LDM, if it does

    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        cross_attention_dim: int = 768,
        attention_head_dim: int | Sequence[int] = 8,
        norm_num_groups: int = 32,
        sample_size: int = 48,
        factor: int = 8,
    ) -> None:
        super().__init__()
        if sample_size % UNET_STRIDE:
            raise ValueError(f"sample_size must be a multiple of {UNET_STRIDE}; got {sample_size}.")
        heads = attention_head_dim
        self.unet = UNet2DConditionModel(
            sample_size=sample_size,
            in_channels=LATENT_CHANNELS,
            out_channels=1,
            block_out_channels=tuple(block_out_channels),
            cross_attention_dim=cross_attention_dim,
            attention_head_dim=heads if isinstance(heads, int) else tuple(heads),
            norm_num_groups=norm_num_groups,
        )
        start_in_linear_range(self.unet.conv_out)
        keep_full_precision(self.unet.conv_norm_out, self.unet.conv_out)
        self.head = MaskHead(factor)
        self.extend()

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """The network of this kind saved in a folder by `save_pretrained`, evaluating.

        Raises ValueError, naming what is wrong and what to do, if the folder is missing or holds
        another model, or if its weights are missing, damaged or those of another network.
        """
        folder = Path(folder)
        kind = read_kind(folder)
        if kind != cls.__name__:
            raise ValueError(
                f"The folder '{folder.name}' holds no {cls.__name__} but {kind}; give a folder of "
                f"{cls.__name__}, or load it with `load_network` if it is a network."
            )
        if not (folder / WEIGHTS).is_file():
            raise ValueError(
                f"The network folder '{folder.name}' has no weights ({WEIGHTS}); "
                "copy them there or train the network again."
            )
        try:
            with torch.device("meta"):
                network = cls.from_config(cls.load_config(folder))
            tensors = read_safetensors(folder / WEIGHTS)
        except Exception as error:  # diffusers and torch raise kinds of their own
            raise ValueError(
                f"The weights in '{folder.name}' cannot be read as those of {cls.title} with that "
                "folder's config.json; copy them again or train the network again."
            ) from error
        wrong = [name for names in find_faults(network, tensors).values() for name in names]
        if wrong:
            raise ValueError(
                f"The weights in '{folder.name}' do not fit its config.json ({len(wrong)} tensors "
                "are missing, left over or of another shape); copy the folder again as a whole."
            )
        return Part(cls.name, network, tensors).fill()

    def to(self, *args: Any, **options: Any) -> Self:
        """PyTorch's own: diffusers' warns of layers to be kept in float32, also if there are none.

        Those of a network see to it themselves (see `head.FullPrecision`).
        """
        return nn.Module.to(self, *args, **options)

    def extend(self) -> None:
        """Build what this network has beyond U-Net and head; called in `__init__`."""

    def forward(self, encoding: Encoding) -> Tensor:
        """Logits (B, 1, H, W), a row per row of `encoding.text`; the sigmoid is the probability."""
        return self.head(self.grid(encoding))

    def grid(self, encoding: Encoding) -> Tensor:
        """The one-channel map (B, 1, h, w) at the latents' resolution that the head enlarges."""
        raise NotImplementedError

    def initialise_from(self, unet: UNet2DConditionModel) -> tuple[str, ...]:
        """Copy every tensor of equal name and shape from an LDM's U-Net (paper section 4.1).

        Returns the names of this network's tensors that were not copied: the output convolution,
        the head, and what only this network has. Raises ValueError if the U-Net is of another
        topology or width, so that next to nothing would fit.
        """
        given = unet.state_dict()
        own = self.unet.state_dict()
        fitting = {name for name, tensor in given.items() if _same_shape(tensor, own.get(name))}
        strangers = sorted(
            name for name in given if name not in fitting and not name.startswith("conv_out.")
        )
        if strangers:
            raise ValueError(
                f"This U-Net does not fit the network: {len(strangers)} of its tensors differ, "
                f"{strangers[0]} for one; build the network with the U-Net's own widths."
            )
        self.unet.load_state_dict({name: given[name] for name in fitting}, strict=False)
        copied = {f"unet.{name}" for name in fitting}
        return tuple(name for name in self.state_dict() if name not in copied)

    def _run_unet(
        self, image: Tensor, text: Tensor, cross_attention: Mapping[str, Any] | None = None
    ) -> Tensor:
        """The grid (B, 1, h, w) of an image (B or 1, 4, h, w), a row per row of text."""
        rows = text.shape[0]
        if image.shape[0] not in (1, rows):
            raise ValueError(
                f"The encoding has {image.shape[0]} images for {rows} rows of text; "
                "give one image, or one per row."
            )
        output = self.unet(
            image.expand(rows, -1, -1, -1),
            torch.tensor(SEGMENTATION_TIMESTEP, device=image.device),
            text,
            cross_attention_kwargs=cross_attention,
        ).sample
        return functional.silu(output)  # the official `out` ends with an activation


def read_kind(folder: Path) -> str:
    """The class of the network saved in a folder; raises ValueError if it holds none."""
    if not folder.is_dir():
        raise ValueError(
            f"There is no network folder '{folder.name}'; give a folder with config.json and "
            f"{WEIGHTS}, as written by training."
        )
    try:
        return json.loads((folder / "config.json").read_text())["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"The folder '{folder.name}' holds no network: its config.json is missing or names no "
            f"kind; give a folder with config.json and {WEIGHTS}."
        ) from error


def training_remedy(name: str, title: str) -> str:
    """What to do where a network has no weights that could be fetched."""
    return (
        f"{title} has no weights for this backbone yet, and none are published: train it with "
        f"ldznet.training.network, save it as weights/{name}, and start again with "
        "LDZNET_NETWORKS=weights (--networks weights on the command line)."
    )


def _same_shape(given: Tensor, own: Tensor | None) -> bool:
    return own is not None and given.shape == own.shape
