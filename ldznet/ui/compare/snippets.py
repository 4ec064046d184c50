"""The Python and the command line that give the result on the page."""

import shlex

from ldznet.ui.comparison import Comparison, Picture


def python_code(comparison: Comparison, threshold: float) -> str:
    """A program that computes the same masks."""
    settings, picture = comparison.settings, comparison.picture
    arguments = [f"seed={settings.seed}", f"timestep={settings.timestep}"]
    if settings.template != "{}":
        arguments.append(f"template={settings.template!r}")
    name = "Segmenter" if picture.scene else "Segmenter, read_image"
    world = "from ldznet.data.shapes import draw_scene\n" if picture.scene else ""
    return (
        f"from ldznet import {name}\n{world}\n"
        f'segmenter = Segmenter.from_pretrained("{settings.backbone}")\n'
        f"image = {picture_expression(picture)}\n"
        f"found = segmenter.compare(image, {list(comparison.phrases)!r}, {', '.join(arguments)})\n"
        f"masks = {{name: each.at({threshold}).mask for name, each in found.items()}}\n"
    )


def command_line(comparison: Comparison, threshold: float) -> str:
    """Commands that write the same masks as files."""
    settings, picture = comparison.settings, comparison.picture
    if settings.template != "{}":
        return "# The command line takes no template; use the Python beside this."
    words = ["python", "-m", "ldznet", "segment", picture.file, *comparison.phrases]
    words += ["--network", "all", "--threshold", str(threshold)]
    words += ["--seed", str(settings.seed), "--timestep", str(settings.timestep)]
    command = shlex.join([*words, "--output", "found"])
    return f"{drawing_command(picture)}\n{command}" if picture.scene else command


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
