"""The pointing game: does a noun's cross-attention peak inside the thing it names?

After Zhang et al., "Top-down neural attention by excitation backprop" (ECCV 2016): a map
scores where its maximum lies inside the true mask. Played on scenes of the drawn world that no
training saw.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from ldznet.backbone import LatentDiffusion
from ldznet.blocks import BLOCKS
from ldznet.data.shapes import SPLITS, caption, draw_scene
from ldznet.data.shapes.language import plural
from ldznet.images import to_pixels
from ldznet.inspection.unet import resize
from ldznet.results.options import add_backbone, add_result_file, open_backbone
from ldznet.results.records import check_result_path, command_line, write_result
from ldznet.types import Reading

TIMESTEPS = (50, 100, 150, 200, 300, 400, 500, 600, 700, 850)
BATCH = 25  # scenes in one pass


def _blocks_where(stride: int, way: str) -> tuple[int, ...]:
    return tuple(
        number
        for number, block in BLOCKS.items()
        if block.stride == stride and block.path.startswith(way)
    )


# Whose maps are averaged, as `inspection.attention_words` does: single blocks, and groups of them.
GROUPS: dict[str, tuple[int, ...]] = {
    **{f"block {number}": (number,) for number in BLOCKS},
    **{
        f"{way}, stride {stride}": _blocks_where(stride, way)
        for way in ("down", "up")
        for stride in (1, 2, 4)
    },
    **{f"stride {stride}": _blocks_where(stride, "") for stride in (1, 2, 4)},
    "all blocks": tuple(BLOCKS),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment pointing`."""
    parser.add_argument("--count", type=int, default=300, help="test scenes, at least 2")
    parser.add_argument("--timesteps", type=int, nargs="+", help="by default ten from 50 to 850")
    add_backbone(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Play and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
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
    write_result(arguments.output, command_line(arguments), result)
    print(f"Written to {arguments.output}")


@dataclass(frozen=True)
class Target:
    """One thing to point at, and the two texts that name it."""

    image: np.ndarray  # (H, W, 3) uint8
    mask: np.ndarray  # (H, W) bool: all objects that the phrase names
    phrase: str  # "red car"
    caption: str  # the whole scene's
    nouns: Mapping[str, tuple[int, ...]]  # text -> which of its words (from 0) are the noun


@dataclass(frozen=True)
class Game:
    """Whether each map's maximum lay inside its mask."""

    hits: Mapping[str, np.ndarray]  # "phrase" or "caption" -> (targets, groups, timesteps) bool
    timesteps: tuple[int, ...]
    chance: float  # mean share of the picture that a mask covers: a random pixel's rate
    centre: float  # how often the middle of the picture lies inside the mask


@dataclass(frozen=True)
class Choice:
    """The setting that pointed best on one half of the scenes, and its rate on the other half."""

    group: str
    blocks: tuple[int, ...]
    timestep: int
    chosen_at: float  # hit rate on the scenes of even number, by which it was chosen
    held_out: float  # hit rate on the scenes of odd number
    standard_error: float  # of the latter


def draw_targets(count: int) -> list[Target]:
    """A target in each of the first `count` test scenes, of one to four objects, styles mixed."""
    return [_draw_target(number) for number in range(count)]


def _draw_target(number: int) -> Target:
    scene = draw_scene(number)
    thing = scene.objects[number % len(scene.objects)]
    named = [
        each.mask
        for each in scene.objects
        if (each.colour, each.category) == (thing.colour, thing.category)
    ]
    phrase, prompt = f"{thing.colour} {thing.category}", caption(scene)
    words = prompt.split()
    nouns = tuple(
        place
        for place, pair in enumerate(pairwise(words), start=1)
        if pair in {(thing.colour, thing.category), (thing.colour, plural(thing.category))}
    )
    mask = np.logical_or.reduce(named)
    return Target(scene.image, mask, phrase, prompt, {phrase: (1,), prompt: nouns})


def play(
    backbone: LatentDiffusion,
    targets: Sequence[Target],
    timesteps: Sequence[int] = TIMESTEPS,
) -> Game:
    """The game with both texts, every group of blocks and every timestep.

    The noise on the first target is of seed 0, on the next of seed 1, and so on.
    """
    hits = {
        text: np.zeros((len(targets), len(GROUPS), len(timesteps)), bool)
        for text in ("phrase", "caption")
    }
    for start in range(0, len(targets), BATCH):
        chosen = targets[start : start + BATCH]
        numbers = range(start, start + len(chosen))
        pixels = to_pixels(np.stack([target.image for target in chosen]))
        latents = backbone.encode_image(pixels)
        noise = torch.cat([backbone.draw_noise(latents[:1].shape, number) for number in numbers])
        for column, timestep in enumerate(timesteps):
            noisy = backbone.add_noise(latents, timestep, noise)
            for text, inside in hits.items():
                maps = _noun_maps(backbone, noisy, timestep, chosen, text)
                for row, group in enumerate(GROUPS.values()):
                    mean = np.mean([maps[block] for block in group], axis=0)
                    inside[numbers, row, column] = _point(mean, chosen)
    masks = np.stack([target.mask for target in targets])
    height, width = masks.shape[1:]
    return Game(
        hits, tuple(timesteps), float(masks.mean()), float(masks[:, height // 2, width // 2].mean())
    )


@torch.no_grad()
def _noun_maps(
    backbone: LatentDiffusion,
    noisy: torch.Tensor,
    timestep: int,
    targets: Sequence[Target],
    text: str,
) -> dict[int, np.ndarray]:
    """Block -> (targets, h, w) the nouns' maps on the latents' grid, from one pass for all."""
    texts = [getattr(target, text) for target in targets]
    tokens = [
        _noun_tokens(backbone, each, target) for each, target in zip(texts, targets, strict=True)
    ]
    reading = Reading(attention=tuple(BLOCKS), kinds=("cross",))
    recording = backbone.read(noisy, backbone.encode_text(texts), reading, timestep=timestep)
    height, width = noisy.shape[-2:]
    maps = {}
    for number, block in BLOCKS.items():
        attention = recording.attention[timestep, number, "cross"].cpu()  # (targets, cells, tokens)
        rows = [each[:, chosen].mean(dim=1) for each, chosen in zip(attention, tokens, strict=True)]
        grid = torch.stack(rows).unflatten(1, (height // block.stride, width // block.stride))
        maps[number] = resize(grid.numpy(), (height, width))
    return maps


def _noun_tokens(backbone: LatentDiffusion, text: str, target: Target) -> list[int]:
    """Which tokens of a text, counted from the start token, spell its noun."""
    lengths = [
        len(backbone.tokenizer(word, add_special_tokens=False).input_ids) for word in text.split()
    ]
    starts = np.cumsum([1, *lengths])
    return [token for word in target.nouns[text] for token in range(starts[word], starts[word + 1])]


def _point(maps: np.ndarray, targets: Sequence[Target]) -> np.ndarray:
    """(targets,) bool: whether each map's maximum, enlarged to the picture, is inside the mask."""
    masks = np.stack([target.mask for target in targets])
    peaks = resize(maps.astype(np.float32), masks.shape[1:]).reshape(len(maps), -1).argmax(axis=1)
    return masks.reshape(len(masks), -1)[np.arange(len(masks)), peaks]


def choose(game: Game, text: str = "phrase") -> Choice:
    """The best setting on the even scenes, judged on the odd; the first of equals is taken."""
    hits = game.hits[text]
    even = hits[::2].mean(axis=0)  # (groups, timesteps)
    group, column = np.unravel_index(even.argmax(), even.shape)
    held_out = hits[1::2, group, column]
    name = list(GROUPS)[group]
    rate = float(held_out.mean())
    return Choice(
        group=name,
        blocks=GROUPS[name],
        timestep=game.timesteps[column],
        chosen_at=float(even[group, column]),
        held_out=rate,
        standard_error=float((rate * (1 - rate) / len(held_out)) ** 0.5),
    )


def _rates(game: Game, text: str) -> dict[str, list[float]]:
    """Group of blocks -> a rate per timestep, all scenes together."""
    means = game.hits[text].mean(axis=0).round(4).tolist()  # (groups, timesteps)
    return dict(zip(GROUPS, means, strict=True))


def _table(game: Game, choice: Choice) -> str:
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
