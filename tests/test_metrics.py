"""The metrics against the numbers of the original evaluators and against brute force."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.integrate import simpson

from ldznet.metrics import (
    THRESHOLDS,
    IntervalMetrics,
    PhraseCutMetrics,
    iou,
    resize_probability,
    threshold_index,
)

FIXTURES = Path(__file__).parent / "fixtures" / "metrics"
EXPECTED = json.loads((FIXTURES / "expected.json").read_text())
INTERVAL = EXPECTED["clipseg_fixed_interval"]
PHRASECUT = EXPECTED["phrasecut_evaluator"]
CASES = np.load(FIXTURES / "cases.npz")
PROBABILITIES = CASES["prob"]
MASKS = np.unpackbits(CASES["gt_packed"], axis=1).reshape(-1, 64, 64).astype(bool)
TOLERANCE = {"rel": 0, "abs": 1e-12}


def interval_metrics(cases, group=lambda number: None, probabilities=PROBABILITIES):
    metrics = IntervalMetrics()
    for number in cases:
        metrics.update(probabilities[number], MASKS[number], group(number))
    return metrics


SETS = {
    "all40_each_sample_its_own_class": lambda: interval_metrics(range(40)),
    "first26_each_own_class": lambda: interval_metrics(range(26)),
    "all40_four_classes_i_mod_4": lambda: interval_metrics(range(40), lambda number: number % 4),
    "resize_48x40_first8": lambda: interval_metrics(
        range(8), probabilities=[resize_probability(p, 64, 64) for p in CASES["prob_resize"]]
    ),
}


@pytest.mark.parametrize("name", SETS)
class TestReferenceSets:
    def test_counts_are_exact(self, name):
        counts, expected = SETS[name]().counts, INTERVAL[name]["per_threshold"]
        for key in ("tp", "fp", "fn", "tn"):
            assert counts[key].tolist() == expected[key]

    def test_ratios_and_their_best_threshold(self, name):
        metrics, expected = SETS[name](), INTERVAL[name]
        for key, values in (
            ("miou", metrics.mean_iou()),
            ("fgiou", metrics.foreground_iou()),
            ("biniou", metrics.binary_iou()),
        ):
            assert values == pytest.approx(expected["per_threshold"][key], **TOLERANCE)
            assert values.max() == pytest.approx(expected[f"{key}_best"], **TOLERANCE)
            assert THRESHOLDS[values.argmax()] == expected[f"{key}_best_t"]
            for threshold in (0.1, 0.2, 0.3, 0.5):
                at = values[threshold_index(threshold)]
                assert at == pytest.approx(expected[f"{key}_{threshold}"], **TOLERANCE)

    def test_curve_and_average_precision(self, name):
        metrics, expected = SETS[name](), INTERVAL[name]
        precision, recall = metrics.precision_recall()
        assert precision == pytest.approx(expected["pr_curve"]["precision"], **TOLERANCE)
        assert recall == pytest.approx(expected["pr_curve"]["recall"], **TOLERANCE)
        assert metrics.average_precision() == pytest.approx(expected["ap"], **TOLERANCE)

    def test_scores_are_the_papers_three_numbers(self, name):
        scores, expected = SETS[name]().scores(threshold=0.3), INTERVAL[name]
        assert scores.mean_iou == pytest.approx(expected["miou_0.3"], **TOLERANCE)
        assert scores.foreground_iou == pytest.approx(expected["fgiou_0.3"], **TOLERANCE)
        assert scores.average_precision == pytest.approx(expected["ap"], **TOLERANCE)
        assert scores.count == (8 if "resize" in name else 26 if "26" in name else 40)


@pytest.mark.parametrize("number", range(40))
def test_each_case_alone(number):
    expected = INTERVAL["per_case"][number]
    metrics = interval_metrics([number])
    if "raises" in expected:
        with pytest.raises(ValueError, match="no pixel is above any threshold"):
            metrics.average_precision()
        assert metrics.scores().average_precision == 0
        return
    assert metrics.average_precision() == pytest.approx(expected["ap"], **TOLERANCE)
    assert len(metrics.precision_recall()[0]) == expected["n_points"]
    assert metrics.foreground_iou().max() == pytest.approx(expected["fgiou_best"], **TOLERANCE)
    assert metrics.binary_iou().max() == pytest.approx(expected["biniou_best"], **TOLERANCE)


@pytest.mark.parametrize("threshold", [0.3, 0.5])
@pytest.mark.parametrize(("name", "count"), [("all40", 40), ("first26", 26)])
def test_phrasecut_evaluator(name, count, threshold):
    expected = PHRASECUT[f"{name}_thresh_{threshold}"]
    metrics = PhraseCutMetrics(threshold)
    for number in range(count):
        case = metrics.update(PROBABILITIES[number], MASKS[number])
        iou, intersection, union = expected["per_case_iou_inter_union"][number]
        assert case[1:] == (intersection, union)
        assert case[0] == pytest.approx(iou, **TOLERANCE)
    assert metrics.mean_iou() == pytest.approx(expected["mean_mask_iou"], **TOLERANCE)
    assert metrics.cumulative_iou() == pytest.approx(expected["cum_mask_iou"], **TOLERANCE)
    assert {str(x): share for x, share in metrics.precision().items()} == pytest.approx(
        expected["pred_mask_acc"], **TOLERANCE
    )


def test_merging_parts_equals_counting_all():
    whole = interval_metrics(range(40), lambda number: number % 3 or None)
    parts = interval_metrics(range(13), lambda number: number % 3 or None)
    parts.merge(interval_metrics(range(13, 40), lambda number: number % 3 or None))
    assert parts.count == whole.count
    for key, values in whole.counts.items():
        assert parts.counts[key].tolist() == values.tolist()
    assert parts.mean_iou() == pytest.approx(whole.mean_iou(), **TOLERANCE)
    assert parts.average_precision() == whole.average_precision()


def test_memory_does_not_grow_with_phrases():
    def held(metrics):
        return sum(value.nbytes for value in vars(metrics).values() if hasattr(value, "nbytes"))

    few, many = interval_metrics(range(2)), interval_metrics(range(40))
    assert held(few) == held(many)
    assert not many._groups


scores = arrays.arrays(
    np.float32, (5, 6), elements=st.floats(0, 1, width=32) | st.sampled_from(np.float32(THRESHOLDS))
)
masks = arrays.arrays(bool, (5, 6))


@given(st.lists(st.tuples(scores, masks), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_any_input_equals_brute_force(phrases):
    metrics = IntervalMetrics()
    for probability, mask in phrases:
        metrics.update(probability, mask)
    for index, threshold in enumerate(THRESHOLDS.astype(np.float32)):
        ratios, total_in, total_all, total_rest, total_back = [], 0, 0, 0, 0
        for probability, mask in phrases:
            found = probability > threshold
            shared, either = int((found & mask).sum()), int((found | mask).sum())
            ratios.append(shared / (1 + either))
            total_in, total_all = total_in + shared, total_all + either
            total_rest += int((~found & ~mask).sum())
            total_back += int((~found | ~mask).sum())
        assert metrics.mean_iou()[index] == pytest.approx(np.mean(ratios), **TOLERANCE)
        foreground = total_in / (1 + total_all)
        assert metrics.foreground_iou()[index] == pytest.approx(foreground, **TOLERANCE)
        binary = (foreground + total_rest / (1 + total_back)) / 2
        assert metrics.binary_iou()[index] == pytest.approx(binary, **TOLERANCE)


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_equals_scipy_for_an_odd_number_of_points(seed):
    generator = np.random.default_rng(seed)
    mask = generator.random((120, 120)) < 0.4
    metrics = IntervalMetrics()
    metrics.update(generator.random((120, 120)) ** np.where(mask, 0.5, 1), mask)
    precision, recall = metrics.precision_recall()
    assert len(set(recall)) == len(recall) == 49
    assert metrics.average_precision() == pytest.approx(simpson(precision, x=recall), abs=1e-10)


def test_float64_scores_are_compared_in_float32():
    just_above = np.full((2, 2), np.nextafter(0.5, 1))  # 0.5 itself once rounded to float32
    metrics, phrasecut = IntervalMetrics(), PhraseCutMetrics(0.5)
    metrics.update(just_above, np.ones((2, 2), bool))
    phrasecut.update(just_above, np.ones((2, 2), bool))
    assert metrics.foreground_iou()[threshold_index(0.5)] == 0
    assert phrasecut.mean_iou() == 0


@pytest.mark.parametrize(
    ("probability", "mask", "message"),
    [
        (np.zeros((4, 4)), np.zeros((4, 5), bool), "resize the prediction"),
        (np.zeros((4, 4)), np.zeros((4, 4)), "compare it first"),
        (np.full((4, 4), np.nan), np.zeros((4, 4), bool), "apply the sigmoid"),
        (np.full((4, 4), 3.0), np.zeros((4, 4), bool), "apply the sigmoid"),
    ],
)
@pytest.mark.parametrize("metrics", [IntervalMetrics, PhraseCutMetrics])
def test_pairs_that_do_not_fit_are_refused(metrics, probability, mask, message):
    with pytest.raises(ValueError, match=message):
        metrics().update(probability, mask)


def test_no_score_before_the_first_phrase():
    for score in (
        IntervalMetrics().mean_iou,
        IntervalMetrics().scores,
        IntervalMetrics().average_precision,
        PhraseCutMetrics().mean_iou,
        PhraseCutMetrics().precision,
    ):
        with pytest.raises(ValueError, match="count at least one phrase"):
            score()


def test_unknown_thresholds_are_refused():
    with pytest.raises(ValueError, match=r"0\.55 is none of them"):
        threshold_index(0.55)


def test_iou_is_that_of_sets():
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 30, 30)) > 0.6
    a, b = (set(map(tuple, np.argwhere(mask))) for mask in (one, other))
    assert iou(one, other) == pytest.approx(len(a & b) / len(a | b))
    assert iou(one, np.zeros_like(one)) == 0
    assert iou(np.zeros_like(one), np.zeros_like(one)) is None
