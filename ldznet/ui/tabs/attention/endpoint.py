"""The explorer's public endpoints: maps as lossless PNG, arrays as NPZ, settings as JSON."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import gradio as gr
import numpy as np
from gradio.processing_utils import save_bytes_to_cache
from PIL import Image

from ldznet.figures.inspection import draw_attention, draw_features, draw_point_map
from ldznet.images import read_image
from ldznet.inspection import (
    DEFAULT_BLOCKS,
    DEFAULT_FEATURE_BLOCK,
    DEFAULT_FUSION_BLOCK,
    DEFAULT_POINT_BLOCK,
    DEFAULT_TIMESTEP,
    NETWORK,
    FeatureStrip,
    PointMap,
    Subject,
    attention_words,
    features_over_blocks,
    features_over_timesteps,
    fusion_point,
    self_attention_point,
    subject_of_image,
)
from ldznet.phrases import check_phrases
from ldznet.results.plates import Plate, features_plate, point_plate, words_plate
from ldznet.ui.components import picture_input
from ldznet.ui.inputs import read_whole
from ldznet.ui.models import MODEL_QUEUE, Models
from ldznet.ui.world import unknown_words

Answer = dict[str, Any]


def add_endpoints(models: Models) -> None:
    """Register /attention_words, /attention_point and /feature_maps with the app being built."""
    image = picture_input(label="image", visible=False)
    phrase = gr.Textbox(label="phrase", visible=False)
    # Without a precision gradio hands on what was sent, text too: `Endpoints` judges it.
    timestep = gr.Number(DEFAULT_TIMESTEP, label="timestep, 0 to 999", visible=False)
    seed = gr.Number(0, label="seed of the noise", visible=False)
    blocks = gr.JSON(
        list(DEFAULT_BLOCKS), label="blocks: a list of numbers, 1 to 16", visible=False
    )
    x = gr.Number(label="x, a pixel of the image from its left", visible=False)
    y = gr.Number(label="y, a pixel of the image from its top", visible=False)
    block = gr.Number(
        DEFAULT_POINT_BLOCK, label="block of the self-attention, 1 to 16", visible=False
    )
    fusion_block = gr.Number(
        DEFAULT_FUSION_BLOCK, label="block of LD-ZNet's attention, 6 to 10", visible=False
    )
    feature_block = gr.Number(
        DEFAULT_FEATURE_BLOCK, label="block of the strip over timesteps, 1 to 16", visible=False
    )
    answer = gr.JSON(label="maps and settings", visible=False)
    endpoints = Endpoints(models, answer.GRADIO_CACHE)

    def attention_words(
        image: str,
        phrase: str,
        timestep: int = DEFAULT_TIMESTEP,
        blocks: list[int] | None = None,
        seed: int = 0,
    ) -> Answer:
        """Show where the diffusion model sees each word of a phrase in a picture.

        Gives, per token (the start and end token flagged special): its highest share of a cell's
        cross-attention, averaged over heads and blocks, and the map over the picture as PNG. All
        maps together come as a figure (PNG) and as arrays on the latent's grid (NPZ).
        """
        return _or_one_sentence(endpoints.words, image, phrase, timestep, blocks, seed)

    def attention_point(
        image: str,
        phrase: str,
        x: int,
        y: int,
        timestep: int = DEFAULT_TIMESTEP,
        block: int = DEFAULT_POINT_BLOCK,
        fusion_block: int = DEFAULT_FUSION_BLOCK,
        seed: int = 0,
    ) -> Answer:
        """Show where one point of a picture looks.

        Gives the diffusion model's self-attention of the point's cell, and which features LD-ZNet
        reads to decide the point: each as a map over the picture (PNG) with its highest share and
        its cell (row, column). LD-ZNet's also has the share of the mean token; it is null for a
        backbone without LD-ZNet's weights, and `missing` then says how to get them. Both together
        come as a figure (PNG) and as arrays on the blocks' grids (NPZ).
        """
        return _or_one_sentence(
            endpoints.point, image, phrase, x, y, timestep, block, fusion_block, seed
        )

    def feature_maps(
        image: str,
        phrase: str,
        timestep: int = DEFAULT_TIMESTEP,
        block: int = DEFAULT_FEATURE_BLOCK,
        seed: int = 0,
    ) -> Answer:
        """Show the diffusion model's features as colours.

        Gives two strips: one block over the timesteps 50, 150, ... 950, and all sixteen blocks at
        one timestep. The colours of a strip are three components of one basis, so they may be
        compared within it. Each frame is a PNG; each strip also comes as a figure (PNG) and as
        arrays (NPZ).
        """
        return _or_one_sentence(endpoints.features, image, phrase, timestep, block, seed)

    asked = [image, phrase]
    for function, inputs in (
        (attention_words, [*asked, timestep, blocks, seed]),
        (attention_point, [*asked, x, y, timestep, block, fusion_block, seed]),
        (feature_maps, [*asked, timestep, feature_block, seed]),
    ):
        gr.Button(visible=False).click(
            function,
            inputs,
            answer,
            api_name=function.__name__,
            concurrency_id=MODEL_QUEUE,
            concurrency_limit=1,
        )


def _or_one_sentence(function: Callable[..., Answer], *values: Any) -> Answer:
    """What a function gives, or the one sentence of its complaint."""
    try:
        return function(*values)
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from error


class Endpoints:
    """The endpoints as plain functions; files are written into the server's `cache`.

    All raise ValueError with one sentence for what cannot be done.
    """

    def __init__(self, models: Models, cache: str) -> None:
        self.models, self.cache = models, cache

    def words(
        self, path: str, phrase: str, timestep: int, blocks: Sequence[int] | None, seed: int
    ) -> Answer:
        """See `attention_words` in `add_endpoints`."""
        wanted = _read_blocks(DEFAULT_BLOCKS if blocks is None else blocks)
        phrase, subject, _ = self._read(path, phrase)
        found = attention_words(
            self.models.segmenter.backbone,
            subject,
            phrase,
            timestep=read_whole("timestep", timestep),
            blocks=wanted,
            seed=read_whole("seed", seed),
        )
        words = [
            {
                "word": word,
                "special": bool(special),
                "highest": float(values.max()),
                "map": self._picture(draw_attention(subject.image, values), f"word-{number}"),
            }
            for number, (word, special, values) in enumerate(
                zip(found.words, found.special, found.maps, strict=True), start=1
            )
        ]
        return {**self._head(phrase, words_plate(subject, found), "words"), "words": words}

    def point(
        self,
        path: str,
        phrase: str,
        x: int,
        y: int,
        timestep: int,
        block: int,
        fusion_block: int,
        seed: int,
    ) -> Answer:
        """See `attention_point` in `add_endpoints`."""
        phrase, subject, (width, height) = self._read(path, phrase)
        x, y = read_whole("x", x), read_whole("y", y)
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(
                f"The point ({x}, {y}) is outside the image; x goes from 0 to {width - 1} and y "
                f"from 0 to {height - 1}."
            )
        rows, columns = subject.image.shape[:2]
        at = int((x + 0.5) * columns / width), int((y + 0.5) * rows / height)
        noise = {"timestep": read_whole("timestep", timestep), "seed": read_whole("seed", seed)}
        segmenter = self.models.segmenter
        attention = self_attention_point(
            segmenter.backbone, subject, phrase, *at, block=read_whole("block", block), **noise
        )
        number = read_whole("fusion block", fusion_block)
        missing = {NETWORK: segmenter.missing[NETWORK]} if NETWORK in segmenter.missing else {}
        fusion = (
            None
            if missing
            else fusion_point(segmenter, subject, phrase, *at, block=number, **noise)
        )
        plate = point_plate(subject, phrase, *at, self_attention=attention, fusion=fusion)

        def tell(found: PointMap, name: str) -> Answer:
            drawn = draw_point_map(subject.image, found.map, *at)
            return {
                "block": found.block,
                "cell": list(found.cell),
                "highest": float(found.map.max()),
                "map": self._picture(drawn, name),
            }

        return {
            **self._head(phrase, plate, "point"),
            "x": x,
            "y": y,
            "self_attention": tell(attention, "self-attention"),
            "fusion": fusion and {**tell(fusion, "fusion"), "mean_token": fusion.pooled_share},
            "missing": missing,
        }

    def features(self, path: str, phrase: str, timestep: int, block: int, seed: int) -> Answer:
        """See `feature_maps` in `add_endpoints`."""
        phrase, subject, _ = self._read(path, phrase)
        backbone = self.models.segmenter.backbone
        seed, block = read_whole("seed", seed), read_whole("block", block)
        over_blocks = features_over_blocks(
            backbone, subject, phrase, timestep=read_whole("timestep", timestep), seed=seed
        )
        over_timesteps = features_over_timesteps(backbone, subject, phrase, block=block, seed=seed)

        def tell(strip: FeatureStrip, name: str) -> Answer:
            frames = [
                {
                    "label": label,
                    "map": self._picture(
                        draw_features(colours, *subject.image.shape[:2]), label.replace(" ", "-")
                    ),
                }
                for label, colours in zip(strip.labels, strip.colours, strict=True)
            ]
            head = self._head(phrase, features_plate(subject, strip), f"features-{name}")
            return {**head, "explained": strip.explained.tolist(), "frames": frames}

        return {
            "over_timesteps": tell(over_timesteps, "timesteps"),
            "over_blocks": tell(over_blocks, "blocks"),
        }

    def _read(self, path: str, phrase: str) -> tuple[str, Subject, tuple[int, int]]:
        """The phrase, the picture prepared, and its own size (width, height)."""
        if not path:
            raise ValueError("Send an image.")
        if not isinstance(phrase, str):
            raise ValueError("Send one phrase as text.")
        (checked,) = check_phrases([phrase])
        image = read_image(path)
        return checked, subject_of_image(self.models.segmenter, image), image.size

    def _head(self, phrase: str, plate: Plate, name: str) -> Answer:
        """What every answer tells: how it was made, its figure and its arrays."""
        return {
            "backbone": self.models.backbone,
            **plate.settings,
            "unknown_words": list(unknown_words(self.models.now, [phrase])),
            "figure": self._file(plate.png(), f"{name}.png"),
            "arrays": self._file(plate.npz(), f"{name}.npz"),
        }

    def _picture(self, array: np.ndarray, name: str) -> Answer:
        file = BytesIO()
        Image.fromarray(array).save(file, "PNG")
        return self._file(file.getvalue(), f"{name}.png")

    def _file(self, content: bytes, name: str) -> Answer:
        """A file as clients download it, kept where the server keeps such files."""
        return gr.FileData(path=save_bytes_to_cache(content, name, self.cache)).model_dump()


def _read_blocks(blocks: object) -> list[int]:
    if not isinstance(blocks, list | tuple) or not blocks:
        raise ValueError("Send the blocks as a list of numbers from 1 to 16, for example [3, 4].")
    return [read_whole("block", block) for block in blocks]
