"""The attention baseline: on attention made by hand, whose object is known, and on backbones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ldznet.blocks import BLOCKS
from ldznet.networks import NETWORKS, AttentionBaseline
from ldznet.networks.attention_baseline import POCKET, STABLE_DIFFUSION
from ldznet.pipeline import Segmenter
from ldznet.types import Encoding

TOKENS = 7  # start, three words, end, padding
SIZE = (16, 24)  # latent cells; every block's grid has whole cells
FACTOR = 4
OBJECT = (slice(0, 16), slice(8, 16))  # in latent cells: a middle third, whole cells of every grid

presets = pytest.mark.parametrize("watched", [POCKET, STABLE_DIFFUSION])


def inside(block):
    """(cells,) bool: which of a block's cells lie in the object."""
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[OBJECT] = True
    stride = BLOCKS[block].stride
    return mask[::stride, ::stride].flatten()


def hand_made(watched, in_object=0.2, elsewhere=0.05):
    """An encoding whose words draw the object's cells, and whose cells attend to themselves."""
    attention = {}
    for timestep in watched.timesteps:
        for block in {*watched.words, watched.shape}:
            where = inside(block)
            words = torch.where(where, in_object, elsewhere)[:, None].expand(-1, 3)
            others = (1 - words.sum(dim=1, keepdim=True)).expand(-1, TOKENS - 3) / (TOKENS - 3)
            cross = torch.cat([others[:, :1], words, others[:, 1:]], dim=1)
            attention[timestep, block, "cross"] = cross[None]
            attention[timestep, block, "self"] = torch.eye(len(where))[None]
    height, width = SIZE
    words = torch.zeros(1, TOKENS, dtype=torch.bool)
    words[0, 1:4] = True
    return Encoding(
        pixels=torch.zeros(1, 3, height * FACTOR, width * FACTOR),
        latents=torch.zeros(1, 4, *SIZE),
        text=torch.zeros(1, TOKENS, 8),
        attention=attention,
        words=words,
    )


def probability(watched, encoding):
    return AttentionBaseline(watched)(encoding).sigmoid()


def truth():
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[OBJECT] = True
    return mask.repeat_interleave(FACTOR, 0).repeat_interleave(FACTOR, 1)[None, None]


@presets
def test_an_object_made_by_hand_is_found(watched):
    found = probability(watched, hand_made(watched))
    assert found.shape == (1, 1, SIZE[0] * FACTOR, SIZE[1] * FACTOR)
    mask = found > 0.5
    assert (mask & truth()).sum() / (mask | truth()).sum() > 0.7  # its edges are a cell wide
    middle, corner = found[0, 0, 32, 48], found[0, 0, 0, 0]
    assert middle > 0.9
    assert corner < 0.1


@presets
def test_words_and_blocks_count_alike_however_much_attention_they_get(watched):
    plain = hand_made(watched)
    weights = torch.tensor([1, 0.01, 1, 0.3, 1, 1, 1])
    weighted = {
        (timestep, block, kind): seen * weights / block if kind == "cross" else seen
        for (timestep, block, kind), seen in plain.attention.items()
    }
    other = replace(plain, attention=weighted)
    assert torch.allclose(probability(watched, other), probability(watched, plain), atol=1e-5)


@presets
def test_only_the_phrases_own_tokens_are_read(watched):
    plain = hand_made(watched)
    strange = {key: seen.clone() for key, seen in plain.attention.items()}
    for (_, _, kind), seen in strange.items():
        if kind == "cross":
            seen[..., [0, 4, 5, 6]] = torch.rand(seen[..., [0, 4, 5, 6]].shape)
    other = replace(plain, attention=strange)
    assert torch.equal(probability(watched, other), probability(watched, plain))


@presets
def test_self_attention_completes_the_shape(watched):
    plain = hand_made(watched)
    attention = dict(plain.attention)
    for timestep in watched.timesteps:
        for block in watched.words:  # the words draw the upper half of the object alone
            cells = inside(block).reshape(SIZE[0] // BLOCKS[block].stride, -1).clone()
            cells[cells.shape[0] // 2 :] = False
            cross = torch.where(cells.flatten(), 0.2, 0.05)[None, :, None].expand(-1, -1, TOKENS)
            attention[timestep, block, "cross"] = cross
        where = inside(watched.shape)
        same = (where[:, None] == where[None]).float()  # a cell attends to all of its own kind
        attention[timestep, watched.shape, "self"] = (same / same.sum(1, keepdim=True))[None]
    found = probability(watched, replace(plain, attention=attention))
    assert torch.equal(found > 0.5, truth())


@presets
def test_where_nothing_stands_out_nothing_is_found(watched):
    even = hand_made(watched, 0.1, 0.1)
    assert probability(watched, even).max() < 0.5
    silent = hand_made(watched, 0.0, 0.0)
    assert probability(watched, silent).max() < 0.5
    wordless = hand_made(watched)
    assert wordless.words is not None
    wordless.words[:] = False
    assert probability(watched, wordless).max() < 0.5


def test_what_is_lacking_is_named():
    encoding = hand_made(POCKET)
    with pytest.raises(ValueError, match="which tokens are words"):
        AttentionBaseline(POCKET)(replace(encoding, words=None))
    with pytest.raises(ValueError, match="cross-attention of block 5 at timestep 100"):
        AttentionBaseline(STABLE_DIFFUSION)(encoding)


def test_settings_follow_the_latents():
    for side in (16, 32):
        assert AttentionBaseline.for_latents(side).watched == POCKET
    for side in (48, 64, 96):
        assert AttentionBaseline.for_latents(side).watched == STABLE_DIFFUSION


@presets
def test_runs_on_any_backbone_and_aspect_each_phrase_by_itself(backbone, picture, watched):
    segmenter = Segmenter(backbone, {"attention": AttentionBaseline(watched)})
    phrases = ["red ball", "blue star left of the tree"]
    for image in (picture, np.ascontiguousarray(picture[:, 30:50])):
        together = segmenter.compare(image, phrases)["attention"].probability
        assert together.shape == (2, *image.shape[:2])
        assert np.abs(together[0] - together[1]).max() > 0.01
        for row, phrase in zip(together, phrases, strict=True):
            alone = segmenter(image, [phrase], "attention").probability[0]
            assert np.allclose(row, alone, atol=1e-3)


def test_is_there_without_networks_and_steps_back_where_there_are_some(
    backbone_folder, networks_folder, picture
):
    alone = Segmenter.from_pretrained(backbone_folder)
    assert list(alone.networks) == ["attention"]
    assert list(alone.missing) == list(NETWORKS)
    assert list(alone.compare(picture, ["red ball"])) == ["attention"]
    beside = Segmenter.from_pretrained(
        backbone_folder, networks=networks_folder, names=["znet", "attention"]
    )
    assert list(beside.networks) == ["znet", "attention"]
    assert list(beside.compare(picture, ["red ball"])) == ["znet"]
    both = beside.compare(picture, ["red ball"], ["attention", "znet"])
    first = alone.compare(picture, ["red ball"])["attention"].probability
    assert np.allclose(both["attention"].probability, first, atol=1e-5)


def test_finds_real_objects_of_the_drawn_world(pocket):
    from ldznet.data import open_dataset

    overlap = []
    for sample in open_dataset("shapes", "val", style="flat", count=10):
        mask = pocket(sample.image, [sample.phrase], "attention").mask[0]
        overlap.append((mask & sample.mask).sum() / (mask | sample.mask).sum())
    assert np.mean(overlap) > 0.3  # everything scores 0.08
