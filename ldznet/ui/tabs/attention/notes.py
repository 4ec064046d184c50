"""The line under a view that makes a screenshot reproducible."""

from html import escape

from ldznet.ui.markup import term
from ldznet.ui.tabs.attention.inside import Inside


def draw_settings(inside: Inside) -> str:
    """Picture, phrase, backbone, timestep and where the noise comes from, in one line."""
    height, width = inside.subject.image.shape[:2]
    phrase, timestep, seed = inside.asked
    noise = f"{term('seed')} {seed}"
    if inside.step:
        noise = f"the sampler's own latents, step {inside.step} of {len(inside.visited)}"
    items = [
        escape(inside.picture.about),
        f"{width} × {height}",
        f"“{escape(phrase)}”",
        f"backbone {escape(inside.backbone)}",
        f"{term('timestep')} {timestep}",
        noise,
    ]
    return f'<p class="settings">{" · ".join(items)}</p>'
