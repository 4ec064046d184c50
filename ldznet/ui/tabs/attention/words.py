"""The Words panel: a heat map per token of the phrase, one of them large."""

from html import escape

from ldznet.figures.inspection import highest
from ldznet.inspection import WordMaps
from ldznet.phrases import noun_phrases
from ldznet.ui.tabs.attention.stage import figure, heat, heat_bar, number, picture_style, stage

_SPECIAL = (
    "They frame every phrase. What no token here gets goes to the padding that follows the end."
)


def draw_words(image, found: WordMaps, chosen: int, common: bool) -> str:
    """The chosen token large, and a button per token; start and end apart."""
    groups = [
        [place for place, special in enumerate(found.special) if special is wanted]
        for wanted in (False, True)
    ]
    highs = [highest(*(found.maps[place] for place in group)) for group in groups]

    def high(place: int) -> float:
        return highs[found.special[place]] if common else highest(found.maps[place])

    tiles = [
        "".join(_tile(found, place, high(place), place == chosen) for place in group)
        for group in groups
    ]
    large = figure(
        f"<strong>{escape(found.words[chosen])}</strong>",
        stage(
            heat(found.maps[chosen], high(chosen)),
            f"where '{found.words[chosen]}' gets attention",
            "grey",
        ),
        heat_bar(high(chosen), "share of a cell's attention"),
        "words",
    )
    return f"""<div class="words" style="{picture_style(image)}">
  {large}
  <div>
    <div class="tiles">{tiles[0]}</div>
    <h4>Start and end</h4>
    <div class="tiles special">{tiles[1]}</div>
    <p class="hint">{_SPECIAL}</p>
  </div>
</div>"""


def _tile(found: WordMaps, place: int, high: float, pressed: bool) -> str:
    peak = number(float(found.maps[place].max()))
    return (
        f'<button type="button" data-pick="word:{place}" aria-pressed="{str(pressed).lower()}">'
        f"{stage(heat(found.maps[place], high), kind='grey')}"
        f"<strong>{escape(found.words[place])}</strong><span>up to {peak}</span></button>"
    )


def default_word(found: WordMaps) -> int:
    """The word to show large first: the noun of the first thing named, else the last word."""
    words = [place for place, special in enumerate(found.special) if not special]
    nouns = [thing.lower().split()[-1] for thing in noun_phrases(found.phrase)[:1]]
    named = [place for place in words if found.words[place].lower() in nouns]
    return (named or words[-1:] or [0])[0]
