import pytest
import torch

from ldznet.experiments.study.judging import judge
from ldznet.experiments.study.sets import absent_set, drawn_set
from ldznet.metrics import IntervalMetrics
from ldznet.pipeline import Segmenter
from ldznet.training.network import prepare_masked_scenes


@pytest.fixture(scope="module")
def pocket():
    return Segmenter.from_pretrained()


@pytest.mark.parametrize("name", ["rgbnet", "znet", "ldznet"])
def test_a_network_is_judged_as_the_segmenter_would_show_it(pocket, name):
    samples = drawn_set("photo", 4)
    network = pocket.networks[name]
    scenes = prepare_masked_scenes(pocket.backbone, samples)
    found = judge(network, pocket.backbone, scenes, samples, timestep=400)
    expected = IntervalMetrics()
    for sample in samples:
        seen = pocket.compare(sample.image, [sample.phrase], [name], timestep=400)
        expected.update(seen[name].probability[0], sample.mask)
    scores = expected.scores()
    # Half-precision latents, and phrases in batches, move a few pixels across the threshold.
    assert found["mean_iou"] == pytest.approx(scores.mean_iou, abs=0.01)
    assert found["average_precision"] == pytest.approx(scores.average_precision, abs=0.01)
    assert found["phrases"] == len(samples)


def test_features_count_for_the_network_that_reads_them_alone(pocket):
    samples = drawn_set("photo", 4)
    scenes = prepare_masked_scenes(pocket.backbone, samples)
    for name, differs in (("znet", False), ("ldznet", True)):
        plain, zeroed = (
            judge(
                pocket.networks[name], pocket.backbone, scenes, samples, timestep=400, ablation=each
            )
            for each in ("none", "zeroed")
        )
        assert (plain != zeroed) == differs


def test_what_is_absent_counts_as_the_share_of_the_picture_found(pocket):
    class Half(torch.nn.Module):
        reading = None

        def forward(self, encoding):
            logits = torch.full((len(encoding.text), 1, *encoding.pixels.shape[-2:]), -9.0)
            logits[..., : logits.shape[-1] // 2] = 9.0
            return logits

    samples = absent_set("photo", 3)
    scenes = prepare_masked_scenes(pocket.backbone, samples)
    found = judge(Half(), pocket.backbone, scenes, samples, timestep=400)
    assert found == {"phrases": 3, "false_alarm": pytest.approx(0.5, abs=0.01)}
