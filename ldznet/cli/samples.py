"""`ldznet samples`: how often pocket draws what it is asked for, as JSON, a table and a sheet."""

import argparse
from pathlib import Path

from ldznet.cli.options import add_result_file
from ldznet.results.records import check_result_path, write_result

SUMMARY = "Draw held-out prompts in every style and count what a checker sees in them."
THINGS = (1, 2)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet samples`."""
    parser.add_argument("--count", type=int, default=400, help="prompts of each style")
    parser.add_argument("--steps", type=int, default=30, help="of the sampler")
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--backbone", type=Path, default=Path("assets/pocket"), help="a folder")
    parser.add_argument("--checker", type=Path, default=Path("assets/checker"), help="a folder")
    parser.add_argument("--sheet", type=Path, help="a PNG: the first pictures of every style")
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Draw, judge, write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    if arguments.count < 2:
        raise ValueError(f"Ask for at least 2 prompts of each style; got {arguments.count}.")

    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    import numpy as np
    from PIL import Image
    from tqdm import tqdm

    from ldznet.backbone import LatentDiffusion
    from ldznet.data.shapes import STYLES
    from ldznet.experiments.checking import load_checker
    from ldznet.experiments.checking.samples import FIRST, diversity, score_drawn, score_samples

    checker = load_checker(arguments.checker)
    backbone = LatentDiffusion.from_pretrained(arguments.backbone)
    sampler = {"steps": arguments.steps, "guidance": arguments.guidance}
    share = arguments.count // len(THINGS)
    drawn: dict[str, dict] = {}
    generated: dict[str, dict] = {}
    shown = []
    for style in tqdm(STYLES, disable=None):
        drawn[style] = {str(n): score_drawn(checker, style, n, share) for n in THINGS}
        generated[style] = {}
        for things in THINGS:
            score, first = score_samples(backbone, checker, style, things, share, **sampler)
            generated[style][str(things)] = score
            shown.append(np.hstack(list(first[:12])))
            tqdm.write(
                f"{style}, {things} asked: categories {100 * score['categories']:.0f} %, with "
                f"colours {100 * score['objects']:.0f} %, exactly {100 * score['exactly']:.0f} %"
            )
    if arguments.sheet:
        Image.fromarray(np.vstack(shown)).save(arguments.sheet)
    result = {
        "seeds": f"test scenes from {FIRST} on; noise by the number of a batch's first",
        "generated": generated,
        "drawn": drawn,
        "diversity": diversity(backbone, prompts=8, copies=8, **sampler),
    }
    write_result(arguments.output, arguments, result)
    print(f"Written to {arguments.output}")
