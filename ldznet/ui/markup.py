"""HTML: what it is made of, and the words of the page that explain themselves."""

import re
from collections.abc import Iterable
from html import escape

TERMS = {
    "latent": "The picture as the diffusion model sees it: a small grid of numbers made by its "
    "autoencoder, several pixels to a cell.",
    "features": "What the diffusion model computes inside while it looks at the noised picture "
    "together with the phrase.",
    "timestep": "How much noise is laid on the latent before the diffusion model looks at it: "
    "0 is none, 999 is nearly all.",
    "prompt": "What the picture shows, in words. Here it is what the picture was drawn from.",
    "guidance": "How strongly the words pull at the picture while it is drawn; 1 is not at all "
    "beyond what the model does by itself.",
    "steps": "How many times the sampler takes away a little noise, from pure noise to the "
    "picture.",
    "seed": "The number the noise is drawn from. The same seed gives the same result.",
    "cross-attention": "The place where the words of the phrase meet the cells of the picture.",
    "self-attention": "The place where every cell of the picture looks at all other cells and "
    "takes from those it finds akin.",
    "feature attention": "LD-ZNet's third attention, at blocks 6 to 10: its cells look at the "
    "diffusion model's features of the same block.",
    "mean token": "One more thing to look at beside the cells: the mean of all their features.",
    "token": "A word, or a piece of one, as the text encoder reads it. A start and an end token "
    "frame every phrase.",
    "block": "One of the sixteen places in the diffusion model, numbered in the order they run, "
    "where cells attend to one another and to the words.",
    "stride": "How many cells of the latent, along each side, one cell of a block covers. 1 is the "
    "finest, 8 the coarsest.",
    "noise estimate": "What the diffusion model puts out: the noise it believes was laid on the "
    "latent.",
    "PCA": "Principal component analysis: the three directions in which numbers differ most, shown "
    "as red, green and blue.",
    "PSNR": "Peak signal-to-noise ratio in decibels: how close two pictures are. Over 30 is hard "
    "to tell apart.",
    "threshold": "A pixel counts as found when its probability is above this.",
    "score": "Mean probability inside the mask, 0 to 1.",
    "IoU": "Intersection over union: the area two masks share, divided by the area either "
    "covers. 1 is identical, 0 is disjoint.",
    "truth": "The mask that is right: known for drawn scenes, or uploaded by you.",
}


class Markup(str):
    """HTML that is ready for the page. Any other text is escaped where it becomes part of HTML."""

    __slots__ = ()


Child = str | Iterable["Child"] | None
Attribute = str | int | float | bool | None
_VOID = {"img", "br"}  # these hold nothing and have no end


def markup(*children: Child) -> Markup:
    """Children one after the other: `Markup` as it is, text escaped, None left out."""
    return Markup("".join(map(_write, children)))


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """An element: `element("td", text, class_="nothing", data_pick=3)`; see `markup`.

    Of an attribute's name a last underscore falls away and others become hyphens. True gives the
    bare name, False and None leave it out; anything else is escaped.
    """
    opening = f"<{tag}{''.join(_write_attribute(*each) for each in attributes.items())}>"
    return Markup(opening if tag in _VOID else f"{opening}{markup(*children)}</{tag}>")


def _write_attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _write(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, str):
        return child if isinstance(child, Markup) else escape(child)
    return "".join(map(_write, child))


def with_terms(text: str, **values: Child) -> Markup:
    """A text whose words in {braces} explain themselves; the rest is escaped.

    {token|words} shows other words than the explained one; a name among the values gives that.
    """
    words = re.split(r"\{(.*?)\}", text)
    return markup(
        *(
            word if place % 2 == 0 else values[word] if word in values else term(*word.split("|"))
            for place, word in enumerate(words)
        )
    )


def term(word: str, text: str | None = None) -> Markup:
    """A word with a dotted underline that explains itself on hover, tap or keyboard focus."""
    tip = element("span", TERMS[word], class_="tip", role="tooltip")
    return element("span", text or word, tip, class_="term", tabindex=0)


def swatch(colour: str) -> Markup:
    """A dot in a phrase's or network's colour."""
    return element("span", class_="swatch", style=f"--own:{colour}")


def message(text: Child, kind: str = "note") -> Markup:
    """A sentence for the visitor: kind "error" or "note"; nothing for an empty text."""
    role = "alert" if kind == "error" else "status"
    return element("p", text, class_=f"message {kind}", role=role) if text else Markup()
