"""What the study measured, as a table for the page: the paper's question in small."""

import json
from pathlib import Path

from ldznet.experiments.report.tables import MAIN, TITLES, cells, largest
from ldznet.pipeline import ASSETS
from ldznet.ui.widgets import term

RESULT = ASSETS / "benchmarks" / "study.json"


def draw_measured(path: Path = RESULT) -> str:
    """A section with the networks' scores at the most masks; empty where nothing was measured."""
    if not path.exists():
        return ""
    groups = largest(json.loads(path.read_text(encoding="utf-8")))
    masks, seeds = groups[0]["trial"]["masks"], len(groups[0]["trial"]["seed"])
    heads = "".join(f'<th scope="col">{TITLES[told["trial"]["network"]]}</th>' for told in groups)
    columns = [cells(told, MAIN) for told in groups]  # a score per set
    rows = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in scores)}</tr>'
        for name, scores in zip(MAIN, zip(*columns, strict=True), strict=True)
    )
    return f"""
<h2>What was measured</h2>
<p>The paper's claim is that each network beats the one to its left, most of all on pictures unlike
those with masks. In pocket's world, with masks of {masks:,} scenes, all in the photo style, {seeds}
trainings of each network score so: mean {term("IoU")} in per cent, ± the standard deviation.</p>
<table class="measured"><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table>
<p>The unseen styles are the five without masks. The novel things are a category, and pairs of
category and colour, that no mask showed. Redrawn and imagined pictures are pocket's own. The false
alarm is the part of a picture painted for things that are not there; there less is better. How this
was measured, what else was, and what did not come out as hoped, stands in docs/pocket.md.</p>"""
