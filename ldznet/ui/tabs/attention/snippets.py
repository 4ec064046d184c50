"""The Python and the command line that give what a view shows."""

import shlex

from ldznet.pipeline import POCKET
from ldznet.ui.snippets import drawing_command, picture_expression
from ldznet.ui.tabs.attention.inside import Choices, Inside


def python_code(inside: Inside, view: str, choices: Choices) -> str:
    """A program that computes the same arrays."""
    calls = _calls(inside, choices)[view]
    names = sorted({call.split("= ")[1].split("(")[0] for call in calls})
    drawn, scene = inside.generation is not None, inside.picture.scene
    library = "Segmenter"
    if drawn or not scene:
        library += ", generate" if drawn else ", read_image"
    names.append("subject_of_generation" if drawn else "subject_of_image")
    lines = [
        f"from ldznet import {library}",
        *(["from ldznet.data.shapes import draw_scene"] if scene and not drawn else []),
        f"from ldznet.inspection import {', '.join(sorted(names))}",
        "",
        f'segmenter = Segmenter.from_pretrained("{inside.backbone}")',
        "backbone = segmenter.backbone",
        *_subject(inside),
        *calls,
    ]
    return "\n".join(lines) + "\n"


def _subject(inside: Inside) -> list[str]:
    made = inside.generation
    if made is None:
        return [f"subject = subject_of_image(segmenter, {picture_expression(inside.picture)})"]
    options = f"steps={made.steps}, guidance={made.guidance}, seed={made.seed}"
    if made.negative_prompt:
        options = f"negative_prompt={made.negative_prompt!r}, {options}"
    return [
        f"generation = generate(backbone, {made.prompt!r}, {options})",
        "subject = subject_of_generation(generation)",
    ]


def _calls(inside: Inside, choices: Choices) -> dict[str, list[str]]:
    """Per view, the calls that give its arrays."""
    phrase, timestep, seed = inside.asked
    asked = f"subject, {phrase!r}"
    when, noise = f"timestep={timestep}", f"seed={seed}"
    at = f"{asked}, {inside.point[0]}, {inside.point[1]}"
    reads = f"reads = fusion_point(segmenter, {at}, block={choices.fusion_block}, {when}, {noise})"
    return {
        "words": [
            f"words = attention_words(backbone, {asked}, {when}, "
            f"blocks={list(choices.blocks)}, {noise})"
        ],
        "point": [
            f"looks = self_attention_point(backbone, {at}, block={choices.block}, {when}, {noise})",
            *[reads] * ("network" in inside.kept),  # there only where LD-ZNet has weights
        ],
        "features": [
            f"times = features_over_timesteps(backbone, {asked}, "
            f"block={choices.feature_block}, {noise})",
            f"blocks = features_over_blocks(backbone, {asked}, {when}, {noise})",
        ],
        "text": [f"change = text_change(backbone, {asked}, {when}, {noise})"],
        "latent": ["latent = inspect_latent(backbone, subject)"],
    }


def command_line(inside: Inside, choices: Choices) -> str:
    """Commands that write the figures and arrays of every view as files."""
    if inside.generation is not None:
        return (
            "# The command line looks into files, not into a sampler's steps;\n"
            "# use the Python beside this."
        )
    phrase, timestep, seed = inside.asked
    picture = inside.picture
    x, y = inside.pixel
    words: list[object] = ["python", "-m", "ldznet", "inspect", picture.file, phrase]
    words += ["--timestep", timestep, "--seed", seed, "--blocks", *choices.blocks]
    words += ["--point", x, y, "--block", choices.block, "--fusion-block", choices.fusion_block]
    words += ["--feature-block", choices.feature_block]
    if inside.backbone != POCKET:
        words += ["--backbone", inside.backbone]
    command = shlex.join(map(str, [*words, "--output", "inside"]))
    return f"{drawing_command(picture)}\n{command}" if picture.scene else command
