"""What text changes, the latent, and the lesson that gathers the steps to a mask."""

import numpy as np
import pytest
import torch

from ldznet.inspection import (
    Subject,
    features_over_blocks,
    fusion_point,
    fusion_point_of,
    inspect_latent,
    noisy_latents,
    run_lesson,
    subject_of_image,
    text_change,
    to_image,
)

PHRASE = "red ball"


@pytest.fixture(scope="module")
def square(segmenter, picture):
    """A picture of the native size, 64 x 64, which the segmenter takes as it is."""
    return subject_of_image(segmenter, np.pad(picture, ((8, 8), (0, 0), (0, 0)))[:, :64])


def test_text_change_is_the_norm_between_two_estimates(backbone, subject):
    change = text_change(backbone, subject, PHRASE, timestep=350, seed=6)
    noisy = noisy_latents(backbone, subject, 350, 6)
    with torch.no_grad():
        conditional, unconditional = (
            backbone.unet(noisy, 350, backbone.encode_text([text])).sample[0].numpy()
            for text in (PHRASE, "")
        )
    np.testing.assert_allclose(
        change, np.sqrt(((conditional - unconditional) ** 2).sum(axis=0)), atol=1e-5
    )
    assert change.shape == (16, 24)
    assert change.max() > 0


def test_text_change_needs_a_text(backbone, subject):
    with pytest.raises(ValueError, match="phrase is empty"):
        text_change(backbone, subject, " ")


def test_the_latent_is_decoded_and_compared(backbone, subject):
    latent = inspect_latent(backbone, subject)
    assert (latent.channels == subject.latents[0].numpy()).all()
    picture, decoded = subject.image.astype(int), latent.reconstruction.astype(int)
    mean_square = ((picture - decoded) ** 2).mean()
    assert latent.psnr == pytest.approx(20 * np.log10(255 / mean_square**0.5), abs=1e-6)
    worst = np.unravel_index(latent.difference.argmax(), latent.difference.shape)
    assert latent.difference[worst] == pytest.approx(abs(picture - decoded)[worst].mean() / 255)
    assert latent.difference.shape == picture.shape[:2]


def test_a_latent_that_brings_everything_back_has_no_error(backbone, subject):
    decoded = to_image(backbone.decode_latents(subject.latents))
    latent = inspect_latent(backbone, Subject(decoded, subject.latents))
    assert latent.psnr == float("inf")
    assert latent.difference.max() == 0


def test_the_lesson_is_its_steps_with_one_pass_of_each(segmenter, square, count_runs):
    backbone, network = segmenter.backbone, segmenter.networks["ldznet"]
    with count_runs(backbone.unet) as ran, count_runs(network.unet) as network_ran:
        lesson = run_lesson(segmenter, square, f" {PHRASE} ", timestep=450, seed=2)
    assert ran == network_ran == list(range(1, 17))
    assert (lesson.phrase, lesson.timestep, lesson.seed) == (PHRASE, 450, 2)
    assert (lesson.noisy == noisy_latents(backbone, square, 450, 2)[0].numpy()).all()
    assert lesson.latent.psnr == inspect_latent(backbone, square).psnr
    strip = features_over_blocks(backbone, square, PHRASE, timestep=450, seed=2)
    for colours, expected in zip(lesson.strip.colours, strip.colours, strict=True):
        np.testing.assert_allclose(colours, expected, atol=1e-5)
    point = fusion_point(segmenter, square, PHRASE, 40, 30, block=8, timestep=450, seed=2)
    point_map = fusion_point_of(lesson.network, 40, 30, block=8)
    np.testing.assert_allclose(point_map.map, point.map, atol=1e-5)
    mask = segmenter(square.image, [PHRASE], timestep=450, seed=2).probability[0]
    np.testing.assert_allclose(lesson.network.probability, mask, atol=1e-5)


def test_the_lesson_follows_the_networks_template(segmenter, square, monkeypatch):
    monkeypatch.setattr(segmenter, "template", "all {}")
    lesson = run_lesson(segmenter, square, "car", timestep=450)
    assert lesson.phrase == "car"
    expected = segmenter(square.image, ["car"], timestep=450).probability[0]
    np.testing.assert_allclose(lesson.network.probability, expected, atol=1e-5)
