"""The sentence about reuse says what was measured."""

import json

from ldznet.ui.tabs.generate.drawing import read_agreement


def test_the_measured_numbers_are_in_the_sentence(tmp_path):
    result = {
        "prompts": 217,
        "agreement": {"reused": {"mean_iou": 0.8765}, "other_picture": {"mean_iou": 0.321}},
        "ratio_to_exact": {"median": 0.543},
    }
    (tmp_path / "reuse.json").write_text(json.dumps(result))
    sentence = read_agreement(tmp_path / "reuse.json")
    assert all(number in sentence for number in ("217", "0.88", "0.54", "0.32"))


def test_nothing_is_claimed_where_nothing_was_measured(tmp_path):
    assert read_agreement(tmp_path / "missing.json") == ""
