"""Which networks are trained for the study, on how many masks, and with what changed."""

from dataclasses import dataclass
from itertools import product
from typing import Literal

NETWORKS = ("rgbnet", "znet", "ldznet")  # by name: the command line reads this before any library
MASKS = (500, 2000, 8000)  # photo-style scenes with masks
SEEDS = (0, 1, 2)
TIMESTEPS = (50, 100, 200, None, 700)  # None: the recipe's, 400
RATES = (1e-3, 2e-3, 4e-3)
FUSION_SHARES = (None, 0.3, 1.0)  # of the learning rate; None: the recipe's

Start = Literal["backbone", "scratch"]
STARTS: tuple[Start, ...] = ("backbone", "scratch")
Part = Literal["rates", "tuned", "main", "control", "fusion", "timesteps", "negatives"]


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


# Most masks first, then fewest: a study cut short still shows what masks are worth.
MAIN = tuple(
    Trial(network, masks, seed)
    for masks, seed, network in product((MASKS[-1], *MASKS[:-1]), SEEDS, NETWORKS)
)
PARTS: dict[Part, tuple[Trial, ...]] = {
    "rates": tuple(
        Trial(network, 2000, learning_rate=rate) for rate, network in product(RATES, NETWORKS)
    ),
    # Whether the rate that LD-ZNet's search prefers is better at full length, too.
    "tuned": tuple(Trial("ldznet", learning_rate=rate) for rate in (None, 2e-3)),
    # From scratch and at the rate where its features are worth most to it.
    "timesteps": tuple(
        Trial("ldznet", start="scratch", timestep=timestep, fusion_share=0.3)
        for timestep in TIMESTEPS
    ),
    "main": MAIN,
    "control": tuple(
        Trial(network, seed=seed, start="scratch") for seed, network in product(SEEDS[:2], NETWORKS)
    ),
    "fusion": (
        *(
            Trial("ldznet", start=start, fusion_share=share)
            for start, share in product(STARTS, FUSION_SHARES)
        ),
        Trial("ldznet", seed=1, start="scratch", fusion_share=0.3),  # where features are used
    ),
    "negatives": tuple(
        Trial(network, absent=absent) for absent, network in product((True, False), NETWORKS)
    ),
}
