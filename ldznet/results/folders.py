"""Output folders: written whole or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_output_folder(output: Path) -> None:
    """Raises ValueError unless a new or empty folder fits there; asked before the work."""
    if output.exists() and not output.is_dir():
        raise ValueError(f"The output '{output}' is a file; name a folder.")
    if output.is_dir() and any(output.iterdir()):
        raise ValueError(f"The output folder '{output}' is not empty; name a new one.")
    if not output.absolute().parent.is_dir():
        raise ValueError(f"The folder to hold the output '{output}' does not exist; make it first.")


@contextmanager
def whole_folder(output: Path) -> Iterator[Path]:
    """A scratch folder that becomes `output` at the end; on failure nothing of it is left."""
    output = output.absolute()
    with tempfile.TemporaryDirectory(prefix=".ldznet-", dir=output.parent) as scratch:
        folder = Path(scratch) / "output"
        folder.mkdir()
        yield folder
        if output.exists():
            output.rmdir()
        folder.rename(output)
