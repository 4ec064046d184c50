"""What a visitor takes home: masks, cut-outs, overlays and probabilities, lossless, as a ZIP."""

import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from ldznet.results.masks import PROBABILITIES, write_cut_outs, write_network, write_probabilities
from ldznet.types import Segmentation
from ldznet.ui.api import keep_file
from ldznet.ui.cards import draw_agreement, draw_large, find_agreeing
from ldznet.ui.components import press
from ldznet.ui.inputs import InputError
from ldznet.ui.markup import message
from ldznet.ui.snippets import command_line, python_code
from ldznet.ui.state import Comparison, Look
from ldznet.ui.wiring import QUIET, Changes, wire

KINDS = {
    "masks": "Masks",
    "cut-outs": "Cut-outs",
    "overlays": "Overlays",
    "probabilities": "Probabilities",
    "everything": "Everything (ZIP)",
}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes

Report = dict[str, Any]  # what `segmentation.json` says


def wire_download(
    listen: Callable[..., gr.events.Dependency],
    make: Callable[..., tuple[Any, ...]],
    page: Mapping[str, Any],
    changes: Sequence[str] = (),
    **options: Any,
) -> None:
    """Have an event hand out a file; see `wire`, whose page has a hidden `file` button here.

    `make` is a handler that gives the file's name and content, and may give `Changes` as a third.
    Its complaint stands in the `phrases_message`, or in that of its control among `changes`.
    """
    places = tuple(dict.fromkeys((*changes, "phrases_message")))

    @wraps(make)
    def hand_out(**values: Any) -> Changes:
        try:
            name, content, *more = make(**values)
        except InputError as complaint:
            place = f"{complaint.place}_message"
            text = message(str(complaint), "error")
            return {"file": None, place if place in places else "phrases_message": text}
        path = keep_file(content, name)
        return {"file": path, **(more[0] if more else {})}

    handed = wire(listen, hand_out, page, ("file", *places), **options)
    handed.then(None, js=press(page["file"]), **QUIET)


def zip_results(kind: str, write: Callable[[Path], Report]) -> bytes:
    """A ZIP of one of `KINDS`, of the files that `write` puts into a folder and reports on."""
    file = BytesIO()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        report = write(folder)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                if kind in ("everything", _kind(path.name, report)):
                    entry = zipfile.ZipInfo(path.name, _EPOCH)
                    archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def write_results(
    folder: Path,
    image: np.ndarray,
    segmentations: Mapping[str, Segmentation],
    about: Mapping[str, Any],
    *,
    python: str,
    shell: str,
) -> Report:
    """Write every file of a result; what `segmentation.json` among them says.

    `about` says how it was made, `python` and `shell` make it again.
    """
    Image.fromarray(image).save(folder / "image.png")
    report = {
        "image": "image.png",
        "width": image.shape[1],
        "height": image.shape[0],
        **about,
        "probabilities": PROBABILITIES,
        "networks": {name: write_network(folder, each) for name, each in segmentations.items()},
    }
    for each in segmentations.values():
        write_cut_outs(folder, each)
    write_probabilities(folder, segmentations)
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "segmentation.json").write_text(text + "\n", encoding="utf-8")
    (folder / "reproduce.py").write_text(python, encoding="utf-8")
    (folder / "reproduce.sh").write_text(shell + "\n", encoding="utf-8")
    return report


def zip_comparison(kind: str, comparison: Comparison, look: Look) -> bytes:
    """A ZIP of one of `KINDS`, for the look's columns and all phrases at its threshold."""

    def write(folder: Path) -> Report:
        image = comparison.picture.image
        agreeing = find_agreeing(comparison, replace(look, phrases=None))
        if len(agreeing) > 1:
            agreement = draw_large(image, draw_agreement(agreeing))
            Image.fromarray(agreement).save(folder / "agreement.png")
        about = {
            "picture": comparison.picture.about,
            **asdict(comparison.settings),
            "threshold": look.threshold,
            "probability_step": 1 / comparison.levels,
        }
        return write_results(
            folder,
            image,
            comparison.at(look.threshold, networks=look.columns),
            about,
            python=python_code(comparison, look),
            shell=command_line(comparison, look),
        )

    return zip_results(kind, write)


def _kind(name: str, report: Report) -> str:
    networks = report["networks"].values()
    if name in {row["mask"] for network in networks for row in network["phrases"]}:
        return "masks"
    if name in {network["overlay"] for network in networks}:
        return "overlays"
    if name == PROBABILITIES:
        return "probabilities"
    return "cut-outs" if name.endswith("-cut-out.png") else "description"
