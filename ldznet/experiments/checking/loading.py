"""The checker that `make pocket` trains."""

from pathlib import Path

import torch

from ldznet.experiments.checking.scene_checker import SceneChecker


def load_checker(folder: Path) -> SceneChecker:
    """The checker saved in a folder, in float32; raises ValueError if there is none."""
    try:
        checker = SceneChecker.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
    except Exception as error:  # safetensors, torch and diffusers each raise kinds of their own
        raise ValueError(
            f"There is no checker in '{folder.name}'; train it: "
            "python -m ldznet.experiments.pocket.recipe --stages checker"
        ) from error
    return checker.requires_grad_(False).eval()
