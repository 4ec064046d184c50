"""Where files are kept, on a machine whose temporary folder others have used."""

import os
import tempfile

import pytest

from ldznet.ui import surroundings
from ldznet.ui.surroundings import VARIABLE, choose_file_folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The system's temporary folder, with nothing chosen by the user."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    return tmp_path


def test_by_default_files_are_kept_where_gradio_does(temporary):
    assert choose_file_folder() == temporary / "gradio"
    assert os.environ[VARIABLE] == str(temporary / "gradio")


def test_a_folder_of_ones_own_is_kept_to(temporary, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(temporary / "mine" / "files"))
    assert choose_file_folder() == temporary / "mine" / "files"
    assert list(temporary.iterdir()) == [temporary / "mine"]


def test_a_folder_of_another_user_is_left_alone(temporary, monkeypatch):
    (temporary / "gradio").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1, raising=False)
    folder = choose_file_folder()
    assert folder.parent == temporary
    assert folder.name.startswith("gradio-")
    assert os.environ[VARIABLE] == str(folder)
    assert list((temporary / "gradio").iterdir()) == []


def test_what_stands_in_the_way_of_the_folder_is_gone_around(temporary):
    (temporary / "gradio").write_text("no folder")
    assert choose_file_folder().is_dir()


def test_a_chosen_folder_that_cannot_be_written_is_one_sentence(temporary, monkeypatch):
    (temporary / "file").write_text("no folder")
    monkeypatch.setenv(VARIABLE, str(temporary / "file" / "files"))
    with pytest.raises(ValueError, match=r"^The folder that GRADIO_TEMP_DIR names .* own\.$"):
        choose_file_folder()


def test_no_writable_folder_at_all_is_one_sentence(temporary, monkeypatch):
    monkeypatch.setattr(surroundings, "_can_write", lambda folder: False)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "absent"))
    with pytest.raises(ValueError, match=r"^No temporary folder can be written; set .*\.$"):
        choose_file_folder()


@pytest.mark.parametrize("writable", [True, False])
def test_matplotlib_needs_no_home_that_can_be_written(temporary, monkeypatch, writable):
    monkeypatch.setenv("MPLCONFIGDIR", "")  # so that it is restored
    monkeypatch.delenv("MPLCONFIGDIR")
    monkeypatch.setenv("HOME", str(temporary if writable else temporary / "absent"))
    folder = choose_file_folder()
    expected = None if writable else str(folder / "matplotlib")
    assert os.environ.get("MPLCONFIGDIR") == expected
