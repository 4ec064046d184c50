"""The About tab's table of the study."""

import json
import re

import pytest

from ldznet.networks import NETWORKS
from ldznet.ui.tabs.about import draw_measured


def score(mean, spread):
    return {"mean": mean, "spread": spread}


@pytest.fixture
def study(tmp_path):
    """Results of two sizes, of which the page shows the larger."""
    groups = [
        {
            "trial": {"network": name, "masks": masks, "seed": [0, 1, 2]},
            "scores": {
                "photo": {"mean_iou": score(masks / 10_000 + place / 100, 0.015)},
                "absent": {"false_alarm": score(0.04, 0.001)},
            },
        }
        for masks in (500, 8000)
        for place, name in enumerate(NETWORKS)
    ]
    path = tmp_path / "study.json"
    path.write_text(json.dumps({"parts": {"main": groups}}))
    return path


def test_each_network_has_a_column_with_what_it_scored_at_the_most_masks(study):
    page = draw_measured(study)
    assert re.findall('<th scope="col">(.*?)</th>', page) == ["RGBNet", "ZNet", "LD-ZNet"]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', page)
    found = {name: re.findall("<td>(.*?)</td>", row) for name, row in rows}
    assert found["photo"] == ["80.0 ± 1.5", "81.0 ± 1.5", "82.0 ± 1.5"]
    assert found["false alarm"] == ["4.0 ± 0.1"] * 3
    assert found["redrawn"] == ["–"] * 3  # was not measured
    assert "8,000 scenes" in page
    assert re.search(r"\b3\s+trainings", page)


def test_nothing_measured_is_nothing_shown(tmp_path):
    assert draw_measured(tmp_path / "none.json") == ""
