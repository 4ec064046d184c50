"""The explorer's public endpoints: maps as lossless PNG, arrays as NPZ, settings as JSON."""

from dataclasses import dataclass
from io import BytesIO

import gradio as gr
import numpy as np
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
from ldznet.ui.api import Answer, add_endpoint, serve_bytes
from ldznet.ui.components import picture_input
from ldznet.ui.inputs import read_whole
from ldznet.ui.models import Loaded, Models
from ldznet.ui.world import unknown_words


def add_endpoints(models: Models) -> None:
    """Register /attention_words, /attention_point and /feature_maps with the app being built."""
    image = picture_input(label="image", visible=False)
    phrase = gr.Textbox(label="phrase", visible=False)

    # Without a precision gradio hands on what was sent, text too: `Endpoints` judges it.
    def number(label: str, value: int | None = None) -> gr.Number:
        return gr.Number(value, label=label, visible=False)

    timestep = number("timestep, 0 to 999", DEFAULT_TIMESTEP)
    seed = number("seed of the noise", 0)
    blocks = gr.JSON(
        list(DEFAULT_BLOCKS), label="blocks: a list of numbers, 1 to 16", visible=False
    )
    point = {
        "x": number("x, a pixel of the image from its left"),
        "y": number("y, a pixel of the image from its top"),
        "timestep": timestep,
        "block": number("block of the self-attention, 1 to 16", DEFAULT_POINT_BLOCK),
        "fusion_block": number("block of LD-ZNet's attention, 6 to 10", DEFAULT_FUSION_BLOCK),
    }
    block = number("block of the strip over timesteps, 1 to 16", DEFAULT_FEATURE_BLOCK)
    endpoints = Endpoints(models)
    for endpoint, inputs in (
        (endpoints.attention_words, {"timestep": timestep, "blocks": blocks}),
        (endpoints.attention_point, point),
        (endpoints.feature_maps, {"timestep": timestep, "block": block}),
    ):
        add_endpoint(endpoint, "maps and settings", image=image, phrase=phrase, **inputs, seed=seed)


@dataclass(frozen=True)
class Endpoints:
    """The endpoints. All raise ValueError with one sentence for what cannot be done."""

    models: Models

    def attention_words(
        self,
        request: gr.Request,
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
        loaded = self.models.of_session(request.session_hash)
        chosen = _read_blocks(DEFAULT_BLOCKS if blocks is None else blocks)
        phrase, subject, _ = _read(loaded, image, phrase)
        maps = attention_words(
            loaded.segmenter.backbone,
            subject,
            phrase,
            timestep=read_whole("timestep", timestep),
            blocks=chosen,
            seed=read_whole("seed", seed),
        )
        words = [
            {
                "word": word,
                "special": bool(special),
                "highest": float(values.max()),
                "map": _serve_picture(draw_attention(subject.image, values), f"word-{number}"),
            }
            for number, (word, special, values) in enumerate(
                zip(maps.words, maps.special, maps.maps, strict=True), start=1
            )
        ]
        head = _serve_plate(loaded, phrase, words_plate(subject, maps), "words")
        return {**head, "words": words}

    def attention_point(
        self,
        request: gr.Request,
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
        loaded = self.models.of_session(request.session_hash)
        phrase, subject, (width, height) = _read(loaded, image, phrase)
        x, y = read_whole("x", x), read_whole("y", y)
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(
                f"The point ({x}, {y}) is outside the image; x goes from 0 to {width - 1} and y "
                f"from 0 to {height - 1}."
            )
        rows, columns = subject.image.shape[:2]
        at = int((x + 0.5) * columns / width), int((y + 0.5) * rows / height)
        noise = {"timestep": read_whole("timestep", timestep), "seed": read_whole("seed", seed)}
        segmenter = loaded.segmenter
        attention = self_attention_point(
            segmenter.backbone, subject, phrase, *at, block=read_whole("block", block), **noise
        )
        number = read_whole("fusion block", fusion_block)
        missing = {NETWORK: segmenter.missing[NETWORK]} if NETWORK in segmenter.missing else {}
        fusion = None
        if not missing:
            fusion = fusion_point(segmenter, subject, phrase, *at, block=number, **noise)
        plate = point_plate(subject, phrase, *at, self_attention=attention, fusion=fusion)

        def serve(point_map: PointMap, name: str) -> Answer:
            drawn = draw_point_map(subject.image, point_map.map, *at)
            return {
                "block": point_map.block,
                "cell": list(point_map.cell),
                "highest": float(point_map.map.max()),
                "map": _serve_picture(drawn, name),
            }

        return {
            **_serve_plate(loaded, phrase, plate, "point"),
            "x": x,
            "y": y,
            "self_attention": serve(attention, "self-attention"),
            "fusion": fusion and {**serve(fusion, "fusion"), "mean_token": fusion.pooled_share},
            "missing": missing,
        }

    def feature_maps(
        self,
        request: gr.Request,
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
        loaded = self.models.of_session(request.session_hash)
        phrase, subject, _ = _read(loaded, image, phrase)
        backbone = loaded.segmenter.backbone
        seed, block = read_whole("seed", seed), read_whole("block", block)
        over_blocks = features_over_blocks(
            backbone, subject, phrase, timestep=read_whole("timestep", timestep), seed=seed
        )
        over_timesteps = features_over_timesteps(backbone, subject, phrase, block=block, seed=seed)

        def serve(strip: FeatureStrip) -> Answer:
            frames = [
                {
                    "label": label,
                    "map": _serve_picture(
                        draw_features(colours, *subject.image.shape[:2]), label.replace(" ", "-")
                    ),
                }
                for label, colours in zip(strip.labels, strip.colours, strict=True)
            ]
            plate = features_plate(subject, strip)
            head = _serve_plate(loaded, phrase, plate, f"features-{strip.over}")
            return {**head, "explained": strip.explained.tolist(), "frames": frames}

        return {"over_timesteps": serve(over_timesteps), "over_blocks": serve(over_blocks)}


def _read(loaded: Loaded, path: str, phrase: str) -> tuple[str, Subject, tuple[int, int]]:
    """The phrase, the picture prepared, and its own size (width, height)."""
    if not path:
        raise ValueError("Send an image.")
    if not isinstance(phrase, str):
        raise ValueError("Send one phrase as text.")
    (checked,) = check_phrases([phrase])
    image = read_image(path)
    return checked, subject_of_image(loaded.segmenter, image), image.size


def _serve_plate(loaded: Loaded, phrase: str, plate: Plate, name: str) -> Answer:
    """What every answer tells: how it was made, its figure and its arrays."""
    return {
        "backbone": loaded.backbone,
        **plate.settings,
        "unknown_words": list(unknown_words(loaded, [phrase])),
        "figure": serve_bytes(plate.png(), f"{name}.png"),
        "arrays": serve_bytes(plate.npz(), f"{name}.npz"),
    }


def _serve_picture(array: np.ndarray, name: str) -> Answer:
    file = BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return serve_bytes(file.getvalue(), f"{name}.png")


def _read_blocks(blocks: object) -> list[int]:
    if not isinstance(blocks, list | tuple) or not blocks:
        raise ValueError("Send the blocks as a list of numbers from 1 to 16, for example [3, 4].")
    return [read_whole("block", block) for block in blocks]
