"""What finished trials scored, a small file each: no clone of the repository repeats them."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ldznet.experiments.study.design import PARTS, Trial


def fingerprint(backbone: Path) -> str:
    """What tells one backbone's U-Net from another's: 16 digits of a hash of its weights.

    A folder without weights has the fingerprint of nothing; loading it says what is wrong.
    """
    digest = hashlib.sha256()
    for weights in sorted((backbone / "unet").glob("*.safetensors")):
        digest.update(weights.read_bytes())
    return digest.hexdigest()[:16]


def read_record(folder: Path, trial: Trial, backbone: str) -> dict[str, Any] | None:
    """What a trial scored on the backbone of this fingerprint; None if it is still to be run."""
    path = _path(folder, trial)
    if not path.exists():
        return None
    told = json.loads(path.read_text())
    return told if told["backbone"] == backbone else None


def write_record(folder: Path, trial: Trial, backbone: str, told: Mapping[str, Any]) -> None:
    """Keep what a trial scored; the file is there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = _path(folder, trial).with_suffix(".new")
    fresh.write_text(json.dumps({"backbone": backbone, **told}, indent=2) + "\n")
    fresh.replace(_path(folder, trial))


def read_records(folder: Path, backbone: str) -> dict[Trial, dict[str, Any]]:
    """Every finished trial of every part."""
    trials = dict.fromkeys(trial for part in PARTS.values() for trial in part)
    found = {trial: read_record(folder, trial, backbone) for trial in trials}
    return {trial: told for trial, told in found.items() if told is not None}


def _path(folder: Path, trial: Trial) -> Path:
    return folder / f"{trial.name}.json"
