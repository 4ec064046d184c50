"""`Segmenter`: an image and phrases in, probabilities per network at the image's own size out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ldznet.backbone import LatentDiffusion
from ldznet.blocks import BLOCKS, FUSION_BLOCKS
from ldznet.checkpoints.precision import AUTO
from ldznet.execution import prepare
from ldznet.images import read_image
from ldznet.networks import NETWORKS, AttentionBaseline, Network, SegmentationNetwork
from ldznet.networks.finding import find_networks
from ldznet.peers import PEERS, Peer, load_peer
from ldznet.phrases import check_phrases
from ldznet.pipeline.encoding import encode_texts, make_encoding
from ldznet.pipeline.frame import Frame, choose_frame, official_frame, whole_frame
from ldznet.pipeline.loading import POCKET, find_assets, load_backbone, misfit
from ldznet.pipeline.recipe import (
    TEMPLATES,
    Pass,
    deterministic_passes,
    official_passes,
    usable_templates,
)
from ldznet.pipeline.running import Progress, run_passes, timed
from ldznet.pipeline.settings import DETERMINISTIC, OFFICIAL, Settings
from ldznet.types import Encoding, Generation, Segmentation

ImageSource = str | Path | bytes | Image.Image | np.ndarray


MAX_VALUES = 400_000_000  # probabilities of one call (1.6 GB): networks x phrases x pixels


@dataclass(frozen=True)
class Question:
    """Which networks are to find which phrases."""

    networks: tuple[str, ...]
    phrases: tuple[str, ...]

    def check_memory(self, picture: Image.Image) -> None:
        """Raises ValueError if the answer for this picture would not fit in memory."""
        rows = len(self.networks) * len(self.phrases)
        if rows * picture.width * picture.height > MAX_VALUES:
            raise ValueError(
                f"{len(self.phrases)} phrases in a picture of {picture.width} x {picture.height} "
                "pixels need too much memory; ask for fewer or make the picture smaller."
            )


def check_names(names: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """The names, each once. Raises ValueError for none, or one that is not known."""
    choices = tuple(known)
    unknown = [name for name in names if name not in choices]
    if unknown or not names:
        what = f"There is no network '{unknown[0]}'" if unknown else "No network was named"
        raise ValueError(f"{what}; choose from {', '.join(choices)}.")
    return tuple(dict.fromkeys(names))


class Segmenter:
    """A frozen backbone and the networks that read it.

    Same input, same seed, same machine: same bits, in the official recipe too. A phrase's
    probabilities do not depend on the phrases asked for beside it, up to float rounding.
    """

    def __init__(
        self,
        backbone: LatentDiffusion,
        networks: Mapping[str, Network],
        template: str = "{}",
        missing: Mapping[str, str] | None = None,
        templates: Sequence[str] = TEMPLATES,
    ) -> None:
        """Join a backbone and networks trained on it; `template` words a phrase for the encoder.

        `templates` are other wordings that the networks were trained in, for ensembles.
        `missing` says of other networks, by name, how to get their weights for this backbone.
        Raises ValueError if a network's configuration cannot fit the backbone.
        """
        trained = {
            name: network
            for name, network in networks.items()
            if isinstance(network, SegmentationNetwork)
        }
        for name, network in trained.items():
            if reason := misfit(name, network, backbone):
                raise ValueError(reason)
        self.backbone = backbone
        self.networks = {
            name: network.to(backbone.device, backbone.dtype).requires_grad_(False).eval()
            for name, network in networks.items()
        }
        for model in (backbone.vae, backbone.unet, backbone.text_encoder, *self.networks.values()):
            prepare(model)
        self.missing = dict(missing or {})
        self.peers: dict[str, Peer] = {}  # see `add_peer`
        self.template = template
        self.templates = tuple(templates)
        sides = [network.config["sample_size"] * backbone.factor for network in trained.values()]
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
        that are there and fit, and `missing` says what to do about the others. The attention
        baseline needs no weights; a peer is loaded where `names` has it. Raises ValueError naming
        what is missing or damaged.
        """
        known = (*NETWORKS, AttentionBaseline.name, *PEERS)
        wanted = check_names(known if names is None else names, known)
        if networks is None and str(backbone) == POCKET:
            networks = find_assets(f"networks/{POCKET}")
        found, missing = find_networks(networks, [name for name in wanted if name in NETWORKS])
        if names is not None and missing:
            raise ValueError(next(iter(missing.values())))
        ldm = load_backbone(backbone, device=device, precision=precision)
        if names is None:
            for name, network in list(found.items()):
                if reason := misfit(name, network, ldm):
                    del found[name]
                    missing[name] = reason
        every: dict[str, Network] = {**found}
        if AttentionBaseline.name in wanted:
            every[AttentionBaseline.name] = AttentionBaseline.for_latents(
                ldm.unet.config.sample_size
            )
        # Pocket's networks have only seen bare phrases: in "a photo of a {}." they find next to
        # nothing (see assets/benchmarks/ensemble.json).
        templates = () if str(backbone) == POCKET else TEMPLATES
        segmenter = cls(ldm, every, missing=missing, templates=templates)
        for name in names or ():
            if name in PEERS:
                segmenter.add_peer(name)
        return segmenter

    def add_peer(self, name: str, source: str | Path | None = None) -> None:
        """Load one of `PEERS`, so that `compare` answers for it too; sources as of `load_peer`.

        Raises ValueError with one sentence if it is unknown or its weights cannot be had.
        """
        if name not in self.peers:
            self.peers[name] = load_peer(name, source, device=self.backbone.device)

    def __call__(
        self,
        image: ImageSource,
        phrases: Sequence[str],
        network: str = "ldznet",
        *,
        seed: int = 0,
        timestep: int | None = None,
        template: str | None = None,
        recipe: str = DETERMINISTIC,
        ensemble: int = 1,
    ) -> Segmentation:
        """What one network finds; arguments and errors as in `compare`."""
        found = self.compare(
            image,
            phrases,
            [network],
            seed=seed,
            timestep=timestep,
            template=template,
            recipe=recipe,
            ensemble=ensemble,
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
        timestep: int | None = None,
        template: str | None = None,
        recipe: str = DETERMINISTIC,
        ensemble: int = 1,
        progress: Progress | None = None,
    ) -> dict[str, Segmentation]:
        """What each network finds, by name; `networks` names some, and peers that were added.

        Without names every trained network answers or, where there is none, every other.

        The image is encoded once, its features read once for all networks, and the phrases run as a
        batch. The image is brought to about the networks' native area for this, without a change of
        its aspect, and the probabilities back to its own size. `progress` is told the share done
        before each step.

        The "deterministic" recipe takes the mode of the autoencoder's posterior, the segmenter's
        template and timestep 400. The "official" one follows the official inference: a sample of
        the posterior, and for every phrase a template and a timestep of its own, all drawn at
        random from `seed`; sides are rounded down, whatever becomes of the aspect. A `template` or
        `timestep` that is given holds in both.

        `ensemble` is how many readings to take the mean probability of, 1 to 16. They differ in
        noise, timestep and, among `templates`, wording; the first is the plain one, and each costs
        as much again. The image is still encoded once, and who reads the same again is not run
        again. Peers answer once.

        Raises ValueError for an unreadable image (see `read_image`), no phrase, an empty or
        over-long one, more than 16, an unknown network or recipe, a seed, timestep or ensemble out
        of range, a template without exactly one "{}", or an image too narrow for the official way.
        """
        question = self._ask(phrases, networks)
        passes = self._plan(question, recipe, ensemble, seed, timestep, template)
        picture = read_image(image)
        question.check_memory(picture)
        frame = self._frame(picture, recipe)
        report = progress or _ignore
        report(0, "Encoding the image")
        texts = encode_texts(self.backbone, passes)
        pixels = frame.fill(picture)

        @cache  # once for all passes, and not at all where only peers are asked
        def encode_image() -> tuple[Tensor, Tensor | None]:
            if recipe == OFFICIAL:
                return self.backbone.encode_posterior(pixels)
            return self.backbone.encode_image(pixels), None

        def encode(asked: Pass) -> Encoding:
            latents, deviation = encode_image()
            if deviation is not None and asked.posterior_seed is not None:
                noise = self.backbone.draw_noise(latents.shape, asked.posterior_seed)
                latents = latents + deviation * noise
            return make_encoding(self.backbone, texts[asked.texts], pixels, latents)

        return self._answer(question, passes, picture, frame, encode, report)

    @torch.no_grad()
    def compare_generated(
        self,
        generation: Generation,
        phrases: Sequence[str],
        networks: Sequence[str] | None = None,
        *,
        reuse: bool = True,
        seed: int = 0,
        timestep: int | None = None,
        template: str | None = None,
        ensemble: int = 1,
        progress: Progress | None = None,
    ) -> dict[str, Segmentation]:
        """What each network finds in a picture this backbone drew, by name, as `compare` does.

        The autoencoder's encoder never runs: the networks read the sampler's last latents, RGBNet
        the picture. With `reuse` LD-ZNet reads the features kept while drawing, so the LDM does
        not run either; they follow the prompt and not the phrase, an approximation. Without
        it, or where none were kept, those latents are noised at `timestep` with `seed` and the LDM
        reads them with the phrase: the exact way.

        Raises ValueError as `compare` does, for a generation of another backbone, and for an
        ensemble with `reuse`.
        """
        if reuse and ensemble > 1:
            raise ValueError(
                "What was kept while drawing is one reading, not several; ask for an ensemble with "
                "reuse=False."
            )
        question = self._ask(phrases, networks)
        passes = self._plan(question, DETERMINISTIC, ensemble, seed, timestep, template)
        self._check_generation(generation)
        picture = Image.fromarray(generation.image)
        question.check_memory(picture)
        report = progress or _ignore
        report(0, "Encoding the phrases")
        texts = encode_texts(self.backbone, passes)
        frame = whole_frame(*picture.size)  # that of the latents, whatever the networks' native one
        pixels = frame.fill(picture)
        kept = generation.features if reuse else {}

        def encode(asked: Pass) -> Encoding:
            return make_encoding(
                self.backbone, texts[asked.texts], pixels, generation.latents, kept
            )

        return self._answer(question, passes, picture, frame, encode, report)

    def _ask(self, phrases: Sequence[str], networks: Sequence[str] | None) -> Question:
        known = [*self.networks, *self.peers]
        if networks is None:
            networks = [name for name in known if name in NETWORKS] or known
        for name in networks:
            if name in self.missing:
                raise ValueError(self.missing[name])
            if name in PEERS and name not in self.peers:
                raise ValueError(f"'{name}' is not loaded; call add_peer('{name}') first.")
        return Question(check_names(networks, known), check_phrases(phrases))

    def _plan(
        self,
        question: Question,
        recipe: str,
        ensemble: int,
        seed: int,
        timestep: int | None,
        template: str | None,
    ) -> tuple[Pass, ...]:
        """The passes of a recipe, having checked everything that it is asked with."""
        Settings(seed, timestep, template, recipe, ensemble)
        if timestep is not None:
            self.backbone.check_timestep(timestep)
        phrases = question.phrases
        if recipe == OFFICIAL:
            return official_passes(
                phrases, seed=seed, timestep=timestep, template=template, ensemble=ensemble
            )
        worded = self.template if template is None else template
        others = [each for each in self.templates if each != worded]
        if ensemble > 1:
            others = usable_templates(self.backbone, others, phrases)
        return deterministic_passes(
            phrases,
            seed=seed,
            timestep=timestep,
            template=worded,
            others=others,
            ensemble=ensemble,
        )

    def _check_generation(self, generation: Generation) -> None:
        unet = self.backbone.unet.config
        widths = {block: unet.block_out_channels[BLOCKS[block].level] for block in FUSION_BLOCKS}
        kept = {block: feature.shape[1] for block, feature in generation.features.items()}
        height, width = (side * self.backbone.factor for side in generation.latents.shape[-2:])
        if generation.image.shape[:2] != (height, width) or (kept and kept != widths):
            raise ValueError("The picture was drawn by another backbone; draw it again with this.")

    def _answer(
        self,
        question: Question,
        passes: Sequence[Pass],
        picture: Image.Image,
        frame: Frame,
        encode: Callable[[Pass], Encoding],
        report: Progress,
    ) -> dict[str, Segmentation]:
        """Per phrase the mean of its passes, at the picture's own size; peers answer once."""
        networks = {
            name: self.networks[name] for name in question.networks if name in self.networks
        }
        count = len(question.phrases)
        means, seconds = run_passes(self.backbone, networks, passes, count, encode, report)
        answers = {}
        for name in question.networks:
            if name in networks:
                probability = frame.restore(means[name], picture.size)[:, 0].numpy()
            else:
                report(0.95, f"Running {name}")
                with timed(self.backbone.device) as clock:
                    probability = self.peers[name](picture, question.phrases)
                seconds[name] = clock[0]
            answers[name] = Segmentation(
                image=np.asarray(picture),
                phrases=question.phrases,
                probability=probability.clip(0, 1),
                network=name,
                seconds=seconds[name],
            )
        report(1, "Done")
        return answers

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

    def frame(self, width: int, height: int) -> Frame:
        """Where a picture of this size lies in the canvas that the networks see."""
        return choose_frame(
            width, height, native_size=self.native_size, multiple=self.backbone.multiple
        )

    def to_pixels(self, picture: Image.Image) -> Tensor:
        """(1, 3, h, w) in [-1, 1], an RGB picture in its frame: what the networks see."""
        return self.frame(*picture.size).fill(picture)

    def _frame(self, picture: Image.Image, recipe: str) -> Frame:
        if recipe == DETERMINISTIC:
            return self.frame(*picture.size)
        native, multiple = self.native_size, self.backbone.multiple
        return official_frame(*picture.size, native_size=native, multiple=multiple)


def _ignore(share: float, step: str) -> None:
    """The progress of a call that nobody follows."""
