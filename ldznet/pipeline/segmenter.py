"""`Segmenter`: an image and phrases in, probabilities per network at the image's own size out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.ldm import FEATURE_TIMESTEP, check_seed
from ldznet.backbone.precision import AUTO
from ldznet.backbone.reading import phrase_tokens, read
from ldznet.blocks import BLOCKS, FUSION_BLOCKS
from ldznet.images import read_image, working_size
from ldznet.networks import NETWORKS, SegmentationNetwork
from ldznet.networks.finding import find_networks
from ldznet.peers import PEERS, Peer, load_peer
from ldznet.pipeline.loading import ASSETS, POCKET, load_backbone, misfit
from ldznet.question import Question, ask, check_names
from ldznet.types import Encoding, Generation, Reading, Segmentation

ImageSource = str | Path | bytes | Image.Image | np.ndarray
Progress = Callable[[float, str], object]  # share done in [0, 1], what is being done


class Segmenter:
    """A frozen backbone and the networks that read it.

    Same input, same seed, same machine: same bits. Every phrase meets the same noise, so a phrase's
    probabilities do not depend on the phrases asked for beside it, up to float rounding.
    """

    def __init__(
        self,
        backbone: LatentDiffusion,
        networks: Mapping[str, SegmentationNetwork],
        template: str = "{}",
        missing: Mapping[str, str] | None = None,
    ) -> None:
        """Join a backbone and networks trained on it; `template` words a phrase for the encoder.

        `missing` says of other networks, by name, how to get their weights for this backbone.
        Raises ValueError if a network's configuration cannot fit the backbone.
        """
        for name, network in networks.items():
            if reason := misfit(name, network, backbone):
                raise ValueError(reason)
        self.backbone = backbone
        self.networks = {
            name: network.to(backbone.device, backbone.dtype).requires_grad_(False).eval()
            for name, network in networks.items()
        }
        self.missing = dict(missing or {})
        self.peers: dict[str, Peer] = {}  # see `add_peer`
        self.template = template
        sides = [network.config["sample_size"] * backbone.factor for network in networks.values()]
        # Side of the square pictures the networks were trained on, in pixels.
        self.native_size: int = max(sides, default=backbone.native_size)

    @classmethod
    def from_pretrained(
        cls,
        backbone: str | Path = POCKET,
        *,
        networks: str | Path | None = None,
        names: Sequence[str] | None = None,
        device: str | torch.device = AUTO,
        precision: str = AUTO,
    ) -> "Segmenter":
        """A segmenter from weights on disk.

        `backbone` is "pocket" (the miniature shipped in `assets/`), a diffusers folder, a
        checkpoint in the official layout (.safetensors) or a hub id. Device and precision are
        chosen as `backbone.precision` says.
        `networks` is a folder or hub id with one subfolder per network, by default those shipped
        for pocket. `names` picks some of them, which must then be there; by default those are taken
        that are there and fit, and `missing` says what to do about the others. Raises ValueError
        naming what is missing or damaged.
        """
        wanted = check_names(list(NETWORKS) if names is None else names, NETWORKS)
        if networks is None and str(backbone) == POCKET:
            networks = ASSETS / "networks" / POCKET
        found, missing = find_networks(networks, wanted)
        if names is not None and missing:
            raise ValueError(next(iter(missing.values())))
        ldm = load_backbone(backbone, device=device, precision=precision)
        if names is None:
            for name, network in list(found.items()):
                if reason := misfit(name, network, ldm):
                    del found[name]
                    missing[name] = reason
        return cls(ldm, found, missing=missing)

    def add_peer(self, name: str) -> None:
        """Load one of `PEERS`, so that `compare` answers for it too.

        Raises ValueError with one sentence if it is unknown or its weights cannot be had.
        """
        if name not in self.peers:
            self.peers[name] = load_peer(name)

    def __call__(
        self,
        image: ImageSource,
        phrases: Sequence[str],
        network: str = "ldznet",
        *,
        seed: int = 0,
        timestep: int = FEATURE_TIMESTEP,
        template: str | None = None,
    ) -> Segmentation:
        """What one network finds; arguments and errors as in `compare`."""
        found = self.compare(
            image, phrases, [network], seed=seed, timestep=timestep, template=template
        )
        return found[network]

    @torch.no_grad()
    def compare(
        self,
        image: ImageSource,
        phrases: Sequence[str],
        networks: Sequence[str] | None = None,
        *,
        seed: int = 0,
        timestep: int = FEATURE_TIMESTEP,
        template: str | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Segmentation]:
        """What each network finds, by name; `networks` names some, and peers that were added.

        Without names every trained network answers or, where there is none, every other.

        The image is encoded once, its features read once for all networks, and the phrases run as a
        batch. The image is brought to about the networks' native area for this and the
        probabilities back to its own size. `progress` is told the share done before each step.

        Raises ValueError for an unreadable image (see `read_image`), no phrase, an empty or
        over-long one, more than 16, an unknown network, a seed or timestep out of range, or a
        template without exactly one "{}".
        """
        report = progress or _ignore
        question = self._ask(phrases, networks, template, seed, timestep)
        picture = read_image(image)
        question.check_memory(picture)
        report(0, "Encoding the image")
        encoding = self.backbone.encode(self.to_pixels(picture), question.texts, features=False)
        return self._answer(question, picture, encoding, report)

    @torch.no_grad()
    def compare_generated(
        self,
        generation: Generation,
        phrases: Sequence[str],
        networks: Sequence[str] | None = None,
        *,
        reuse: bool = True,
        seed: int = 0,
        timestep: int = FEATURE_TIMESTEP,
        template: str | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Segmentation]:
        """What each network finds in a picture this backbone drew, by name, as `compare` does.

        The autoencoder's encoder never runs: the networks read the sampler's last latents, RGBNet
        the picture. With `reuse` LD-ZNet reads the features kept while drawing, so the LDM does
        not run either; they follow the prompt and not the phrase, which is an approximation (see
        `ldznet.reuse`). Without it, or where none were kept, those latents are noised at `timestep`
        with `seed` and the LDM reads them with the phrase: the exact way.

        Raises ValueError as `compare` does, and for a generation of another backbone.
        """
        question = self._ask(phrases, networks, template, seed, timestep)
        self._check_generation(generation)
        picture = Image.fromarray(generation.image)
        question.check_memory(picture)
        report = progress or _ignore
        report(0, "Encoding the phrases")

        def repeat(tensor: Tensor) -> Tensor:
            rows = len(question.texts)
            return tensor.to(self.backbone.device, self.backbone.dtype).expand(rows, -1, -1, -1)

        kept = generation.features if reuse else {}
        encoding = Encoding(
            pixels=repeat(self.to_pixels(picture)),
            latents=repeat(generation.latents),
            text=self.backbone.encode_text(question.texts),
            features={block: repeat(feature) for block, feature in kept.items()},
        )
        return self._answer(question, picture, encoding, report)

    def _ask(
        self,
        phrases: Sequence[str],
        networks: Sequence[str] | None,
        template: str | None,
        seed: int,
        timestep: int,
    ) -> Question:
        self.backbone.check_timestep(timestep)
        check_seed(seed)
        worded = self.template if template is None else template
        known = [*self.networks, *self.peers]
        if networks is None:
            networks = [name for name in known if name in NETWORKS] or known
        for name in networks:
            if name in self.missing:
                raise ValueError(self.missing[name])
            if name in PEERS and name not in self.peers:
                raise ValueError(f"'{name}' is not loaded; call add_peer('{name}') first.")
        return ask(phrases, check_names(networks, known), worded, seed, timestep)

    def _check_generation(self, generation: Generation) -> None:
        unet = self.backbone.unet.config
        widths = {block: unet.block_out_channels[BLOCKS[block].level] for block in FUSION_BLOCKS}
        kept = {block: feature.shape[1] for block, feature in generation.features.items()}
        height, width = (side * self.backbone.factor for side in generation.latents.shape[-2:])
        if generation.image.shape[:2] != (height, width) or (kept and kept != widths):
            raise ValueError("The picture was drawn by another backbone; draw it again with this.")

    def _answer(
        self, question: Question, picture: Image.Image, encoding: Encoding, report: Progress
    ) -> dict[str, Segmentation]:
        """Runs the networks, and before them the LDM as far as they read it."""
        reading = {
            name: self.networks[name].reading
            for name in question.networks
            if name in self.networks and self.networks[name].reading
        }
        shared = 0.0  # seconds spent on reading the LDM, part of every network that does
        if reading and not _holds(encoding, reading.values()):
            report(0.2, "Reading the diffusion model's features")
            with _timed(self.backbone.device) as seconds:
                encoding = read(
                    self.backbone,
                    encoding,
                    reading.values(),
                    timestep=question.timestep,
                    seed=question.seed,
                )
            shared = seconds[0]
        if any(each.attention for each in reading.values()):
            words = phrase_tokens(self.backbone, question.texts, question.spans)
            encoding = replace(encoding, words=words.to(self.backbone.device))
        found = {}
        for number, name in enumerate(question.networks):
            report(0.5 + 0.5 * number / len(question.networks), f"Running {name}")
            with _timed(self.backbone.device) as seconds:
                if name in self.peers:
                    probability = self.peers[name](picture, question.phrases)
                else:
                    probability = self._run(name, encoding, picture.size)
            found[name] = Segmentation(
                image=np.asarray(picture),
                phrases=question.phrases,
                probability=probability,
                network=name,
                seconds=seconds[0] + (shared if name in reading else 0.0),
            )
        report(1, "Done")
        return found

    @torch.no_grad()
    def reconstruction_error(self, image: ImageSource) -> float:
        """How badly the autoencoder redraws an image, in [0, 1]: the error of its median pixel.

        A pixel's error is its worst channel's, at working size. A picture unlike those the
        autoencoder was trained on comes back worse. The median, because edges always come back
        soft: what tells a strange picture is that its surfaces do too.
        """
        pixels = self.to_pixels(read_image(image))
        latents = self.backbone.encode_image(pixels)
        difference = (self.backbone.decode_latents(latents) - pixels.to(latents)) / 2
        return float(difference.float().abs().amax(dim=1).median())

    def to_pixels(self, picture: Image.Image) -> Tensor:
        """(1, 3, h, w) in [-1, 1], an RGB picture at its working size."""
        multiple = self.backbone.multiple
        size = working_size(*picture.size, native_size=self.native_size, multiple=multiple)
        if size != picture.size:
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]  # (1, 3, h, w) uint8
        return pixels / 127.5 - 1

    def _run(self, name: str, encoding: Encoding, size: tuple[int, int]) -> np.ndarray:
        """(P, H, W) float32 in [0, 1] for a picture of `size` (width, height)."""
        probability = self.networks[name](encoding).float().sigmoid().cpu()  # (P, 1, h, w)
        width, height = size
        if probability.shape[-2:] != (height, width):
            # Antialiased, so that a picture smaller than its working size loses no thin part.
            probability = functional.interpolate(
                probability, size=(height, width), mode="bilinear", antialias=True
            )
        return probability[:, 0].clamp(0, 1).numpy()


def _holds(encoding: Encoding, readings: Iterable[Reading]) -> bool:
    """Whether nothing is left to read: the features are there, and no attention is asked for."""
    return bool(encoding.features) and not any(reading.attention for reading in readings)


def _ignore(share: float, step: str) -> None:
    """The progress of a call that nobody follows."""


@contextmanager
def _timed(device: torch.device) -> Iterator[list[float]]:
    """A list that holds, afterwards, the seconds the block took, the device's work included."""
    seconds: list[float] = []
    start = perf_counter()
    yield seconds
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds.append(perf_counter() - start)
