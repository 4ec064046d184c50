"""What a visitor takes home: masks, cut-outs, overlays and probabilities, lossless, as a ZIP."""

import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ldznet.results.masks import PROBABILITIES, write_cut_outs, write_network, write_probabilities
from ldznet.types import Segmentation

KINDS = {
    "masks": "Masks",
    "cut-outs": "Cut-outs",
    "overlays": "Overlays",
    "probabilities": "Probabilities",
    "everything": "Everything (ZIP)",
}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes

Report = dict[str, Any]


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
    found: Mapping[str, Segmentation],
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
        "networks": {name: write_network(folder, each) for name, each in found.items()},
    }
    for each in found.values():
        write_cut_outs(folder, each)
    write_probabilities(folder, found)
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "segmentation.json").write_text(text + "\n", encoding="utf-8")
    (folder / "reproduce.py").write_text(python, encoding="utf-8")
    (folder / "reproduce.sh").write_text(shell + "\n", encoding="utf-8")
    return report


def _kind(name: str, report: Report) -> str:
    networks = report["networks"].values()
    if name in {row["mask"] for network in networks for row in network["phrases"]}:
        return "masks"
    if name in {network["overlay"] for network in networks}:
        return "overlays"
    if name == PROBABILITIES:
        return "probabilities"
    return "cut-outs" if name.endswith("-cut-out.png") else "description"
