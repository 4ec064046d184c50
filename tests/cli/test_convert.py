"""`python -m ldznet convert` from outside: the folder, the account of it, and every refusal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ldznet.cli import main
from ldznet.networks import ZNet, load_network
from tests.checkpoints.reference import to_official

ROOT = Path(__file__).parents[2]
PREFIX = "model.diffusion_model."


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A small ZNet under official keys, with a tensor nobody knows."""
    network = ZNet(block_out_channels=(32, 32, 32, 32), cross_attention_dim=16)
    tensors = {PREFIX + to_official(key): each for key, each in network.state_dict().items()}
    path = tmp_path_factory.mktemp("checkpoint") / "official.ckpt"
    torch.save({"state_dict": tensors | {"visual.w": torch.zeros(1)}}, path)
    return path


def test_folder_and_account(checkpoint, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "ldznet", "convert", str(checkpoint), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert load_network(tmp_path / "out" / "znet").config["cross_attention_dim"] == 16
    report = json.loads((tmp_path / "out" / "conversion.json").read_text())
    assert report["command"] == "python -m ldznet convert official.ckpt out"
    assert list(report)[:3] == ["command", "commit", "machine"]
    assert report["bytes"] == checkpoint.stat().st_size
    assert report["unused"] == {"unknown": ["visual.w"]}
    for words in (
        "znet: 696 tensors",
        "float32",
        "Missing backbone/vae: not in the checkpoint",
        "(unknown), 1 tensors: visual.w",
    ):
        assert words in done.stdout


class Command:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def failure(capsys, *arguments):
    """The one line on stderr, the status being 1 and nothing on stdout."""
    assert main(["convert", *map(str, arguments)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ldznet: ")
    assert err.count("\n") == 1
    return err


def test_a_refused_checkpoint_leaves_nothing(capsys, tmp_path, checkpoint):
    trap = tmp_path / "trap"
    torch.save({"state_dict": Command(f"touch {trap}")}, tmp_path / "evil.ckpt")
    torch.save({"state_dict": {f"{PREFIX}final.0.bias": torch.zeros(1)}}, tmp_path / "part.ckpt")
    before = sorted(tmp_path.iterdir())
    assert "could run code" in failure(capsys, tmp_path / "evil.ckpt", tmp_path / "out")
    assert "is missing" in failure(capsys, tmp_path / "part.ckpt", tmp_path / "out")
    assert "no checkpoint" in failure(capsys, tmp_path / "none.ckpt", tmp_path / "out")
    wrong = ["--tokenizer", tmp_path]
    assert "no tokenizer" in failure(capsys, checkpoint, tmp_path / "out", *wrong)
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_folder_is_left_as_it_is(capsys, tmp_path, checkpoint):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert "is not empty" in failure(capsys, checkpoint, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]
