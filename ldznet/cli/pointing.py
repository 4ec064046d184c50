"""`ldznet pointing`: how often a noun's attention peaks on the thing it names, as JSON."""

import argparse
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from ldznet.cli.options import add_backbone, add_result_file, open_backbone
from ldznet.results.records import check_result_path, write_result

if TYPE_CHECKING:
    from ldznet.experiments.pointing import Choice, Game

SUMMARY = "Play the pointing game with every block and timestep; write the hit rates as JSON."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet pointing`."""
    parser.add_argument("--count", type=int, default=300, help="test scenes, at least 2")
    parser.add_argument("--timesteps", type=int, nargs="+", help="by default ten from 50 to 850")
    add_backbone(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Play and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)

    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    from ldznet.data.shapes import SPLITS
    from ldznet.experiments.pointing import GROUPS, TIMESTEPS, choose, draw_targets, play

    if not 2 <= arguments.count <= SPLITS["test"][1]:
        raise ValueError(f"Play with 2 to {SPLITS['test'][1]} scenes (--count).")
    timesteps = arguments.timesteps or TIMESTEPS
    backbone = open_backbone(arguments)
    for timestep in timesteps:
        backbone.check_timestep(timestep)
    start = perf_counter()
    game = play(backbone, draw_targets(arguments.count), timesteps)
    seconds = perf_counter() - start
    choice = choose(game)
    print(_table(game, choice))
    result = {
        "backbone": Path(arguments.backbone).name,
        "scenes": arguments.count,
        "seeds": "test scenes from 0 on; noise by their numbers",
        "seconds": round(seconds, 1),
        "chance": game.chance,
        "centre": game.centre,
        "timesteps": list(game.timesteps),
        "groups": {name: list(blocks) for name, blocks in GROUPS.items()},
        "hit_rates": {text: _rates(game, text) for text in game.hits},
        "choice": asdict(choice),
    }
    write_result(arguments.output, arguments, result)
    print(f"Written to {arguments.output}")


def _rates(game: "Game", text: str) -> dict[str, list[float]]:
    """Group of blocks -> a rate per timestep, all scenes together."""
    from ldznet.experiments.pointing import GROUPS

    means = game.hits[text].mean(axis=0).round(4).tolist()  # (groups, timesteps)
    return dict(zip(GROUPS, means, strict=True))


def _table(game: "Game", choice: "Choice") -> str:
    """A row per group of blocks and a column per timestep, in per cent, for each text."""
    lines = [
        f"In per cent; a random pixel {100 * game.chance:.1f}, the middle {100 * game.centre:.1f}."
    ]
    for text in game.hits:
        heads = "".join(f"{timestep:>6}" for timestep in game.timesteps)
        lines += ["", f"{text:<16}{heads}"]
        for group, rates in _rates(game, text).items():
            lines.append(f"{group:<16}" + "".join(f"{100 * rate:6.1f}" for rate in rates))
    lines += [
        "",
        f"Best for phrases on the even scenes: {choice.group}, timestep {choice.timestep}, "
        f"{100 * choice.chosen_at:.1f}; on the odd scenes {100 * choice.held_out:.1f} "
        f"± {100 * choice.standard_error:.1f}.",
    ]
    return "\n".join(lines)
