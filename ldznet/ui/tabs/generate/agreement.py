"""How well reuse was measured to agree with the exact path, in a sentence for the page."""

import json
from pathlib import Path

from ldznet.pipeline import ASSETS

RESULT = ASSETS / "benchmarks" / "reuse.json"


def read_agreement(path: Path = RESULT) -> str:
    """The sentence; empty where nothing was measured."""
    if not path.exists():
        return ""
    measured = json.loads(path.read_text(encoding="utf-8"))
    overlap, control = (
        measured["agreement"][way]["mean_iou"] for way in ("reused", "other_picture")
    )
    return (
        f"Over {measured['prompts']} prompts its masks and the exact ones overlap by a mean IoU of "
        f"{overlap:.2f}, in {measured['ratio_to_exact']['median']:.2f} of the time; with the "
        f"features of another picture it is {control:.2f}."
    )
