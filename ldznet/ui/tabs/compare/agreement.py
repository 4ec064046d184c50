"""Where the columns agree, as a card: their map, and every pair's IoU."""

from html import escape
from itertools import combinations

from ldznet.figures.palette import ALL_AGREE, NETWORK_COLOURS
from ldznet.metrics import iou
from ldznet.types import Segmentation
from ldznet.ui.cards import draw_agreement, draw_stage, photo_uri
from ldznet.ui.markup import message, swatch, term
from ldznet.ui.state import COLUMNS, Comparison, Look


def find_agreeing(comparison: Comparison, look: Look) -> dict[str, Segmentation]:
    """The columns shown that have a result, of those phrases shown that all of them hold."""
    found = comparison.at(look.threshold, look.phrases, look.columns)
    found = {name: each for name, each in found.items() if each.phrases}
    common = [
        phrase
        for phrase in comparison.phrases
        if all(phrase in each.phrases for each in found.values())
    ]
    return comparison.at(look.threshold, common, list(found))


def draw_agreement_card(comparison: Comparison, look: Look) -> str:
    """Where the columns agree, with every pair's IoU over the phrases shown."""
    found = find_agreeing(comparison, look)
    if len(found) < 2:
        said = "Two columns with a result are needed to see where they agree."
        if look.phrases == ():
            said = "Choose a phrase above to see where the columns agree."
        return f'<div class="agreement">{message(said)}</div>'
    image = comparison.picture.image
    layer = draw_agreement(found)
    stage = draw_stage(image, photo_uri(image), layer, Look("errors"), "where the columns agree")
    keys = "".join(
        f"<li>{swatch(NETWORK_COLOURS[name])}only {escape(COLUMNS[name])}</li>" for name in found
    )
    stripes = {2: "", 3: "<li>stripes: two of them</li>"}.get(
        len(found), "<li>stripes: some of them</li>"
    )
    pairs = "".join(_pair(one, other) for one, other in combinations(found.values(), 2))
    return f"""
<div class="agreement">{stage}
  <div><ul class="keys"><li>{swatch(ALL_AGREE)}all agree</li>{keys}{stripes}</ul>
  {_say_phrases(comparison, look, found)}
  <table><thead><tr><th scope="col">pair</th><th scope="col" colspan="2">{term("IoU")}</th></tr>
  </thead><tbody>{pairs}</tbody></table></div>
</div>"""


def _say_phrases(comparison: Comparison, look: Look, found: dict[str, Segmentation]) -> str:
    """Which phrases are compared, where those are not all that are shown."""
    compared = next(iter(found.values())).phrases
    shown = comparison.phrases if look.phrases is None else look.phrases
    if len(compared) == len(shown):
        return ""
    named = ", ".join(f"'{phrase}'" for phrase in compared)
    return f'<p class="legend">Over {escape(named)} only, for which your own mask was given.</p>'


def _pair(one: Segmentation, other: Segmentation) -> str:
    value = iou(one.mask, other.mask)
    said = "both empty" if value is None else f"{value:.2f}"
    names = f"{escape(COLUMNS[one.network])} · {escape(COLUMNS[other.network])}"
    return (
        f'<tr><th scope="row">{names}</th>'
        f'<td class="meter"><i style="width:{value or 0:.0%}"></i></td><td>{said}</td></tr>'
    )
