"""A comparison's files, for the visitor to keep."""

from dataclasses import asdict
from pathlib import Path

from PIL import Image

from ldznet.ui.archive import Report, write_results, zip_results
from ldznet.ui.compare.snippets import command_line, python_code
from ldznet.ui.comparison import Comparison
from ldznet.ui.look import Look
from ldznet.ui.pictures import draw_agreement, draw_large


def zip_files(kind: str, comparison: Comparison, look: Look) -> bytes:
    """A ZIP of one of `KINDS`, for all phrases at the look's threshold."""
    return zip_results(kind, lambda folder: write_files(folder, comparison, look))


def write_files(folder: Path, comparison: Comparison, look: Look) -> Report:
    """Write every file of a comparison; what `segmentation.json` among them says."""
    found = comparison.at(look.threshold)
    image = comparison.picture.image
    Image.fromarray(draw_large(image, draw_agreement(found))).save(folder / "agreement.png")
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
        python=python_code(comparison, look.threshold),
        shell=command_line(comparison, look.threshold),
    )
