"""The picture while it is drawn and afterwards, and the strip of a request's pictures."""

from collections.abc import Sequence
from html import escape

import numpy as np

from ldznet.ui.cards import draw_stage, photo_uri
from ldznet.ui.state import Look
from ldznet.ui.tabs.generate.request import Request
from ldznet.ui.tabs.generate.sampling import Drawn, Progress
from ldznet.ui.tabs.generate.session import Session


def draw_picture(session: Session) -> str:
    """The picture looked at, its seed, and what drawing it took."""
    generation = session.generation
    took = f"{generation.steps} steps in {session.seconds:.1f} s"
    return _figure(generation.image, generation.prompt, f"seed {generation.seed}", took)


def draw_progress(request: Request, progress: Progress) -> str:
    """The unfinished picture, and how far the sampler is."""
    total = request.count * request.steps
    done = (progress.picture - 1) * request.steps + progress.step
    which = f"picture {progress.picture} of {request.count}, " if request.count > 1 else ""
    said = f"{which}step {progress.step} of {request.steps}, timestep {progress.timestep}"
    bar = f'<progress max="{total}" value="{done}" aria-label="steps done"></progress>{said}'
    seed = request.seeds[progress.picture - 1]
    return _figure(progress.preview, request.prompt, f"seed {seed}", bar, "under-way")


def draw_strip(drawn: Sequence[Drawn], place: int | None, count: int) -> str:
    """A button per picture, and room for those still to come; nothing for a single one."""
    if count < 2:
        return ""
    items = [
        f'<button type="button" data-pick="{number}" aria-pressed="{str(number == place).lower()}">'
        f'<img src="{photo_uri(each.generation.image)}" alt="">'
        f"<span>seed {each.generation.seed}</span></button>"
        for number, each in enumerate(drawn)
    ]
    items += ['<span class="coming"></span>'] * (count - len(drawn))
    return f'<div class="strip">{"".join(items)}</div>'


def _figure(image: np.ndarray, prompt: str, seed: str, said: str, state: str = "") -> str:
    stage = draw_stage(image, photo_uri(image), None, Look(), f"drawn from: {prompt}")
    return (
        f'<figure class="card drawing {state}"><figcaption><strong>Picture</strong>'
        f'<span class="time">{escape(seed)}</span><span class="reads">{said}</span></figcaption>'
        f"{stage}</figure>"
    )
