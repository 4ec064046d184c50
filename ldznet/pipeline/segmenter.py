"""`Segmenter`: an image and phrases in, probabilities per network at the image's own size out.

It reads from top to bottom. `compare` lays a picture in its frame and says where its latents come
from, `_segment` runs the passes that a recipe plans, `_run` is one of them: features of the
diffusion model, as far as somebody reads them, then logits of each network. The mean of the
probabilities, brought back to the picture's size, is the answer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.ldm import check_numbers
from ldznet.blocks import BLOCKS, FUSION_BLOCKS
from ldznet.checkpoints.precision import AUTO
from ldznet.images import read_image
from ldznet.networks import BASELINES, NETWORKS, Network, SegmentationNetwork, find_networks
from ldznet.peers import PEERS, Peer, load_peer
from ldznet.phrases import check_phrases, clean_text
from ldznet.pipeline.frame import Frame, choose_frame, official_frame, whole_frame
from ldznet.pipeline.loading import POCKET, find_assets, load_backbone, misfit
from ldznet.pipeline.recipe import (
    TEMPLATES,
    Pass,
    deterministic_passes,
    official_passes,
    usable_templates,
)
from ldznet.pipeline.settings import DETERMINISTIC, OFFICIAL, Settings
from ldznet.types import Encoding, Generation, Reading, Segmentation

ImageSource = str | Path | bytes | Image.Image | np.ndarray
Progress = Callable[[float, str], object]  # share done in [0, 1], what is being done

MAX_VALUES = 400_000_000  # probabilities of one call (1.6 GB): networks x phrases x pixels


@dataclass(frozen=True)
class _Subject:
    """A picture as the networks see it."""

    picture: Image.Image
    frame: Frame
    pixels: Tensor  # (1, 3, H, W) in [-1, 1], the picture in its frame
    latents: Callable[[Pass], Tensor]  # (1, 4, h, w)
    # What was kept while it was drawn: block (6-10) -> (1, C, h, w).
    features: Mapping[int, Tensor] = field(default_factory=dict)


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
        *,
        fast: bool = True,
    ) -> None:
        """Join a backbone and networks trained on it, all of which are frozen in place.

        - `template`: words a phrase for the text encoder, in place of the one "{}"
        - `missing`: of other networks, by name, how to get their weights for this backbone
        - `templates`: other wordings that the networks were trained in, for ensembles
        - `fast`: lets `ldznet.execution`, if it is there, speed up the models in place; the answers
          are the same up to float rounding

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
        if fast:
            _speed_up(backbone.vae, backbone.unet, backbone.text_encoder, *self.networks.values())
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
        fast: bool = True,
    ) -> "Segmenter":
        """A segmenter from weights on disk.

        - `backbone`: "pocket" (the miniature shipped in `assets/`), a diffusers folder, a
          checkpoint in the official layout (.safetensors) or a hub id
        - `networks`: a folder or hub id with one subfolder per network, by default those shipped
          for pocket
        - `names`: some of the networks, which must then be there; by default those are taken that
          are there and fit, and `missing` says what to do about the others. The attention baseline
          needs no weights; a peer is loaded where it is named
        - `device`, `precision`: chosen as `checkpoints.precision` says
        - `fast`: as of the constructor

        Raises ValueError naming what is missing or damaged.
        """
        known = (*NETWORKS, *BASELINES, *PEERS)
        chosen = check_names(known if names is None else names, known)
        if networks is None and str(backbone) == POCKET:
            networks = find_assets(f"networks/{POCKET}")
        trained, missing = find_networks(networks, [name for name in chosen if name in NETWORKS])
        if names is not None and missing:
            raise ValueError(next(iter(missing.values())))
        ldm = load_backbone(backbone, device=device, precision=precision)
        if names is None:
            for name, network in list(trained.items()):
                if reason := misfit(name, network, ldm):
                    del trained[name]
                    missing[name] = reason
        every: dict[str, Network] = {**trained}
        for name, baseline in BASELINES.items():
            if name in chosen:
                every[name] = baseline.for_latents(ldm.unet.config.sample_size)
        # Pocket's networks have only seen bare phrases: in "a photo of a {}." they find next to
        # nothing (see assets/benchmarks/ensemble.json).
        templates = () if str(backbone) == POCKET else TEMPLATES
        segmenter = cls(ldm, every, missing=missing, templates=templates, fast=fast)
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
        """What one network finds in an image.

        - `image`: a path, a file's bytes, a Pillow image, or an array (H, W), (H, W, 3) or
          (H, W, 4) of uint8; at most 40 megapixels
        - `phrases`: what to find, 1 to 16, each of at most 200 characters
        - `network`: the name of one that is loaded
        - `seed`, `timestep`, `template`, `recipe`, `ensemble`: as of `compare`

        Gives probabilities (P, H, W) float32 in [0, 1] at the image's own size, a row per phrase.
        Raises ValueError as `compare` does.
        """
        settings = Settings(seed, timestep, template, recipe, ensemble)
        return self.compare(image, phrases, [network], **vars(settings))[network]

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
        """What each network finds in an image, by name.

        The image is encoded once, its features read once for all networks, and the phrases run as a
        batch. The image is brought to about the networks' native area for this, without a change of
        its aspect, and the probabilities back to its own size.

        - `image`: a path, a file's bytes, a Pillow image, or an array (H, W), (H, W, 3) or
          (H, W, 4) of uint8; at most 40 megapixels, sides of at least 8 pixels (see `read_image`)
        - `phrases`: what to find, 1 to 16, each of at most 200 characters and of no more tokens
          than the text encoder reads
        - `networks`: names of loaded networks, and of peers that were added; by default every
          trained network or, where there is none, every other
        - `seed`: of the noise under which the diffusion model is read, 0 to 2**63 - 1
        - `timestep`: where it is read, 0 (clean) to 999; by default as the recipe says
        - `template`: words around the phrase, which stands for the one "{}"; by default as the
          recipe says
        - `recipe`: "deterministic" takes the mode of the autoencoder's posterior, the segmenter's
          template and timestep 400. "official" follows the official inference: a sample of the
          posterior, and for every phrase a template and a timestep (300 to 499) of its own, all
          drawn at random from `seed`; sides are rounded down, whatever becomes of the aspect
        - `ensemble`: how many readings to take the mean probability of, 1 to 16. They differ in
          noise, timestep and, among `templates`, wording; the first is the plain one, and each
          costs as much again. Who reads the same again is not run again; peers answer once
        - `progress`: is told the share done, in [0, 1], and what follows, before each step

        Each segmentation has probabilities (P, H, W) float32 in [0, 1], a row per phrase. Raises
        ValueError for an unreadable image, what is out of the ranges above, an unknown network, and
        an image too narrow for the official recipe.
        """
        settings = Settings(seed, timestep, template, recipe, ensemble)
        names, phrases = self._check_networks(networks), check_phrases(phrases)
        passes = self._plan(phrases, settings)
        picture = read_image(image)
        _check_memory(names, phrases, picture)
        frame = self._frame(picture, recipe)
        pixels = frame.fill(picture)
        backbone = self.backbone

        @cache  # once for all passes, and not at all where only peers answer
        def encode() -> tuple[Tensor, Tensor | None]:
            if recipe == OFFICIAL:
                return backbone.encode_posterior(pixels)
            return backbone.encode_image(pixels), None

        def latents(each: Pass) -> Tensor:
            mean, deviation = encode()
            if deviation is None or each.posterior_seed is None:
                return mean
            return mean + deviation * backbone.draw_noise(mean.shape, each.posterior_seed)

        progress = progress or _ignore
        progress(0, "Encoding the image")
        return self._segment(
            _Subject(picture, frame, pixels, latents), names, phrases, passes, progress
        )

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
        the picture.

        - `generation`: what `generate` gave
        - `phrases`, `networks`, `seed`, `timestep`, `template`, `progress`: as of `compare`
        - `reuse`: networks read the features kept while drawing, of blocks 6 to 10, so the LDM does
          not run either; they follow the prompt and not the phrase, an approximation. What was not
          kept, and without `reuse` everything, is read the exact way: from the last latents noised
          at `timestep` with `seed`, with the phrase
        - `ensemble`: as of `compare`, and 1 with `reuse`

        Raises ValueError as `compare` does, for a generation of another backbone, and for an
        ensemble with `reuse`.
        """
        if reuse and ensemble > 1:
            raise ValueError(
                "What was kept while drawing is one reading, not several; ask for an ensemble with "
                "reuse=False."
            )
        settings = Settings(seed, timestep, template, DETERMINISTIC, ensemble)
        names, phrases = self._check_networks(networks), check_phrases(phrases)
        passes = self._plan(phrases, settings)
        self._check_generation(generation)
        picture = Image.fromarray(generation.image)
        _check_memory(names, phrases, picture)
        frame = whole_frame(*picture.size)  # that of the latents, whatever the networks' native one
        kept = generation.features if reuse else {}
        subject = _Subject(picture, frame, frame.fill(picture), lambda _: generation.latents, kept)
        progress = progress or _ignore
        progress(0, "Encoding the phrases")
        return self._segment(subject, names, phrases, passes, progress)

    def _plan(self, phrases: Sequence[str], settings: Settings) -> tuple[Pass, ...]:
        """The passes of a recipe; raises ValueError for a timestep that the backbone has not."""
        if settings.timestep is not None:
            self.backbone.check_timestep(settings.timestep)
        if settings.recipe == OFFICIAL:
            return official_passes(phrases, settings)
        template = self.template if settings.template is None else settings.template
        settings = replace(settings, template=clean_text(template))
        others = [each for each in self.templates if each != settings.template]
        if settings.ensemble > 1:
            others = usable_templates(self.backbone, others, phrases)
        return deterministic_passes(phrases, settings, others)

    def _segment(
        self,
        subject: _Subject,
        names: Sequence[str],
        phrases: tuple[str, ...],
        passes: Sequence[Pass],
        progress: Progress,
    ) -> dict[str, Segmentation]:
        """Per network and phrase the mean of the passes, at the picture's own size.

        Peers answer once. Raises ValueError, before any network runs, for a text that the encoder
        would cut.
        """
        wordings = dict.fromkeys(each.texts for each in passes)
        texts = {wording: self.backbone.encode_text(wording) for wording in wordings}
        networks = {name: self.networks[name] for name in names if name in self.networks}
        results = self._average(subject, networks, len(phrases), passes, texts, progress)
        picture = subject.picture
        for name in names:
            if name not in networks:
                progress(0.95, f"Running {name}")
                with _timed(self.backbone.device) as seconds:
                    probability = self.peers[name](picture, phrases)
                check_numbers(name, torch.float32, torch.from_numpy(probability))
                results[name] = probability, seconds[0]
        progress(1, "Done")
        return {
            name: Segmentation(
                image=np.asarray(picture),
                phrases=phrases,
                probability=results[name][0].clip(0, 1),
                network=name,
                seconds=results[name][1],
            )
            for name in names
        }

    def _average(
        self,
        subject: _Subject,
        networks: Mapping[str, Network],
        count: int,
        passes: Sequence[Pass],
        texts: Mapping[tuple[str, ...], Tensor],
        progress: Progress,
    ) -> dict[str, tuple[np.ndarray, float]]:
        """By name the mean (count, H, W) of what all passes say of each phrase, and the seconds.

        `count` are the phrases, each of which is in as many passes. A network that reads nothing of
        the LDM does not run again for another noise or timestep.
        """
        sums: dict[str, Tensor] = {}  # (count, 1, h, w)
        seconds: defaultdict[str, float] = defaultdict(float)
        unread: dict[tuple[str, Pass], Tensor] = {}  # of networks that read nothing of the LDM
        for number, each in enumerate(passes if networks else ()):

            def report(share: float, step: str, number: int = number) -> None:
                progress((number + share) / len(passes), step)

            bare = replace(each, timestep=0, seed=0)
            due = {
                name: network for name, network in networks.items() if (name, bare) not in unread
            }
            fresh = self._run(due, self._encode(subject, each, texts), each, report) if due else {}
            for name, network in networks.items():
                if name in fresh:
                    probability, spent = fresh[name]
                    seconds[name] += spent
                    if network.reading is None:
                        unread[name, bare] = probability
                else:
                    probability = unread[name, bare]
                whole = sums.setdefault(name, torch.zeros(count, *probability.shape[1:]))
                whole[list(each.rows)] += probability
        members = sum(len(each.rows) for each in passes) / count
        size = subject.picture.size
        return {
            name: (subject.frame.restore(whole / members, size)[:, 0].numpy(), seconds[name])
            for name, whole in sums.items()
        }

    def _encode(
        self, subject: _Subject, each: Pass, texts: Mapping[tuple[str, ...], Tensor]
    ) -> Encoding:
        """A row for each text of a pass, all with the one picture and what was kept of it."""
        text = texts[each.texts]

        def repeat(tensor: Tensor) -> Tensor:
            tensor = tensor.to(self.backbone.device, self.backbone.dtype)
            return tensor.expand(len(text), -1, -1, -1)

        return Encoding(
            pixels=repeat(subject.pixels),
            latents=repeat(subject.latents(each)),
            text=text,
            features={block: repeat(feature) for block, feature in subject.features.items()},
        )

    def _run(
        self, networks: Mapping[str, Network], encoding: Encoding, each: Pass, report: Progress
    ) -> dict[str, tuple[Tensor, float]]:
        """By name (B, 1, h, w) float32 probabilities on the CPU, and the network's own seconds.

        B are the rows of the pass and of its encoding. Of the LDM is read what the encoding does
        not hold; that is part of the time of every network that lacked something.
        """
        lacking = {
            name: reading
            for name, network in networks.items()
            if (reading := _lacking(network.reading, encoding))
        }
        reading_seconds = 0.0
        if lacking:
            report(0.2, "Reading the diffusion model's features")
            with _timed(self.backbone.device) as clock:
                encoding = self._read(encoding, lacking.values(), each)
            reading_seconds = clock[0]
        probabilities = {}
        for number, (name, network) in enumerate(networks.items()):
            report(0.5 + 0.5 * number / len(networks), f"Running {name}")
            with _timed(self.backbone.device) as clock:
                logits = network(encoding)  # (B, 1, h, w)
                check_numbers(name, self.backbone.dtype, logits)
                probability = logits.float().sigmoid().cpu()
            spent = clock[0] + (reading_seconds if name in lacking else 0.0)
            probabilities[name] = (probability, spent)
        return probabilities

    def _read(self, encoding: Encoding, readings: Iterable[Reading], each: Pass) -> Encoding:
        """The encoding with what the readings name; all rows are noised alike, with the seed."""
        noise = self.backbone.draw_noise(encoding.latents[:1].shape, each.seed)
        recording = self.backbone.read(
            encoding.latents, encoding.text, readings, timestep=each.timestep, noise=noise
        )
        words = self.backbone.phrase_tokens(each.texts, each.spans)
        return replace(
            encoding,
            features={**encoding.features, **recording.features_at(each.timestep)},
            attention=recording.attention,
            words=words if recording.attention else None,
        )

    def _check_networks(self, names: Sequence[str] | None) -> tuple[str, ...]:
        """The names, or those that answer by default; raises ValueError for one not loaded."""
        known = [*self.networks, *self.peers]
        if names is None:
            names = [name for name in known if name in NETWORKS] or known
        for name in names:
            if name in self.missing:
                raise ValueError(self.missing[name])
            if name in PEERS and name not in self.peers:
                raise ValueError(f"'{name}' is not loaded; call add_peer('{name}') first.")
        return check_names(names, known)

    def _check_generation(self, generation: Generation) -> None:
        unet = self.backbone.unet.config
        widths = {block: unet.block_out_channels[BLOCKS[block].level] for block in FUSION_BLOCKS}
        kept = {block: feature.shape[1] for block, feature in generation.features.items()}
        height, width = (side * self.backbone.factor for side in generation.latents.shape[-2:])
        if generation.image.shape[:2] != (height, width) or (kept and kept != widths):
            raise ValueError("The picture was drawn by another backbone; draw it again with this.")

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


def check_names(names: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """The names, each once. Raises ValueError for none, or one that is not known."""
    choices = tuple(known)
    unknown = [name for name in names if name not in choices]
    if unknown or not names:
        what = f"There is no network '{unknown[0]}'" if unknown else "No network was named"
        raise ValueError(f"{what}; choose from {', '.join(choices)}.")
    return tuple(dict.fromkeys(names))


def _check_memory(names: Sequence[str], phrases: Sequence[str], picture: Image.Image) -> None:
    """Raises ValueError if the probabilities would not fit in memory."""
    if len(names) * len(phrases) * picture.width * picture.height > MAX_VALUES:
        raise ValueError(
            f"{len(phrases)} phrases in a picture of {picture.width} x {picture.height} "
            "pixels need too much memory; ask for fewer or make the picture smaller."
        )


def _speed_up(*models: nn.Module) -> None:
    """Let the models run faster, if the layer for that was not left out."""
    try:
        from ldznet.execution import prepare
    except ModuleNotFoundError:
        return
    for model in models:
        prepare(model)


def _lacking(reading: Reading | None, encoding: Encoding) -> Reading:
    """What a network reads of the LDM and the encoding does not hold."""
    if reading is None:
        return Reading()
    features = tuple(block for block in reading.features if block not in encoding.features)
    return replace(reading, features=features)


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
