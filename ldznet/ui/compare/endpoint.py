"""The page's one public endpoint: a comparison as JSON, its masks as files."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from ldznet.export import write_network
from ldznet.images import read_image
from ldznet.ui.models import MODEL_QUEUE, Models
from ldznet.ui.run import read_phrases
from ldznet.ui.widgets import picture_input
from ldznet.ui.words import unknown_words

MAX_VALUES = 12_000_000  # phrases x pixels of one request


def add_endpoint(models: Models) -> None:
    """Register /compare with the app being built."""
    image = picture_input(label="image", visible=False)
    phrases = gr.JSON(label="phrases: a list, or text parted by commas or lines", visible=False)
    threshold = gr.Number(0.5, label="threshold, 0 to 1", visible=False)
    seed = gr.Number(0, label="seed", precision=0, visible=False)
    timestep = gr.Number(400, label="timestep, 0 to 999", precision=0, visible=False)
    answer = gr.JSON(label="comparison", visible=False)

    def compare(
        image: str,
        phrases: list[str] | str,
        threshold: float = 0.5,
        seed: int = 0,
        timestep: int = 400,
    ) -> dict[str, Any]:
        """Find phrases in a picture with all three networks.

        Gives, per network and phrase: a lossless mask (0 or 255, the picture's size), the score
        (mean probability inside the mask), the highest probability, the area in pixels, the boxes
        of connected parts, and the network's time in seconds.
        """
        with TemporaryDirectory() as scratch:
            folder = Path(scratch)
            try:
                found = compare_as_json(models, folder, image, phrases, threshold, seed, timestep)
            except ValueError as error:
                raise gr.Error(str(error), print_exception=False) from error
            for network in found["networks"].values():
                network["overlay"] = _as_file(folder / network["overlay"], answer.GRADIO_CACHE)
                for row in network["phrases"]:
                    row["mask"] = _as_file(folder / row["mask"], answer.GRADIO_CACHE)
        return found

    gr.Button(visible=False).click(
        compare,
        [image, phrases, threshold, seed, timestep],
        answer,
        api_name="compare",
        concurrency_id=MODEL_QUEUE,
        concurrency_limit=1,
    )


def compare_as_json(
    models: Models,
    folder: Path,
    path: str,
    asked: list[str] | str,
    threshold: float,
    seed: int,
    timestep: int,
) -> dict[str, Any]:
    """The endpoint's answer; masks are written into a folder and named by it.

    Raises ValueError with one sentence for anything that cannot be done.
    """
    if not path:
        raise ValueError("Send an image.")
    if threshold is None or not 0 <= threshold <= 1:
        raise ValueError(f"The threshold is a probability, 0 to 1; got {threshold}.")
    if isinstance(asked, list) and all(isinstance(phrase, str) for phrase in asked):
        asked = "\n".join(asked)
    if not isinstance(asked, str):
        raise ValueError('Send the phrases as a list of texts, for example ["red car", "tree"].')
    phrases, image = read_phrases(asked), read_image(path)
    if len(phrases) * image.width * image.height > MAX_VALUES:
        raise ValueError(
            f"{len(phrases)} phrases in {image.width} × {image.height} pixels are too much for "
            "one request; send a smaller picture or fewer phrases, or use the command line."
        )
    found = models.segmenter.compare(image, phrases, seed=seed, timestep=timestep)
    return {
        "width": image.width,
        "height": image.height,
        "backbone": models.backbone,
        "seed": seed,
        "timestep": timestep,
        "threshold": threshold,
        "unknown_words": list(unknown_words(models, phrases)),
        "networks": {
            name: write_network(folder, each.at(threshold)) for name, each in found.items()
        },
    }


def _as_file(path: Path, cache: str) -> dict[str, Any]:
    """A file as clients download it, moved to where the server keeps such files."""
    return gr.FileData(path=save_bytes_to_cache(path.read_bytes(), path.name, cache)).model_dump()
