"""A comparison's files, for the visitor to keep."""

from dataclasses import asdict, replace
from pathlib import Path

from PIL import Image

from ldznet.ui.cards import draw_agreement, draw_large
from ldznet.ui.downloads import Report, write_results, zip_results
from ldznet.ui.snippets import command_line, python_code
from ldznet.ui.state import Comparison, Look
from ldznet.ui.tabs.compare.agreement import find_agreeing


def zip_files(kind: str, comparison: Comparison, look: Look) -> bytes:
    """A ZIP of one of `KINDS`, for the look's columns and all phrases at its threshold."""
    return zip_results(kind, lambda folder: write_files(folder, comparison, look))


def write_files(folder: Path, comparison: Comparison, look: Look) -> Report:
    """Write every file of a comparison; what `segmentation.json` among them says."""
    found = comparison.at(look.threshold, networks=look.columns)
    image = comparison.picture.image
    agreeing = find_agreeing(comparison, replace(look, phrases=None))
    if len(agreeing) > 1:
        Image.fromarray(draw_large(image, draw_agreement(agreeing))).save(folder / "agreement.png")
    about = {
        "picture": comparison.picture.about,
        **asdict(comparison.settings),
        "threshold": look.threshold,
        "probability_step": 1 / comparison.levels,
    }
    return write_results(
        folder,
        image,
        found,
        about,
        python=python_code(comparison, look),
        shell=command_line(comparison, look),
    )
