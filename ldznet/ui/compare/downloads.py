"""What a visitor takes home: masks, cut-outs, overlays and probabilities, lossless, as a ZIP."""

import json
import tempfile
import zipfile
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from ldznet.export import PROBABILITIES, write_cut_outs, write_network, write_probabilities
from ldznet.ui.compare.snippets import command_line, python_code
from ldznet.ui.comparison import Comparison
from ldznet.ui.look import Look
from ldznet.ui.pictures import draw_agreement, draw_large

KINDS = {
    "masks": "Masks",
    "cut-outs": "Cut-outs",
    "overlays": "Overlays",
    "probabilities": "Probabilities",
    "everything": "Everything (ZIP)",
}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes


def zip_files(kind: str, comparison: Comparison, look: Look) -> bytes:
    """A ZIP of one of `KINDS`, for all phrases at the look's threshold."""
    file = BytesIO()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        report = write_files(folder, comparison, look)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                if kind in ("everything", _kind(path.name, report)):
                    entry = zipfile.ZipInfo(path.name, _EPOCH)
                    archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def write_files(folder: Path, comparison: Comparison, look: Look) -> dict[str, Any]:
    """Write every file of a comparison; what `segmentation.json` among them says."""
    found = comparison.at(look.threshold)
    image = comparison.picture.image
    Image.fromarray(image).save(folder / "image.png")
    Image.fromarray(draw_large(image, draw_agreement(found))).save(folder / "agreement.png")
    report = {
        "image": "image.png",
        "picture": comparison.picture.about,
        "width": image.shape[1],
        "height": image.shape[0],
        **asdict(comparison.settings),
        "threshold": look.threshold,
        "probabilities": PROBABILITIES,
        "probability_step": 1 / comparison.levels,
        "networks": {name: write_network(folder, each) for name, each in found.items()},
    }
    for each in found.values():
        write_cut_outs(folder, each)
    write_probabilities(folder, found)
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "segmentation.json").write_text(text + "\n", encoding="utf-8")
    (folder / "reproduce.py").write_text(python_code(comparison, look.threshold), encoding="utf-8")
    shell = command_line(comparison, look.threshold)
    (folder / "reproduce.sh").write_text(shell + "\n", encoding="utf-8")
    return report


def _kind(name: str, report: dict[str, Any]) -> str:
    networks = report["networks"].values()
    if name in {row["mask"] for network in networks for row in network["phrases"]}:
        return "masks"
    if name in {network["overlay"] for network in networks}:
        return "overlays"
    if name == PROBABILITIES:
        return "probabilities"
    return "cut-outs" if name.endswith("-cut-out.png") else "description"
