"""Files that pretend to be checkpoints: nothing in them runs, and a sentence says what they are."""

import os
import pickle
import re
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ldznet.checkpoints.file import Part, read_pickle, read_safetensors

TENSORS = {f"layer.{number}.weight": torch.randn(64, 64) for number in range(4)}


class Command:
    """Pickled, it asks for a command to be run when it is opened."""

    def __init__(self, path, function=os.system):
        self.call = (
            function,
            (f"touch {path}" if function is os.system else f"open({path!r}, 'w')",),
        )

    def __reduce__(self):
        return self.call


def problem(path):
    """The one sentence that reading the file ends in."""
    with pytest.raises(ValueError, match=re.escape(Path(path).name)) as caught:
        read_pickle(path)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 200
    return sentence


@pytest.mark.parametrize("zipped", [True, False], ids=["archive", "old format"])
@pytest.mark.parametrize(
    ("function", "name"), [(os.system, "posix.system"), (exec, "builtins.exec"), (eval, "eval")]
)
def test_a_pickle_that_would_run_code_is_refused(tmp_path, zipped, function, name):
    trap = tmp_path / "trap"
    content = {"state_dict": TENSORS, "hyper_parameters": Command(str(trap), function)}
    torch.save(content, tmp_path / "evil.ckpt", _use_new_zipfile_serialization=zipped)
    sentence = problem(tmp_path / "evil.ckpt")
    assert "could run code" in sentence
    assert name.split(".")[-1] in sentence
    assert not trap.exists()
    # The trap is a real one: opened carelessly, it goes off.
    torch.load(tmp_path / "evil.ckpt", weights_only=False)
    assert trap.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_bare_pickle_is_refused(tmp_path, protocol):
    trap = tmp_path / "trap"
    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps(Command(str(trap)), protocol))
    assert "could run code" in problem(tmp_path / "evil.ckpt")
    assert not trap.exists()


def test_a_function_of_the_training_framework_is_not_called(tmp_path, monkeypatch, lightning):
    """Names that are let pass are still not looked up, so not even those can run."""
    calls = []
    module = sys.modules["pytorch_lightning.callbacks.model_checkpoint"]

    def gadget(path):
        calls.append(path)

    gadget.__module__, gadget.__qualname__ = module.__name__, "gadget"
    module.gadget = gadget
    content = {"state_dict": TENSORS, "callbacks": Command(str(tmp_path), gadget)}
    torch.save(content, tmp_path / "a.ckpt")
    assert read_pickle(tmp_path / "a.ckpt").keys() == TENSORS.keys()
    assert calls == []


def test_what_lightning_leaves_beside_the_tensors_is_passed_over(tmp_path, lightning):
    torch.save({"state_dict": TENSORS, **lightning}, tmp_path / "a.ckpt")
    with pytest.raises(pickle.UnpicklingError):  # what torch alone makes of it
        torch.load(tmp_path / "a.ckpt", weights_only=True)
    tensors = read_pickle(tmp_path / "a.ckpt")
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[key], TENSORS[key]) for key in TENSORS)


@pytest.mark.parametrize("zipped", [True, False], ids=["archive", "old format"])
def test_tensors_alone_and_old_files_are_read(tmp_path, zipped):
    torch.save(TENSORS, tmp_path / "a.ckpt", _use_new_zipfile_serialization=zipped)
    tensors = read_pickle(tmp_path / "a.ckpt")
    assert all(torch.equal(tensors[key], TENSORS[key]) for key in TENSORS)


@pytest.mark.parametrize("zipped", [True, False], ids=["archive", "old format"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.999])
def test_a_file_cut_short(tmp_path, zipped, share):
    torch.save({"state_dict": TENSORS}, tmp_path / "whole", _use_new_zipfile_serialization=zipped)
    content = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(content[: int(share * len(content))])
    assert "cut short or damaged" in problem(tmp_path / "cut.ckpt")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html><body>Not found</body></html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"nothing of the kind", "is no PyTorch checkpoint"),
        (b"cposix\nsystem\n(S'true'\ntR.", "is no PyTorch checkpoint"),
    ],
    ids=["empty", "web page", "git lfs", "text", "textual pickle"],
)
def test_other_files(tmp_path, content, words):
    (tmp_path / "a.ckpt").write_bytes(content)
    assert words in problem(tmp_path / "a.ckpt")


def test_safetensors(tmp_path):
    save_file(TENSORS, tmp_path / "a.safetensors")
    assert "is a safetensors file" in problem(tmp_path / "a.safetensors")
    save_file(TENSORS, tmp_path / "a.ckpt")
    assert "is a safetensors file" in problem(tmp_path / "a.ckpt")


def test_other_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("model.ckpt", b"anything")
    assert "unpack it" in problem(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "program.pt", "w") as archive:
        archive.writestr("program/data.pkl", b"anything")
        archive.writestr("program/constants.pkl", b"anything")
    assert "TorchScript" in problem(tmp_path / "program.pt")


def test_no_file_and_a_folder(tmp_path):
    assert "There is no checkpoint" in problem(tmp_path / "a.ckpt")
    assert "is a folder" in problem(tmp_path)


@pytest.mark.parametrize("content", [{"state_dict": {}}, [1, 2], {"state_dict": 3}, {"epoch": 3}])
def test_no_tensors(tmp_path, content):
    torch.save(content, tmp_path / "a.ckpt")
    assert "holds no tensors" in problem(tmp_path / "a.ckpt")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for the memory")
def test_reading_takes_no_memory(tmp_path):
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    size = 100_000_000
    torch.save({"state_dict": {"a": torch.zeros(size, dtype=torch.uint8)}}, tmp_path / "a.ckpt")
    before = resident()
    tensors = read_pickle(tmp_path / "a.ckpt")
    assert resident() - before < 0.1 * size
    assert tensors["a"].numel() == size


def test_a_filled_model_stays_mapped(tmp_path):
    save_file({"here.weight": torch.ones(3, 2), "elsewhere": torch.ones(1)}, tmp_path / "a")
    tensors = read_safetensors(tmp_path / "a", "here.")
    place = tensors["weight"].data_ptr()
    with torch.device("meta"):
        layers = [torch.nn.Linear(2, 3, bias=False) for _ in range(2)]
    model = Part("layer", layers[0], dict(tensors)).fill(torch.float32)
    assert model.weight.data_ptr() == place
    half = Part("layer", layers[1], tensors).fill(torch.float16)
    assert torch.equal(half.weight, torch.ones(3, 2, dtype=torch.float16))
    assert tensors == {}  # nothing holds on to the mapping
