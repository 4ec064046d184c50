"""The Python and the command line that give what a view shows."""

import shlex

from ldznet.pipeline import POCKET
from ldznet.ui.snippets import drawing_command, picture_expression
from ldznet.ui.tabs.attention.session import Choices, Inspection


def python_code(inspection: Inspection, view: str, choices: Choices) -> str:
    """A program that computes the same arrays."""
    calls = _calls(inspection, choices)[view]
    names = sorted({call.split("= ")[1].split("(")[0] for call in calls})
    drawn, scene = inspection.generation is not None, inspection.picture.scene
    library = "Segmenter"
    if drawn or not scene:
        library += ", generate" if drawn else ", read_image"
    names.append("subject_of_generation" if drawn else "subject_of_image")
    lines = [
        f"from ldznet import {library}",
        *(["from ldznet.data.shapes import draw_scene"] if scene and not drawn else []),
        f"from ldznet.inspection import {', '.join(sorted(names))}",
        "",
        f'segmenter = Segmenter.from_pretrained("{inspection.backbone}")',
        "backbone = segmenter.backbone",
        *_subject(inspection),
        *calls,
    ]
    return "\n".join(lines) + "\n"


def _subject(inspection: Inspection) -> list[str]:
    made = inspection.generation
    if made is None:
        picture = picture_expression(inspection.picture)
        return [f"subject = subject_of_image(segmenter, {picture})"]
    options = f"steps={made.steps}, guidance={made.guidance}, seed={made.seed}"
    if made.negative_prompt:
        options = f"negative_prompt={made.negative_prompt!r}, {options}"
    return [
        f"generation = generate(backbone, {made.prompt!r}, {options})",
        "subject = subject_of_generation(generation)",
    ]


def _calls(inspection: Inspection, choices: Choices) -> dict[str, list[str]]:
    """Per view, the calls that give its arrays."""
    phrase, timestep, seed = inspection.question
    subject = f"subject, {phrase!r}"
    when, noise = f"timestep={timestep}", f"seed={seed}"
    at = f"{subject}, {inspection.point[0]}, {inspection.point[1]}"
    fusion = f"block={choices.fusion_block}, {when}, {noise}"
    return {
        "words": [
            f"words = attention_words(backbone, {subject}, {when}, "
            f"blocks={list(choices.blocks)}, {noise})"
        ],
        "point": [
            f"looks = self_attention_point(backbone, {at}, block={choices.block}, {when}, {noise})",
            # There only where LD-ZNet has weights.
            *[f"reads = fusion_point(segmenter, {at}, {fusion})"]
            * ("network" in inspection.results),
        ],
        "features": [
            f"times = features_over_timesteps(backbone, {subject}, "
            f"block={choices.feature_block}, {noise})",
            f"blocks = features_over_blocks(backbone, {subject}, {when}, {noise})",
        ],
        "text": [f"change = text_change(backbone, {subject}, {when}, {noise})"],
        "latent": ["latent = inspect_latent(backbone, subject)"],
    }


def command_line(inspection: Inspection, choices: Choices) -> str:
    """Commands that write the figures and arrays of every view as files."""
    if inspection.generation is not None:
        return (
            "# The command line looks into files, not into a sampler's steps;\n"
            "# use the Python beside this."
        )
    phrase, timestep, seed = inspection.question
    picture = inspection.picture
    x, y = inspection.pixel
    words: list[object] = ["python", "-m", "ldznet", "inspect", picture.file, phrase]
    words += ["--timestep", timestep, "--seed", seed, "--blocks", *choices.blocks]
    words += ["--point", x, y, "--block", choices.block, "--fusion-block", choices.fusion_block]
    words += ["--feature-block", choices.feature_block]
    if inspection.backbone != POCKET:
        words += ["--backbone", inspection.backbone]
    command = shlex.join(map(str, [*words, "--output", "inside"]))
    return f"{drawing_command(picture)}\n{command}" if picture.scene else command
