"""Options that several commands share, worded once, and the models that they name."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ldznet.backbone import LatentDiffusion
    from ldznet.pipeline import Segmenter

# What `--network` may name; "all" are those that run without being fetched.
WHOSE = "rgbnet, znet, ldznet, attention (untrained), clipseg (fetched), or all of ours"

TIMESTEP = 400  # of the deterministic recipe


def add_backbone(parser: argparse.ArgumentParser) -> None:
    """`--backbone`, `--device` and `--precision`, as `load_backbone` takes them."""
    parser.add_argument(
        "--backbone", default="pocket", help="pocket, a folder, a .safetensors file, or a hub id"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument(
        "--precision",
        default="auto",
        help="auto, float32, bfloat16, float16 (see docs/stable-diffusion.md)",
    )


def add_models(parser: argparse.ArgumentParser) -> None:
    """The backbone's options and `--networks`, as `open_segmenter` reads them."""
    add_backbone(parser)
    parser.add_argument("--networks", help="folder or hub id of networks trained on the backbone")


def open_segmenter(
    arguments: argparse.Namespace, names: Sequence[str] | None = None
) -> "Segmenter":
    """The segmenter of the options of `add_models`; errors as `Segmenter.from_pretrained`."""
    # Imported here: it takes seconds, which `--help` and a mistyped option need not wait for.
    from ldznet.pipeline import Segmenter

    segmenter = Segmenter.from_pretrained(
        arguments.backbone,
        networks=arguments.networks,
        names=names,
        device=arguments.device,
        precision=arguments.precision,
    )
    _print_remarks(segmenter.backbone)
    return segmenter


def open_backbone(arguments: argparse.Namespace) -> "LatentDiffusion":
    """The backbone of the options of `add_backbone`; errors as `load_backbone`."""
    from ldznet.pipeline import load_backbone

    backbone = load_backbone(
        arguments.backbone, device=arguments.device, precision=arguments.precision
    )
    _print_remarks(backbone)
    return backbone


def _print_remarks(backbone: "LatentDiffusion") -> None:
    """On stderr, as stdout may be JSON."""
    for remark in backbone.remarks:
        print("ldznet:", remark, file=sys.stderr)


def add_noise(parser: argparse.ArgumentParser) -> None:
    """`--seed` and `--timestep` of the noise under which the features are read."""
    parser.add_argument("--seed", type=int, default=0, help="of the noise added to the latents")
    parser.add_argument("--timestep", type=int, default=TIMESTEP, help="0 to 999; how much noise")


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """`--recipe` and `--ensemble`, as `compare` takes them; after `add_noise`."""
    parser.add_argument(
        "--recipe",
        default="deterministic",
        help="deterministic, or official: the official random inference, drawn from the seed",
    )
    parser.add_argument(
        "--ensemble", type=int, default=1, metavar="K", help="mean of K readings, 1 to 16"
    )
    parser.set_defaults(timestep=None)  # the official recipe draws it unless it is given


def settle_timestep(arguments: argparse.Namespace) -> None:
    """Have the deterministic recipe's own timestep in the options, so that results name it."""
    if arguments.timestep is None and arguments.recipe == "deterministic":
        arguments.timestep = TIMESTEP


def add_masks(parser: argparse.ArgumentParser) -> None:
    """`--network` and `--threshold`: whose masks are written."""
    parser.add_argument("--network", default="ldznet", help=WHOSE)
    parser.add_argument("--threshold", type=float, default=0.5, help="probability, 0 to 1")


def check_threshold(threshold: float) -> None:
    """Raises ValueError unless it is a probability."""
    if not 0 <= threshold <= 1:
        raise ValueError(f"The threshold is a probability, 0 to 1; got {threshold}.")


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """`--steps` and `--guidance` of the sampler, as `generate` takes them."""
    parser.add_argument("--steps", type=int, default=30, help="1 to 100 denoising steps")
    parser.add_argument("--guidance", type=float, default=4.0, help="1 to 30; 1 is none")


def add_result_file(parser: argparse.ArgumentParser) -> None:
    """`--output` of a command that writes one JSON file."""
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.json")


def add_output_folder(parser: argparse.ArgumentParser) -> None:
    """`--output` of a command that writes a folder (see `results.records`)."""
    parser.add_argument("--output", type=Path, required=True, help="new or empty folder")
