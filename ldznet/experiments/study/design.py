"""Which networks are trained for the study, on how many masks, and with what changed."""

from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal, get_args

from ldznet.networks import NETWORKS

MASKS = (500, 2000, 8000)  # photo-style scenes with masks
SEEDS = (0, 1, 2)
TIMESTEPS = (50, 100, 200, None, 700)  # None: the recipe's, 400
RATES = (1e-3, 2e-3, 4e-3)
FUSION_SHARES = (0.1, None, 1.0)  # of the learning rate; None: the recipe's

Start = Literal["backbone", "scratch"]
STARTS: tuple[Start, ...] = ("backbone", "scratch")
Part = Literal["rates", "tuned", "timesteps", "main", "control", "fusion", "negatives"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Trial:
    """One network trained once. All but what a trial names is the same for every trial."""

    network: str
    masks: int = MASKS[-1]  # scenes, of which every phrase has a mask
    seed: int = 0  # of the scenes, the batches and the new weights
    start: Start = "backbone"  # the U-Net's weights wherever shapes match, or none
    timestep: int | None = None  # where the LDM is read; None: the study's own
    learning_rate: float | None = None  # None: the recipe's
    fusion_share: float | None = None  # of the rate, for what ZNet has not; None: the recipe's
    absent: bool = True  # whether some phrases name nothing, with an empty mask

    @property
    def name(self) -> str:
        """What it is, fit for a file name."""
        parts = [self.network, str(self.masks), f"seed{self.seed}", self.start]
        if self.timestep is not None:
            parts.append(f"t{self.timestep}")
        if self.learning_rate is not None:
            parts.append(f"rate{self.learning_rate:g}")
        if self.fusion_share is not None:
            parts.append(f"fusion{self.fusion_share:g}")
        if not self.absent:
            parts.append("present")
        return "-".join(parts)


def trials_of(part: Part) -> tuple[Trial, ...]:
    """The trials of a part, in the order in which they are run, with every network there is."""
    networks = tuple(NETWORKS)
    match part:
        case "rates":
            return tuple(
                Trial(network, 2000, learning_rate=rate)
                for rate, network in product(RATES, networks)
            )
        case "tuned":  # whether the rate that LD-ZNet's search prefers is better at full length
            return tuple(Trial("ldznet", learning_rate=rate) for rate in (None, 2e-3))
        case "timesteps":  # from scratch, where LD-ZNet's features are worth most to it
            return tuple(
                Trial("ldznet", start="scratch", timestep=timestep) for timestep in TIMESTEPS
            )
        case "main":  # most masks first, then fewest: cut short, it still shows their worth
            return tuple(
                Trial(network, masks, seed)
                for masks, seed, network in product((MASKS[-1], *MASKS[:-1]), SEEDS, networks)
            )
        case "control":
            return tuple(
                Trial(network, seed=seed, start="scratch")
                for seed, network in product(SEEDS[:2], networks)
            )
        case "fusion":
            return (
                *(
                    Trial("ldznet", start=start, fusion_share=share)
                    for start, share in product(STARTS, FUSION_SHARES)
                ),
                Trial("ldznet", seed=1, start="scratch"),  # where features are worth most
            )
        case "negatives":
            return tuple(
                Trial(network, absent=absent)
                for absent, network in product((True, False), networks)
            )


def pairs() -> list[tuple[str, str]]:
    """Each network with every one before it, which it is said to be better than."""
    return [(network, over) for over, network in combinations(NETWORKS, 2)]
