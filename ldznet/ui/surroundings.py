"""Where the app keeps the files of its visitors, on machines that others use as well."""

import atexit
import os
import shutil
from pathlib import Path
from tempfile import TemporaryFile, gettempdir, mkdtemp

VARIABLE = "GRADIO_TEMP_DIR"  # read by gradio whenever it keeps a file


def choose_file_folder() -> Path:
    """The folder that gradio keeps files in from now on; it is there and can be written.

    The one that `GRADIO_TEMP_DIR` names, else gradio's own, `gradio` in the system's temporary
    folder, else, where another user came first, a new one that is removed when the app ends.
    Without a home that can be written, matplotlib keeps its fonts there too, rather than complain.
    Raises ValueError with one sentence where none can be written.
    """
    folder = _choose_folder()
    os.environ[VARIABLE] = str(folder)
    if not os.access(os.path.expanduser("~"), os.W_OK):
        os.environ.setdefault("MPLCONFIGDIR", str(folder / "matplotlib"))
    return folder


def _choose_folder() -> Path:
    if chosen := os.environ.get(VARIABLE):
        if not _can_write(Path(chosen)):
            raise ValueError(
                f"The folder that {VARIABLE} names cannot be written; set it to one of your own."
            )
        return Path(chosen)
    try:
        folder = Path(gettempdir()) / "gradio"
        if not (_can_write(folder) and _is_own(folder)):
            folder = Path(mkdtemp(prefix="gradio-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
    except OSError as error:
        raise ValueError(
            f"No temporary folder can be written; set {VARIABLE} to a folder of your own."
        ) from error
    return folder


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _is_own(folder: Path) -> bool:
    """Whether the folder is this user's: what another left inside could not be replaced."""
    user = getattr(os, "geteuid", None)  # not on Windows, where each user has temporary folders
    return user is None or folder.stat().st_uid == user()
