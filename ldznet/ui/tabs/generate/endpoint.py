"""The tab's public endpoints: pictures from a prompt, and masks in them; nothing is kept."""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import gradio as gr
from gradio.components import Component
from PIL import Image

from ldznet.phrases import check_phrases, noun_phrases
from ldznet.results.masks import write_network
from ldznet.ui import api
from ldznet.ui.api import Answer, serve_file, serve_network
from ldznet.ui.inputs import check_threshold, read_phrase_list
from ldznet.ui.models import Loaded, Models
from ldznet.ui.tabs.generate.session import Request, read_request
from ldznet.ui.world import unknown_words


def add_endpoints(models: Models) -> None:
    """Register /generate and /generate_and_segment with the app being built."""

    def generate(
        request: gr.Request,
        prompt: str,
        negative_prompt: str = "",
        steps: float = 30,
        guidance: float = 4.0,
        seed: float = 0,
        count: float = 1,
    ) -> Answer:
        """Draw pictures from a prompt.

        Picture i has the seed `seed + i`, which gives it again bit for bit. Gives every picture as
        a lossless file with its seed and the timestep at which LD-ZNet's features were seen (null
        if the steps passed none from 300 to 499), and words of the prompt the backbone never saw.
        """
        loaded = models.of_session(request.session_hash)
        values = prompt, negative_prompt, steps, guidance, seed, count
        return draw_as_json(loaded, read_request(loaded.segmenter.backbone, *values))

    def generate_and_segment(
        request: gr.Request,
        prompt: str,
        negative_prompt: str = "",
        steps: float = 30,
        guidance: float = 4.0,
        seed: float = 0,
        count: float = 1,
        phrases: list[str] | str | None = None,
        threshold: float = 0.5,
        reuse: bool = True,
    ) -> Answer:
        """Draw pictures from a prompt and find phrases in them with all three networks.

        With `reuse` LD-ZNet reads the features seen while drawing, an approximation, because they
        follow the prompt and not the phrase; without it, or where none were seen, it reads them
        anew with each phrase at timestep 400. Without phrases the things that the prompt names are
        found. Gives what /generate gives and, per picture, network and phrase, what /compare gives;
        `missing` says of networks without weights for the backbone how to get them.
        """
        loaded = models.of_session(request.session_hash)
        values = prompt, negative_prompt, steps, guidance, seed, count
        drawn = read_request(loaded.segmenter.backbone, *values)
        check_threshold(threshold)
        named = phrases in (None, "", [])
        segmented = name_phrases(drawn.prompt) if named else read_phrase_list(phrases)
        return draw_as_json(loaded, drawn, segmented, threshold, bool(reuse))

    inputs: dict[str, Component] = {
        "prompt": gr.Textbox(label="prompt: what to draw", visible=False),
        "negative_prompt": gr.Textbox(label="negative_prompt: what to keep out", visible=False),
        "steps": gr.Number(30, label="steps, 1 to 100", visible=False),
        "guidance": gr.Number(4, label="guidance, 1 to 30", visible=False),
        "seed": gr.Number(0, label="seed of the first picture", visible=False),
        "count": gr.Number(1, label="count of pictures, 1 to 4", visible=False),
    }
    api.add_endpoint(generate, "pictures", **inputs)
    api.add_endpoint(
        generate_and_segment,
        "pictures",
        **inputs,
        phrases=gr.JSON(
            label="phrases: a list, or text; null for what the prompt names", visible=False
        ),
        threshold=gr.Number(0.5, label="threshold, 0 to 1", visible=False),
        reuse=gr.Checkbox(True, label="reuse the features seen while drawing", visible=False),
    )


def name_phrases(prompt: str) -> tuple[str, ...]:
    """The things that a prompt names. Raises ValueError if there are none, or one is too long."""
    named = noun_phrases(prompt)
    if not named:
        raise ValueError("The prompt names nothing to find; send phrases.")
    return check_phrases(named)


def draw_as_json(
    loaded: Loaded,
    request: Request,
    phrases: tuple[str, ...] = (),
    threshold: float = 0.5,
    reuse: bool = True,
) -> Answer:
    """The endpoints' answer; without phrases, nothing is segmented."""
    pictures = []
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for seed in request.seeds:
            generation = request.generate(loaded.segmenter.backbone, seed)
            file = folder / f"generated-seed-{seed}.png"
            Image.fromarray(generation.image).save(file)
            picture: Answer = {
                "seed": seed,
                "image": serve_file(file),
                "width": generation.image.shape[1],
                "height": generation.image.shape[0],
                "feature_timestep": generation.feature_timestep,
            }
            if phrases:
                reused = reuse and bool(generation.features)
                segmentations = loaded.segmenter.compare_generated(
                    generation, phrases, reuse=reused
                )
                picture |= {
                    "reused": reused,
                    "networks": {
                        name: serve_network(folder, write_network(folder, each.at(threshold)))
                        for name, each in segmentations.items()
                    },
                    "missing": loaded.segmenter.missing,
                }
            pictures.append(picture)
    return {
        "backbone": loaded.backbone,
        **asdict(request),
        **({"threshold": threshold} if phrases else {}),
        "unknown_words": list(unknown_words(loaded, (request.prompt, *phrases))),
        "pictures": pictures,
    }
