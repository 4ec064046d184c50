"""The tab's public endpoints: pictures from a prompt, and masks in them; nothing is kept."""

from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
from PIL import Image

from ldznet.backbone import generate
from ldznet.phrases import check_phrases, noun_phrases
from ldznet.results.masks import write_network
from ldznet.types import Generation
from ldznet.ui.api import refusals, serve_file, serve_network
from ldznet.ui.inputs import check_threshold, read_phrase_list
from ldznet.ui.models import MODEL_QUEUE, Loaded, Models
from ldznet.ui.tabs.generate.request import Request, read_request
from ldznet.ui.world import unknown_words

Answer = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What to find in the pictures of a request, and how."""

    phrases: tuple[str, ...]
    threshold: float
    reuse: bool


def add_endpoints(models: Models) -> None:
    """Register /generate and /generate_and_segment with the app being built."""
    request: list[gr.components.Component] = [
        gr.Textbox(label="prompt: what to draw", visible=False),
        gr.Textbox(label="negative_prompt: what to keep out", visible=False),
        gr.Number(30, label="steps, 1 to 100", visible=False),
        gr.Number(4, label="guidance, 1 to 30", visible=False),
        gr.Number(0, label="seed of the first picture", visible=False),
        gr.Number(1, label="count of pictures, 1 to 4", visible=False),
    ]
    question: list[gr.components.Component] = [
        gr.JSON(label="phrases: a list, or text; null for what the prompt names", visible=False),
        gr.Number(0.5, label="threshold, 0 to 1", visible=False),
        gr.Checkbox(True, label="reuse the features seen while drawing", visible=False),
    ]
    answer = gr.JSON(label="pictures", visible=False)

    def draw(
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
        with refusals(), TemporaryDirectory() as scratch:
            now = models.now
            backbone = now.segmenter.backbone
            asked = read_request(backbone, prompt, negative_prompt, steps, guidance, seed, count)
            return draw_as_json(now, asked, None, Path(scratch))

    def draw_and_segment(
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
        with refusals(), TemporaryDirectory() as scratch:
            now = models.now
            backbone = now.segmenter.backbone
            asked = read_request(backbone, prompt, negative_prompt, steps, guidance, seed, count)
            wanted = read_question(asked, phrases, threshold, reuse)
            return draw_as_json(now, asked, wanted, Path(scratch))

    for name, run, inputs in (
        ("generate", draw, request),
        ("generate_and_segment", draw_and_segment, request + question),
    ):
        gr.Button(visible=False).click(
            run,
            inputs,
            answer,
            api_name=name,
            concurrency_id=MODEL_QUEUE,
            concurrency_limit=1,
        )


def read_question(request: Request, phrases: Any, threshold: float, reuse: bool) -> Question:
    """The question in a client's values; without phrases, the things that the prompt names.

    Raises ValueError with one sentence for anything that cannot be asked.
    """
    check_threshold(threshold)
    if phrases in (None, "", []):
        named = noun_phrases(request.prompt)
        if not named:
            raise ValueError("The prompt names nothing to find; send phrases.")
        return Question(check_phrases(named), threshold, bool(reuse))
    return Question(read_phrase_list(phrases), threshold, bool(reuse))


def draw_as_json(
    models: Loaded, request: Request, question: Question | None, folder: Path
) -> Answer:
    """The endpoints' answer; files are written into a folder and handed to the server's cache."""
    texts = (request.prompt, *(question.phrases if question else ()))
    answer = {
        "backbone": models.backbone,
        **asdict(request),
        **({"threshold": question.threshold} if question else {}),
        "unknown_words": list(unknown_words(models, texts)),
    }
    pictures = []
    for seed in request.seeds:
        inside = folder / f"seed-{seed}"
        inside.mkdir()
        generation = generate(
            models.segmenter.backbone,
            request.prompt,
            negative_prompt=request.negative_prompt,
            steps=request.steps,
            guidance=request.guidance,
            seed=seed,
        )
        picture = inside / f"generated-seed-{seed}.png"
        Image.fromarray(generation.image).save(picture)
        found = _find(models, generation, question, inside) if question else {}
        pictures.append(
            {
                "seed": seed,
                "image": serve_file(picture),
                "width": generation.image.shape[1],
                "height": generation.image.shape[0],
                "feature_timestep": generation.feature_timestep,
                **found,
            }
        )
    return {**answer, "pictures": pictures}


def _find(models: Loaded, generation: Generation, question: Question, folder: Path) -> Answer:
    reuse = question.reuse and bool(generation.features)
    found = models.segmenter.compare_generated(generation, question.phrases, reuse=reuse)
    networks = {
        name: serve_network(folder, write_network(folder, each.at(question.threshold)))
        for name, each in found.items()
    }
    return {"reused": reuse, "networks": networks, "missing": models.segmenter.missing}
