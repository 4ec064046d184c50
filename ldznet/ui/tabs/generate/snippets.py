"""The Python and the command line that give the picture and the masks on the page."""

import shlex
from collections.abc import Sequence

from ldznet.pipeline import POCKET
from ldznet.types import Generation


def python_code(
    backbone: str, generation: Generation, phrases: Sequence[str], threshold: float
) -> str:
    """A program that draws the same picture and computes the same masks."""
    arguments = [f"{generation.prompt!r}"]
    if generation.negative_prompt:
        arguments.append(f"negative_prompt={generation.negative_prompt!r}")
    arguments += [f"steps={generation.steps}", f"guidance={generation.guidance:g}"]
    arguments.append(f"seed={generation.seed}")
    code = (
        "from ldznet import Segmenter, generate\n\n"
        f'segmenter = Segmenter.from_pretrained("{backbone}")\n'
        f"generation = generate(segmenter.backbone, {', '.join(arguments)})\n"
    )
    if phrases:
        code += (
            f"found = segmenter.compare_generated(generation, {list(phrases)!r})\n"
            f"masks = {{name: each.at({threshold}).mask for name, each in found.items()}}\n"
        )
    return code


def command_line(
    backbone: str, generation: Generation, phrases: Sequence[str], threshold: float
) -> str:
    """A command that writes the same picture and masks as files."""
    words = ["python", "-m", "ldznet", "generate", generation.prompt]
    if generation.negative_prompt:
        words += ["--negative", generation.negative_prompt]
    words += ["--steps", str(generation.steps), "--guidance", f"{generation.guidance:g}"]
    words += ["--seed", str(generation.seed)]
    if phrases:
        words += ["--segment", *phrases, "--network", "all", "--threshold", str(threshold)]
    if backbone != POCKET:
        words += ["--backbone", backbone]
    return shlex.join([*words, "--output", "drawn"])
