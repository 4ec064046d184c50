"""Word maps against the attention of the whole pass, averaged and enlarged by hand."""

import numpy as np
import pytest
import torch

from ldznet.backbone import record
from ldznet.inspection import attention_words, run_unet, subject_of_image, words_of

PHRASE = "the red ball"


def whole_attention(backbone, subject, block, phrase=PHRASE, timestep=300, seed=1):
    """(tokens, h, w) cross-attention of a whole pass, padding included."""
    noise = torch.randn(subject.latents.shape, generator=torch.Generator().manual_seed(seed))
    noisy = backbone.add_noise(subject.latents, timestep, noise)
    with torch.no_grad(), record(backbone.unet, attention=[block]) as recording:
        backbone.unet(noisy, timestep, backbone.encode_text([phrase]))
    attention = recording.attention[timestep, block, "cross"][0].T.numpy()
    stride = round((16 * 24 / attention.shape[1]) ** 0.5)
    return attention.reshape(-1, 16 // stride, 24 // stride)


def double(side):
    """(2 side, side): bilinear interpolation to twice as many samples, cell centres kept."""
    places = np.clip((np.arange(2 * side) + 0.5) / 2 - 0.5, 0, side - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(side)))


def test_maps_are_the_mean_of_the_blocks_on_the_latents_grid(backbone, subject):
    words = attention_words(backbone, subject, PHRASE, timestep=300, blocks=[12, 2], seed=1)
    fine = whole_attention(backbone, subject, 2)
    coarse = double(8) @ whole_attention(backbone, subject, 12) @ double(12).T
    assert words.maps.shape == (5, 16, 24)
    assert words.maps.dtype == np.float32
    np.testing.assert_allclose(words.maps, ((fine + coarse) / 2)[:5], atol=1e-6)
    assert (words.blocks, words.timestep, words.seed) == ((2, 12), 300, 1)


def test_a_cells_shares_over_all_tokens_and_the_padding_are_one(backbone, subject):
    words = attention_words(backbone, subject, PHRASE, timestep=300, blocks=[16], seed=1)
    padding = whole_attention(backbone, subject, 16)[5:]
    np.testing.assert_allclose(words.maps.sum(0) + padding.sum(0), 1, atol=1e-5)


def test_every_token_has_its_map_and_the_ends_are_told_apart(backbone, pocket, subject):
    words = attention_words(backbone, subject, "  The RED ball ", blocks=[7])
    assert words.words == ("⟨start⟩", "the", "red", "ball", "⟨end⟩")
    assert words.special == (True, False, False, False, True)
    pieces = attention_words(pocket.backbone, subject_of_image(pocket, subject.image), "zebra")
    assert "".join(pieces.words[1:-1]) == "zebra"
    assert len(pieces.words) == len(pieces.maps) > 3  # no word of pocket's, so several tokens


def test_another_choice_of_blocks_runs_nothing(backbone, subject, count_runs):
    unet_pass = run_unet(backbone, subject, PHRASE, timestep=300, seed=1, words=[2, 12])
    with count_runs(backbone.unet) as ran:
        alone = words_of(unet_pass, [12])
    assert ran == []
    again = attention_words(backbone, subject, PHRASE, timestep=300, blocks=[12], seed=1)
    assert (alone.maps == again.maps).all()


def test_the_pass_ends_behind_the_last_block(backbone, subject, count_runs):
    with count_runs(backbone.unet) as ran:
        attention_words(backbone, subject, PHRASE, blocks=[3, 6])
    assert ran == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phrase": "  "}, "phrase is empty"),
        ({"phrase": "red " * 40}, "too long"),
        ({"blocks": []}, "at least one block"),
        ({"blocks": [17]}, "1 to 16"),
        ({"blocks": [0, 3]}, "1 to 16"),
        ({"timestep": -1}, "from 0 to 999"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_in_one_sentence(backbone, subject, options, message):
    with pytest.raises(ValueError, match=message) as error:
        attention_words(backbone, subject, **{"phrase": PHRASE, **options})
    assert "\n" not in str(error.value)


def test_blocks_that_were_not_kept_are_refused(backbone, subject):
    unet_pass = run_unet(backbone, subject, PHRASE, timestep=300, words=[2], points=[4])
    with pytest.raises(ValueError, match="kept: 2"):
        words_of(unet_pass, [4])
