"""The columns of a comparison that have no result, and what each says instead."""

import re
from html import escape

from ldznet.pipeline import Segmenter
from ldznet.ui.models import Models
from ldznet.ui.run import lacking
from ldznet.ui.state import COLUMNS, OWN, Comparison, Look

_COMMAND = re.compile(r"'(python -m [^']*)'")  # in a sentence


def draw_absent(models: Models, comparison: Comparison, look: Look) -> dict[str, str]:
    """HTML for each column shown without a result: what is under way, what to do, or why not."""
    found = comparison.at(look.threshold, look.phrases, look.columns)
    columns = [name for name in look.columns or () if name not in found]
    try:
        segmenter = models.of(comparison.settings.backbone).segmenter
    except ValueError as error:  # that backbone made room for another
        return {name: _say(str(error)) for name in columns}
    return {name: _draw(segmenter, comparison, name) for name in columns}


def _draw(segmenter: Segmenter, comparison: Comparison, name: str) -> str:
    if name == OWN:
        return _say(
            "Give a mask under “Your own mask of”, as a file or from the clipboard; it has the "
            "picture's size, white is inside."
        )
    if lacking(segmenter, comparison, [name]):
        doing = "Running" if name in segmenter.networks or name in segmenter.peers else "Loading"
        return f'<p class="doing" role="status">{doing} {escape(COLUMNS[name])} …</p>'
    unknown = f"{COLUMNS[name]} cannot be had here."
    return _say(comparison.failed.get(name) or segmenter.missing.get(name) or unknown)


def _say(sentence: str) -> str:
    """A sentence whose commands are code, selected whole by one click."""
    *parts, last = _COMMAND.split(sentence)
    said = "".join(
        f"{escape(words)}<code>{escape(command)}</code>"
        for words, command in zip(parts[::2], parts[1::2], strict=True)
    )
    return f'<p role="note">{said}{escape(last)}</p>'
