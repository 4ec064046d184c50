"""`ldznet convert`: an official checkpoint, once, to safetensors and configurations."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ldznet.results.records import (
    check_output_folder,
    command_line,
    whole_folder,
    write_result,
)

if TYPE_CHECKING:
    from ldznet.checkpoints.convert import Conversion

SUMMARY = "Convert an official checkpoint (.ckpt) to folders of safetensors, running nothing in it."
REPORT = "conversion.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet convert`."""
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="OFFICIAL.ckpt",
        help="of LD-ZNet, or of a plain Stable Diffusion 1.x; its tensors are read, nothing else",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="new or empty")
    parser.add_argument(
        "--tokenizer",
        type=Path,
        metavar="FOLDER",
        help="with CLIP's tokenizer, which a checkpoint lacks: that of any Stable Diffusion 1.x",
    )
    parser.set_defaults(positional=("checkpoint", "folder"))


def run(arguments: argparse.Namespace) -> None:
    """Convert and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_output_folder(arguments.folder)

    # Imported here: it takes seconds, which `--help` and a mistyped option need not wait for.
    from ldznet.checkpoints.convert import convert
    from ldznet.networks import NETWORKS

    with whole_folder(arguments.folder) as folder:
        conversion = convert(arguments.checkpoint, folder, NETWORKS, arguments.tokenizer)
        report = {
            "checkpoint": arguments.checkpoint.name,
            "bytes": arguments.checkpoint.stat().st_size,
            "written": conversion.written,
            "averaged": conversion.averaged,
            "missing": conversion.missing,
            "unused": conversion.unused,
        }
        write_result(folder / REPORT, command_line(arguments), report)
    print(_summary(conversion, arguments.folder))


def _summary(conversion: "Conversion", folder: Path) -> str:
    from ldznet.checkpoints.file import listed

    lines = [f"Written to {folder}"]
    for name, part in conversion.written.items():
        millions = part["parameters"] / 1e6
        lines.append(
            f"  {name}: {part['tensors']} tensors, {millions:.1f} M numbers, {part['precision']}"
        )
        if conversion.averaged and not name.startswith("backbone/"):
            lines[-1] += f"; {conversion.averaged} tensors are the averages of the training"
    lines += [f"Missing {name}: {why}" for name, why in conversion.missing.items()]
    for reason, keys in conversion.unused.items():
        lines.append(f"Not taken over ({reason}), {len(keys)} tensors: {listed(keys)}")
    lines.append(f"Every name is in {folder / REPORT}")
    return "\n".join(lines)
