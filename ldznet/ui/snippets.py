"""The Python and the command line that give the result on the page."""

import shlex
from collections.abc import Sequence

from ldznet.networks import NETWORKS
from ldznet.peers import PEERS
from ldznet.pipeline import POCKET
from ldznet.ui.state import Comparison, Drawing, Look, Picture

_NOTHING = "# No column shown here is computed."


def python_code(comparison: Comparison, look: Look) -> str:
    """A program that computes the same masks as those of the columns shown."""
    settings, picture, names = comparison.settings, comparison.picture, _computed(comparison, look)
    if not names:
        return _NOTHING
    peers = "".join(f'segmenter.add_peer("{name}")\n' for name in names if name in PEERS)
    arguments = [] if names == list(NETWORKS) else [f"networks={names!r}"]
    arguments += [f"seed={settings.seed}", f"timestep={settings.timestep}"]
    if settings.template != "{}":
        arguments.append(f"template={settings.template!r}")
    name = "Segmenter" if picture.scene else "Segmenter, read_image"
    world = "from ldznet.data.shapes import draw_scene\n" if picture.scene else ""
    return (
        f"from ldznet import {name}\n{world}\n"
        f'segmenter = Segmenter.from_pretrained("{settings.backbone}")\n{peers}'
        f"image = {picture_expression(picture)}\n"
        f"phrases = {list(comparison.phrases)!r}\n"
        f"found = segmenter.compare(image, phrases, {', '.join(arguments)})\n"
        f"masks = {{name: each.at({look.threshold}).mask for name, each in found.items()}}\n"
    )


def command_line(comparison: Comparison, look: Look) -> str:
    """Commands that write the same masks as files, one for the trained networks together."""
    settings, picture, names = comparison.settings, comparison.picture, _computed(comparison, look)
    if not names:
        return _NOTHING
    if settings.template != "{}":
        return "# The command line takes no template; use the Python beside this."
    runs = {name: f"found-{name}" for name in names}
    if set(NETWORKS) <= set(names):
        runs = {"all": "found", **{name: runs[name] for name in names if name not in NETWORKS}}
    words = ["python", "-m", "ldznet", "segment", picture.file, *comparison.phrases]
    words += ["--backbone", settings.backbone] if settings.backbone != POCKET else []
    words += ["--threshold", str(look.threshold)]
    words += ["--seed", str(settings.seed), "--timestep", str(settings.timestep)]
    commands = [
        shlex.join([*words, "--network", name, "--output", folder]) for name, folder in runs.items()
    ]
    return "\n".join([drawing_command(picture)] * bool(picture.scene) + commands)


def _computed(comparison: Comparison, look: Look) -> list[str]:
    """The columns shown that a model answered for."""
    columns = comparison.packed if look.columns is None else look.columns
    return [name for name in columns if name in comparison.packed]


def drawing_command(picture: Picture) -> str:
    """The command that draws a scene's picture into its file."""
    draw = (
        "from PIL import Image; from ldznet.data.shapes import draw_scene; "
        f'Image.fromarray({picture_expression(picture)}).save("{picture.file}")'
    )
    return shlex.join(["python", "-c", draw])


def picture_expression(picture: Picture) -> str:
    """The Python that gives a picture: drawn anew, or read from its file."""
    if picture.scene:
        number, style, difficulty = picture.scene
        return f'draw_scene({number}, "{style}", "{difficulty}").image'
    return f'read_image("{picture.file}")'


def generation_python(drawing: Drawing, phrases: Sequence[str], threshold: float) -> str:
    """A program that draws the same picture and computes the same masks."""
    generation = drawing.generation
    arguments = [f"{generation.prompt!r}"]
    if generation.negative_prompt:
        arguments.append(f"negative_prompt={generation.negative_prompt!r}")
    arguments += [f"steps={generation.steps}", f"guidance={generation.guidance:g}"]
    arguments.append(f"seed={generation.seed}")
    code = (
        "from ldznet import Segmenter, generate\n\n"
        f'segmenter = Segmenter.from_pretrained("{drawing.backbone}")\n'
        f"generation = generate(segmenter.backbone, {', '.join(arguments)})\n"
    )
    if phrases:
        code += (
            f"found = segmenter.compare_generated(generation, {list(phrases)!r})\n"
            f"masks = {{name: each.at({threshold}).mask for name, each in found.items()}}\n"
        )
    return code


def generation_command(drawing: Drawing, phrases: Sequence[str], threshold: float) -> str:
    """A command that writes the same picture and masks as files."""
    generation = drawing.generation
    words = ["python", "-m", "ldznet", "generate", generation.prompt]
    if generation.negative_prompt:
        words += ["--negative", generation.negative_prompt]
    words += ["--steps", str(generation.steps), "--guidance", f"{generation.guidance:g}"]
    words += ["--seed", str(generation.seed)]
    if phrases:
        words += ["--segment", *phrases, "--network", "all", "--threshold", str(threshold)]
    if drawing.backbone != POCKET:
        words += ["--backbone", drawing.backbone]
    return shlex.join([*words, "--output", "drawn"])
