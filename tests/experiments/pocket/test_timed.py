"""The recipe that ends by the clock, with sizes and times that a processor manages."""

import json
import shutil
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.backbone.pocket import Size, build_tokenizer
from ldznet.data.shapes import (
    DENSE_TOKENS,
    DENSE_WORDS,
    DIFFICULTIES,
    caption,
    draw_scene,
    full_captions,
)
from ldznet.experiments.checker import load_checker
from ldznet.experiments.pocket import stream, timed
from ldznet.experiments.pocket.packing import LARGEST, pack
from ldznet.experiments.pocket.stream import FULL, SceneStream, Vocabulary
from ldznet.networks import NETWORKS, load_network

SECONDS = 120.0  # never reached: these trainings end with their steps
TINY = replace(
    timed.GPU,
    coarse=Size(patch=4, channels=(8, 8, 8, 8), heads=(1, 1, 1, 1), text_tokens=DENSE_TOKENS),
    fine=Size(patch=2, channels=(8, 8, 8, 8), heads=(1, 1, 1, 1), text_tokens=DENSE_TOKENS),
    scenes=8,
    shard=8,
    first_scenes=8,
    **{
        name: replace(getattr(timed.GPU, name), steps=2, batch_size=2)
        for name in ("autoencoder", "coarse_diffusion", "diffusion", "checker", "network")
    },
    checker_scenes=4,
    mask_scenes=2,
    prompts=("a photo of a red ball",),
    sampler_steps=1,
)


@contextmanager
def threads(workers, niceness=0):
    """In place of processes, which take long to begin."""
    with ThreadPoolExecutor(workers) as pool:
        yield pool.submit


def unpack(folder, assets):
    """What the documentation has one do with the files."""
    for archive in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(archive) as packed:
            assert packed.testzip() is None
            packed.extractall(assets)
    return assets


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The output of a run, and what of it was there as soon as each of three files was new."""
    folder = tmp_path_factory.mktemp("timed")
    work = timed.Work(
        TINY, timed.Clock(time.time(), SECONDS), folder / "runs", folder / "out", "python"
    )
    moments, ended = [], threading.Event()

    def watch():
        for name in ("backbone.zip", "samples.png", "checker.zip"):
            while not (work.output / name).exists() and not ended.is_set():
                time.sleep(0.01)
            moments.append(folder / f"at-{name}")
            shutil.copytree(work.output, moments[-1], ignore=shutil.ignore_patterns("*.new"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    started = time.time()
    try:
        timed.train_all(work, workers=1, side=threads)
    finally:
        torch.set_num_threads(before)
        ended.set()
        watcher.join()
    return work, moments, time.time() - started


def test_everything_is_there_in_time(finished, tmp_path):
    work, _, took = finished
    log = (work.output / "log.txt").read_text()
    assert "failed" not in log, log
    assert took < SECONDS
    names = {path.name for path in work.output.iterdir()}
    packed = {f"{name}.zip" for name in ("backbone", "checker", *NETWORKS)}
    assert names == packed | {"samples.png", "log.txt"}
    assert len(names) <= 8
    assert all(path.stat().st_size <= LARGEST for path in work.output.iterdir())
    assets = unpack(work.output, tmp_path / "assets")
    load_checker(assets / "checker")
    cards = {}
    for name in NETWORKS:
        load_network(assets / "networks" / "pocket" / name)
        cards[name] = json.loads((assets / f"networks/pocket/{name}/card.json").read_text())
    assert {card["result"]["steps"] for card in cards.values()} == {2}
    assert "loss" in log
    assert "/s" in log


def test_the_backbone_predicts_the_velocity_and_draws_from_pure_noise(finished, tmp_path):
    work, _, _ = finished
    folder = unpack(work.output, tmp_path / "assets") / "pocket"
    backbone = LatentDiffusion.from_pretrained(folder)
    assert backbone.scheduler.config.prediction_type == "v_prediction"
    assert backbone.scheduler.alphas_cumprod[-1] == 0
    assert backbone.tokenizer.model_max_length == DENSE_TOKENS
    assert backbone.native_size == 128
    assert backbone.factor == 4  # the finer one
    noise = backbone.draw_noise((1, 4, 32, 32), 0)
    # Nothing but noise is there, so the noise is what is there.
    estimate = backbone.estimate_noise(noise, backbone.encode_text(["a ball"]), 999)
    assert torch.equal(estimate, noise)


def test_what_a_stop_leaves_can_be_loaded(finished, tmp_path):
    _, moments, _ = finished
    assert len(moments) == 3
    for moment in moments:
        assets = unpack(moment, tmp_path / moment.name)
        backbone = LatentDiffusion.from_pretrained(assets / "pocket")
        assert all(weight.isfinite().all() for weight in backbone.unet.parameters())
        card = json.loads((assets / "pocket" / "card.json").read_text())
        assert card["result"]["samples"] > 0


def test_a_stage_that_fails_is_written_down_and_the_run_goes_on(tmp_path):
    work = timed.Work(TINY, timed.Clock(time.time(), 9.0), tmp_path, tmp_path, "python")
    with work.stage("a stage"):
        raise RuntimeError("no memory")
    log = (tmp_path / "log.txt").read_text()
    assert "a stage: failed: no memory" in log
    assert "Traceback" in log


def test_an_archive_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "weights").write_text("first")
    pack(tmp_path / "packed.zip", {"assets": folder})
    before = (tmp_path / "packed.zip").read_bytes()
    (folder / "weights").write_text("second")
    (folder / "xlast").write_text("more")
    write = zipfile.ZipFile.write

    def cut(self, path, name):
        if name.endswith("xlast"):
            raise KeyboardInterrupt
        write(self, path, name)

    monkeypatch.setattr(zipfile.ZipFile, "write", cut)
    with pytest.raises(KeyboardInterrupt):
        pack(tmp_path / "packed.zip", {"assets": folder})
    assert (tmp_path / "packed.zip").read_bytes() == before


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary.of(build_tokenizer(DENSE_WORDS, DENSE_TOKENS))


def test_texts_become_the_tokens_that_the_tokenizer_makes_of_them(vocabulary):
    tokenizer = build_tokenizer(DENSE_WORDS, DENSE_TOKENS)
    texts = [""]
    for number in range(6):
        scene = draw_scene(number, None, DIFFICULTIES[number % 3])
        texts += [caption(scene), *full_captions(scene, 2)]
    expected = tokenizer(texts, padding="max_length").input_ids
    assert [vocabulary.tokens(text) for text in texts] == expected


def test_short_texts_are_read_only_where_the_layout_is_settled(vocabulary):
    """With latents and texts that tell which scene they are of."""
    scenes = SceneStream(lambda *_: pytest.fail("draws"), vocabulary, 8, 8, 0, torch.device("cpu"))
    scenes.count = 8
    scenes.latents = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 4, 2, 2).half()
    texts = 100 * torch.arange(8).view(8, 1, 1) + torch.arange(8).view(1, 8, 1)
    scenes.texts = texts.expand(8, 8, vocabulary.length).short()
    scenes.members[0, :4], scenes.members[1, :3], scenes.members[2, 0] = (
        torch.arange(4),
        torch.arange(4, 7),
        7,
    )
    scenes.counts = [4, 3, 1]
    latents, tokens, when, noise = scenes.batch(0, 4000, 0, (0.25, 0.5, 0.25), 1000)
    again = scenes.batch(0, 4000, 0, (0.25, 0.5, 0.25), 1000)
    assert torch.equal(latents, again[0])
    assert torch.equal(noise, again[3])
    scene, empty = latents[:, 0, 0, 0].long(), (tokens == scenes.empty).all(dim=1)
    text = tokens[:, 0] - 100 * scene
    assert ((text >= 0) & (text < 8))[~empty].all()  # its own
    short = (text >= FULL) & ~empty
    assert when[short].max() < stream.LAYOUT
    assert 0.35 < short[when < stream.LAYOUT].float().mean() < 0.40  # 0.4 of those not empty
    assert 0.08 < empty.float().mean() < 0.12
    shares = [((scene >= low) & (scene < high)).float().mean() for low, high in ((0, 4), (4, 7))]
    assert np.allclose(shares, (0.25, 0.5), atol=0.03)


def test_scenes_are_drawn_once_and_sorted_by_their_things(vocabulary):
    with threads(1) as begin:
        scenes = SceneStream(begin, vocabulary, 24, 6, 2, torch.device("cpu"))
        scenes.take(at_least=24)
    assert scenes.count == sum(scenes.counts) == 24
    assert len(torch.unique(scenes.pictures.flatten(1), dim=0)) == 24
    shown = [
        set(scenes.members[group, :count].tolist()) for group, count in enumerate(scenes.counts)
    ]
    assert set.union(*shown) == set(range(24))
