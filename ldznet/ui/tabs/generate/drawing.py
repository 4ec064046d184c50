"""What the tab shows: the picture, its masks, and what was reused for them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ldznet.figures.palette import FALSE, MISSED
from ldznet.figures.pictures import error_layer
from ldznet.metrics import iou
from ldznet.networks import NETWORKS, LDZNet
from ldznet.pipeline import ASSETS
from ldznet.types import Segmentation
from ldznet.ui.cards import (
    colours_of,
    draw_cards,
    draw_settings,
    draw_stage,
    draw_table,
    draw_view,
    fit,
    hatch,
    head_cell,
    photo_uri,
    union,
)
from ldznet.ui.markup import Child, Markup, element, markup, message, term, with_terms
from ldznet.ui.snippets import generation_command, generation_python
from ldznet.ui.state import Look
from ldznet.ui.tabs.generate.session import (
    FALLBACK,
    REUSING,
    Drawn,
    Progress,
    Request,
    Session,
    Shown,
)

AGREEMENT = ASSETS / "benchmarks" / "reuse.json"
_NOTHING = element(
    "div",
    message("Choose a word above, or write what to find: the networks mark it here."),
    class_="cards",
)


def draw_picture(session: Session) -> Markup:
    """The picture looked at, its seed, and what drawing it took."""
    generation, seconds = session.generation, session.drawn[session.place].seconds
    duration = f"{generation.steps} steps in {seconds:.1f} s"
    return _draw_picture(generation.image, generation.prompt, generation.seed, duration)


def draw_progress(request: Request, progress: Progress) -> Markup:
    """The unfinished picture, and how far the sampler is."""
    which = f"picture {progress.picture} of {request.count}, " if request.count > 1 else ""
    bar = element(
        "progress",
        max=request.count * request.steps,
        value=(progress.picture - 1) * request.steps + progress.step,
        aria_label="steps done",
    )
    step = f"{which}step {progress.step} of {request.steps}, timestep {progress.timestep}"
    seed = request.seeds[progress.picture - 1]
    return _draw_picture(progress.preview, request.prompt, seed, [bar, step], "under-way")


def _draw_picture(
    image: np.ndarray, prompt: str, seed: int, state: Child, class_: str = ""
) -> Markup:
    caption = element(
        "figcaption",
        element("strong", "Picture"),
        element("span", f"seed {seed}", class_="time"),
        element("span", state, class_="reads"),
    )
    stage = draw_stage(image, photo_uri(image), None, Look(), f"drawn from: {prompt}")
    return element("figure", caption, stage, class_=f"card drawing {class_}")


def draw_strip(drawn: Sequence[Drawn], place: int | None, count: int) -> Markup:
    """A button per picture, and room for those still to come; nothing for a single one."""
    if count < 2:
        return Markup()
    buttons = [
        element(
            "button",
            element("img", src=photo_uri(each.generation.image), alt=""),
            element("span", f"seed {each.generation.seed}"),
            type="button",
            data_pick=number,
            aria_pressed=str(number == place).lower(),
        )
        for number, each in enumerate(drawn)
    ]
    coming = [element("span", class_="coming")] * (count - len(drawn))
    return element("div", buttons, coming, class_="strip")


def draw_results(shown: Shown, agreement: str) -> dict[str, str]:
    """Everything that follows from what was segmented, by component."""
    session, look = shown.session, shown.look
    made_by = session.drawing, look.phrases or (), look.threshold
    return {
        "cards": draw_segmented(session, look),
        "note": draw_note(session, agreement),
        "exact": draw_exact(session, look),
        "settings": describe_settings(session, look),
        "python": generation_python(*made_by),
        "shell": generation_command(*made_by),
    }


def draw_segmented(session: Session, look: Look) -> Markup:
    """A card per network, LD-ZNet's first, and for those without weights how to get them.

    A hint as long as nothing is chosen.
    """
    if session.comparison is None or not look.phrases:
        return _NOTHING
    reused = session.generation.feature_timestep is not None
    reads = {REUSING: f"{LDZNet.reads} of the drawing"} if reused else None
    cards = draw_cards(session.comparison, look, reads=reads)
    return markup(cards, _draw_remedies(session.missing))


def _draw_remedies(missing: Mapping[str, str]) -> Markup:
    """A panel per network without weights; nothing if none is missing."""
    panels = [
        element(
            "section",
            element("strong", NETWORKS[name].title),
            element("p", remedy),
            style=f"--own:{NETWORKS[name].colour}",
        )
        for name, remedy in missing.items()
    ]
    return element("div", panels, class_="remedies") if panels else Markup()


def draw_note(session: Session, agreement: str) -> Markup:
    """What was reused and how far that can be trusted, or that nothing could be reused."""
    generation = session.generation
    if REUSING in session.missing:
        return Markup()  # only LD-ZNet reuses anything
    if generation.feature_timestep is None:
        steps = "1 step" if generation.steps == 1 else f"{generation.steps} steps"
        return element(
            "p",
            f"No timestep from 300 to 499 was visited in {steps}, so there was nothing to reuse: "
            f"the finished latents were noised again at timestep {FALLBACK} and read together with "
            "the phrase, which is the exact path.",
            class_="reuse",
        )
    reused = with_terms(
        "LD-ZNet reuses what the diffusion model computed while drawing, at {timestep} "
        f"{generation.feature_timestep}. That is an approximation: these {{features}} follow the "
        "{prompt}, not the phrase. "
    )
    return element("p", reused, agreement, class_="reuse")


def read_agreement(path: Path = AGREEMENT) -> str:
    """How well reuse agrees with the exact path; empty where that was not measured."""
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


def describe_settings(session: Session, look: Look) -> Markup:
    """The settings line of a session."""
    generation = session.generation
    height, width = generation.image.shape[:2]
    timestep = generation.feature_timestep
    items: list[Child] = [
        f"“{generation.prompt}”",
        *([f"without “{generation.negative_prompt}”"] * bool(generation.negative_prompt)),
        f"{width} × {height}",
        f"backbone {session.backbone}",
        with_terms(f"{{seed}} {generation.seed}"),
        with_terms(f"{generation.steps} {{steps}}"),
        with_terms(f"{{guidance}} {generation.guidance:g}"),
        with_terms(
            f"{{features}} re-noised at {FALLBACK}"
            if timestep is None
            else f"{{features}} of {{timestep}} {timestep}"
        ),
        with_terms(f"{{threshold}} {look.threshold:.2f}"),
    ]
    return draw_settings(items)


def draw_exact(session: Session, look: Look) -> Markup:
    """Reused features beside the exact path: masks, where they differ, overlap, and times.

    Nothing before it was asked for.
    """
    if session.comparison is None or session.exact is None:
        return Markup()
    reused = session.comparison.at(look.threshold, look.phrases)[REUSING]
    exact = session.exact.at(look.threshold, look.phrases)[REUSING]
    if not reused.phrases:
        return message("Choose a word to compare the paths.")
    colours = colours_of(session.comparison, look)
    rows = [
        _exact_row(phrase, colours[phrase], reused.mask[number], exact.mask[number])
        for number, phrase in enumerate(reused.phrases)
    ]
    heads = ("phrase", [term("IoU"), " of both"], "reused area", "exact area")
    hatches = (
        *(hatch("rising", MISSED), "only the exact path "),
        *(hatch("falling", FALSE), "only reused features"),
    )
    times = (
        f"Reuse took {_milliseconds(reused)}, the exact path {_milliseconds(exact)}: "
        f"{reused.seconds / exact.seconds:.2f} of its time."
    )
    return element(
        "section",
        element("div", _draw_both(reused, exact, list(colours.values()), look), class_="trio"),
        element("p", hatches, class_="legend"),
        draw_table(heads, rows),
        element("p", times, class_="legend"),
        class_="exact",
        style=f"--own:{LDZNet.colour}",
    )


def _draw_both(
    reused: Segmentation, exact: Segmentation, colours: Sequence[str], look: Look
) -> list[Markup]:
    """Both masks in the look's view, and where they differ."""
    base, truths = photo_uri(reused.image), [None] * len(colours)
    here, scale = fit(reused.mask)
    there, _ = fit(exact.mask)
    difference = error_layer(union(here), union(there), scale)

    def panel(title: str, time: str, layer: np.ndarray | None, look: Look, label: str) -> Markup:
        caption = element("strong", title), element("span", time, class_="time")
        stage = draw_stage(reused.image, base, layer, look, label)
        return element("figure", element("figcaption", caption), stage)

    def answer(title: str, segmentation: Segmentation, label: str) -> Markup:
        layer = draw_view(segmentation, truths, colours, look)
        return panel(title, _milliseconds(segmentation), layer, look, label)

    return [
        answer("Reused features", reused, "from reused features"),
        answer("Exact path", exact, "by the exact path"),
        panel("Where they differ", "", difference, Look("errors"), "the difference"),
    ]


def _exact_row(phrase: str, colour: str, reused: np.ndarray, exact: np.ndarray) -> Markup:
    overlap = iou(reused, exact)
    return element(
        "tr",
        head_cell(phrase, colour),
        element("td", "both empty" if overlap is None else f"{overlap:.2f}"),
        [element("td", f"{mask.mean() * 100:.1f} %") for mask in (reused, exact)],
    )


def _milliseconds(segmentation: Segmentation) -> str:
    return f"{round(segmentation.seconds * 1000)} ms"
