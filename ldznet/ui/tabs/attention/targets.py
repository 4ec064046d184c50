"""HTML that can be clicked in three ways: a thing to pick, a point in a picture, a download."""

import gradio as gr

# Reaches Python as `click` with event.pick, `select` with event.x and event.y (shares of the
# picture's sides), `download` with event.pick. The mark moves at once, the maps when they are
# there. A redrawn element gets the focus back, so that keys can go on.
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


def view_html(value: str, elem_id: str) -> gr.HTML:
    """HTML with `data-pick`, `data-point` and `data-take` elements; see above."""
    return gr.HTML(value, apply_default_css=False, js_on_load=_LISTEN, elem_id=elem_id)
