"""Evaluation against scores known in closed form, with a segmenter whose answers are chosen."""

import numpy as np
import pytest

from ldznet.evaluation import evaluate, score
from ldznet.pipeline import Settings
from ldznet.types import Sample, Segmentation

SIDE = 20  # pixels
LEFT = np.zeros((SIDE, SIDE), bool)
LEFT[:, : SIDE // 2] = True
AREA = int(LEFT.sum())


class ChosenAnswers:
    """A segmenter that finds the left half for "left" and nothing for any other phrase.

    The network "sure" says so with 0.9 and 0.1; "unsure" with 0.45 and 0.1. Calls are kept.
    """

    def __init__(self):
        self.calls = []

    def compare(self, image, phrases, networks, *, seed, timestep, **settings):
        self.calls.append((image, tuple(phrases), tuple(networks), seed, timestep))
        found = {}
        for name in networks:
            high = {"sure": 0.9, "unsure": 0.45}[name]
            rows = [np.where(LEFT & (phrase == "left"), high, 0.1) for phrase in phrases]
            found[name] = Segmentation(
                image, tuple(phrases), np.stack(rows).astype(np.float32), name, 0.0
            )
        return found


def sample(image, phrase, mask, kind="category"):
    return Sample(image, phrase, mask, "chosen", kind)


@pytest.fixture
def images():
    return [np.full((SIDE, SIDE, 3), value, np.uint8) for value in (0, 255)]


@pytest.fixture
def dataset(images):
    return [
        sample(images[0], "left", LEFT),
        sample(images[0], "right", ~LEFT, "relation"),
        sample(images[1], "left", LEFT, "relation"),
    ]


def run(dataset, networks=("sure", "unsure"), segmenter=None, **options):
    settings = Settings(seed=3, timestep=400)
    return evaluate(segmenter or ChosenAnswers(), iter(dataset), networks, settings, **options)


def test_scores_of_a_network_that_finds_two_of_three(dataset):
    reports = run(dataset)
    hit = AREA / (1 + AREA)  # the convention adds 1 to every denominator
    overall = reports["sure"].overall
    assert overall.mean_iou == pytest.approx(2 / 3 * hit)
    assert overall.foreground_iou == pytest.approx(2 * AREA / (1 + 3 * AREA))
    assert overall.count == 3
    assert reports["sure"].kinds["category"].mean_iou == pytest.approx(hit)
    assert reports["sure"].kinds["relation"].mean_iou == pytest.approx(hit / 2)
    assert {kind: scores.count for kind, scores in reports["sure"].kinds.items()} == {
        "category": 1,
        "relation": 2,
    }


def test_the_threshold_decides(dataset):
    assert run(dataset)["unsure"].overall.mean_iou == 0
    lower = run(dataset, threshold=0.4)
    assert lower["unsure"].overall == lower["sure"].overall


def test_baselines_answer_the_same_for_every_phrase(dataset):
    reports = run(dataset)
    assert list(reports) == ["sure", "unsure", "everything", "nothing"]
    assert reports["everything"].overall.mean_iou == pytest.approx(AREA / (1 + SIDE * SIDE))
    assert reports["everything"].overall.foreground_iou == pytest.approx(
        3 * AREA / (1 + 3 * SIDE * SIDE)
    )
    nothing = reports["nothing"].overall
    assert (nothing.mean_iou, nothing.foreground_iou, nothing.average_precision) == (0, 0, 0)
    assert reports["everything"].overall.count == nothing.count == 3


def test_phrases_of_one_image_run_together(dataset, images):
    segmenter = ChosenAnswers()
    run(dataset, segmenter=segmenter)
    assert [call[1] for call in segmenter.calls] == [("left", "right"), ("left",)]
    assert all(call[0] is image for call, image in zip(segmenter.calls, images, strict=True))
    assert {call[2:] for call in segmenter.calls} == {(("sure", "unsure"), 3, 400)}


def test_many_phrases_of_one_image_are_split(images):
    segmenter = ChosenAnswers()
    reports = run([sample(images[0], "left", LEFT)] * 35, ("sure",), segmenter)
    assert [len(call[1]) for call in segmenter.calls] == [16, 16, 3]
    assert reports["sure"].overall.count == 35


def test_samples_without_kinds_have_no_kinds(images):
    assert run([sample(images[0], "left", LEFT, "")])["sure"].kinds == {}


def test_an_empty_dataset_is_refused():
    with pytest.raises(ValueError, match="no samples"):
        run([])


def test_a_threshold_off_the_grid_is_refused_before_any_work(dataset):
    segmenter = ChosenAnswers()
    with pytest.raises(ValueError, match="none of them"):
        run(dataset, segmenter=segmenter, threshold=0.55)
    assert segmenter.calls == []


def test_empty_masks_count_as_false_alarms_alone_where_asked(images):
    empty = np.zeros_like(LEFT)
    samples = [
        sample(images[0], "left", LEFT),
        sample(images[0], "left", empty, "absent"),
        sample(images[1], "right", empty, "absent"),
    ]

    def answer(image, phrases):
        found = ChosenAnswers().compare(image, phrases, ["sure"], seed=0, timestep=400)
        return {("mine", 1): found["sure"].probability}

    (report,) = score(samples, answer, alarms=True).values()
    assert report.false_alarm == pytest.approx((0.5 + 0) / 2)
    assert report.overall.count == 1
    assert report.overall.mean_iou == pytest.approx(AREA / (1 + AREA))
    assert list(report.kinds) == ["category"]
    counted = score(samples, answer)["mine", 1]
    assert counted.false_alarm is None
    assert counted.overall.count == 3
    assert counted.overall.mean_iou == pytest.approx(AREA / (1 + AREA) / 3)
    only = score(samples[1:], answer, alarms=True)["mine", 1]
    assert (only.overall.count, only.kinds, only.false_alarm) == (0, {}, report.false_alarm)
