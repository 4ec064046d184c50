"""Maps and pictures as HTML that can be clicked; words stand above, bar and downloads below.

A picture area shows its picture as a background, which a style sends once for all areas inside.
"""

import gradio as gr
import numpy as np

from ldznet.figures.inspection import highest
from ldznet.figures.pictures import draw_heat, draw_signed
from ldznet.results.plates import Plate
from ldznet.ui.cards import photo_uri, png_uri
from ldznet.ui.markup import Attribute, Child, Markup, element, markup, term

_BAR = 128  # levels of a colour bar

# HTML can be clicked in three ways: a thing to pick, a point in a picture, a download. It reaches
# Python as `click` with event.pick, `select` with event.x and event.y (shares of the picture's
# sides), `download` with event.pick. The mark moves at once, the maps when they are there. A
# redrawn element gets the focus back, so that keys can go on.
_LISTEN = """
let last = '';
const point = (stage, x, y) => {
  const inside = (value) => Math.min(Math.max(value, 0), 0.99999);
  [x, y] = [inside(x), inside(y)];
  last = '[data-point]';
  for (const mark of element.querySelectorAll('.mark')) {
    mark.style.left = `${100 * x}%`;
    mark.style.top = `${100 * y}%`;
  }
  for (const each of element.querySelectorAll('[data-point]')) {
    each.dataset.left = x;
    each.dataset.top = y;
  }
  trigger('select', {x, y});
};
element.addEventListener('click', (event) => {
  const take = event.target.closest('[data-take]');
  if (take) return trigger('download', {pick: take.dataset.take});
  const stage = event.target.closest('[data-point]');
  if (stage) {
    const box = stage.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    return point(stage, x, (event.clientY - box.top) / box.height);
  }
  const target = event.target.closest('[data-pick]');
  if (!target) return;
  last = `[data-pick="${target.dataset.pick}"]`;
  trigger('click', {pick: target.dataset.pick});
});
element.addEventListener('keydown', (event) => {
  const stage = event.target.closest('[data-point]');
  const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  if (!stage || !step[event.key]) return;
  event.preventDefault();
  const {left, top, columns, rows} = stage.dataset;
  const [across, down] = step[event.key];
  point(stage, Number(left) + across / columns, Number(top) + down / rows);
});
new MutationObserver(() => {
  if (last && document.activeElement === document.body)
    element.querySelector(last)?.focus({preventScroll: true});
}).observe(element, {childList: true, subtree: true});
"""


def map_html(value: Markup, elem_id: str) -> gr.HTML:
    """HTML with `data-pick`, `data-point` and `data-take` elements; see `_LISTEN`."""
    return gr.HTML(value, apply_default_css=False, js_on_load=_LISTEN, elem_id=elem_id)


def picture_style(image: np.ndarray) -> str:
    """The style of an element whose stages lie over this picture, which is sent only once."""
    height, width = image.shape[:2]
    return f"--picture:url({photo_uri(image)});--shape:{width / height:.4f}"


def stage(*layers: Child, label: str = "", kind: str = "", **attributes: Attribute) -> Markup:
    """A picture area of the picture's shape; kind "grey" takes the colour from the picture."""
    if label and not attributes:
        attributes = {"role": "img", "aria_label": label}
    return element("div", *layers, class_=f"sight {kind}".strip(), **attributes)


def layer(array: np.ndarray, kind: str = "") -> Markup:
    """A uint8 picture (h, w, 3) stretched over its stage; kind "cells" keeps cells crisp."""
    return element("img", class_=f"layer {kind}".strip(), src=png_uri(array), alt="")


def heat(values: np.ndarray, high: float | None = None, kind: str = "") -> Markup:
    """A layer of heat from a map (h, w), from 0 to `high` (by default its maximum)."""
    return layer(draw_heat(values, high or highest(values)), f"heat {kind}")


def colours_layer(colours: np.ndarray) -> Markup:
    """A layer of features as colours (h, w, 3) in [0, 1], in crisp cells."""
    return layer(to_pixels(colours), "cells")


def to_pixels(colours: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 of colours in [0, 1]."""
    return np.round(colours * 255).astype(np.uint8)


def rim(cell: tuple[int, int], grid: tuple[int, ...]) -> Markup:
    """The outline of a cell (row, column) of a grid (h, w)."""
    (row, column), (rows, columns) = cell, grid
    place = f"left:{column / columns:.3%};top:{row / rows:.3%}"
    size = f"width:{1 / columns:.3%};height:{1 / rows:.3%}"
    return element("i", class_="cell", style=f"{place};{size}")


def heat_bar(high: float, what: str) -> Markup:
    """The colours of heat with their range in numbers."""
    return _bar(draw_heat(np.linspace(0, 1, _BAR)[None]), "0", number(high), what)


def signed_bar(extent: float, what: str) -> Markup:
    """The colours of signed values with their range in numbers."""
    levels = np.linspace(-1, 1, _BAR)[None]
    return _bar(draw_signed(levels, 1.0), f"−{number(extent)}", number(extent), what)


def _bar(colours: np.ndarray, low: str, high: str, what: str) -> Markup:
    picture = element("img", src=png_uri(colours), alt="")
    words = [element("span", each) for each in (high, what)]
    return element("p", element("span", low), picture, *words, class_="scale")


def figure(title: Child, *inner: Child, below: Child = None, files: str = "") -> Markup:
    """A stage under its title, with what explains it below, and its downloads if it has any."""
    footer = element("div", below, download_buttons(files)) if below or files else None
    return element("figure", element("figcaption", title), *inner, footer, class_="view")


def strong(text: str) -> Markup:
    """A title, or what names a tile."""
    return element("strong", text)


def picture_figure() -> Markup:
    """The picture itself."""
    return figure(strong("The picture"), stage(label="the picture"))


def download_buttons(name: str) -> Markup:
    """Two buttons that hand out the figure of this name, as a picture and as numbers."""
    if not name:
        return Markup()
    return element(
        "p",
        element(
            "button",
            "Figure (PNG)",
            type="button",
            data_take=f"png:{name}",
            title="The figure with its title, colour bar, block, timestep and seed",
        ),
        element(
            "button",
            "Arrays (NPZ)",
            type="button",
            data_take=f"npz:{name}",
            title="The numbers behind it, for numpy.load",
        ),
        class_="take",
    )


def plate_file(plate: Plate, kind: str, stem: str) -> tuple[str, bytes]:
    """A file's name, its stem given, and its bytes; kind "png" is the figure, "npz" the arrays."""
    return f"{stem}.{kind}", plate.png() if kind == "png" else plate.npz()


def number(value: float) -> str:
    """A value in three significant digits, without an exponent where that stays short."""
    return f"{value:.3g}" if value == 0 or abs(value) >= 1e-4 else f"{value:.1e}"


def percent(share: float) -> str:
    """A share in whole per cent."""
    return f"{share:.0%}".replace("%", " %")


def block_name(block: int) -> Markup:
    """A block's number as a term that explains itself."""
    return markup(term("block"), f" {block}")
