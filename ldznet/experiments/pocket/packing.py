"""Weights on their way from where they were trained: few files, each whole or not there."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

LARGEST = 16 * 2**20  # bytes of a file that is sure to come through


def pack(archive: Path, folders: Mapping[str, Path]) -> None:
    """Put folders, by the names they are to have, into one archive, which replaces an earlier one.

    Unpacked into `assets`, every file is where it belongs: `python -m zipfile -e FILE assets`.
    """
    fresh = archive.with_name(archive.name + ".new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name, folder in folders.items():
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    packed.write(path, f"{name}/{path.relative_to(folder).as_posix()}")
    os.replace(fresh, archive)
