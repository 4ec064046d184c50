"""A generated picture's files, for the visitor to keep."""

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from ldznet.types import Generation
from ldznet.ui.downloads import KINDS as ALL_KINDS
from ldznet.ui.downloads import Report, write_results, zip_results
from ldznet.ui.inputs import InputError
from ldznet.ui.state import Look
from ldznet.ui.tabs.generate.session import Session
from ldznet.ui.tabs.generate.snippets import command_line, python_code

PICTURE = "picture"
KINDS = {PICTURE: "Picture (PNG)"} | {
    kind: ALL_KINDS[kind] for kind in ("masks", "cut-outs", "everything")
}


def make_file(kind: str, session: Session, look: Look) -> tuple[str, bytes]:
    """Name and content of one of `KINDS`, for the phrases shown at the look's threshold.

    Raises a complaint if masks are asked for and no phrase is chosen.
    """
    if kind == PICTURE:
        file = BytesIO()
        Image.fromarray(session.generation.image).save(file, "PNG")
        return session.picture.file, file.getvalue()
    if session.found is None or not look.phrases:
        raise InputError("phrases", "Choose a word first; then there are masks to download.")
    content = zip_results(kind, lambda folder: _write(folder, session, look))
    return f"ldznet-generated-{kind}.zip", content


def describe(backbone: str, generation: Generation) -> dict[str, Any]:
    """What decides a generated picture, and where its features were kept, for JSON."""
    return {
        "backbone": backbone,
        "prompt": generation.prompt,
        "negative_prompt": generation.negative_prompt,
        "seed": generation.seed,
        "steps": generation.steps,
        "guidance": generation.guidance,
        "feature_timestep": generation.feature_timestep,
    }


def _write(folder: Path, session: Session, look: Look) -> Report:
    assert session.found is not None
    backbone, generation, phrases = session.backbone, session.generation, look.phrases or ()
    found = session.found.at(look.threshold, phrases)
    about = {
        **describe(backbone, generation),
        "threshold": look.threshold,
        "probability_step": 1 / session.found.levels,
    }
    return write_results(
        folder,
        generation.image,
        found,
        about,
        python=python_code(backbone, generation, phrases, look.threshold),
        shell=command_line(backbone, generation, phrases, look.threshold),
    )
