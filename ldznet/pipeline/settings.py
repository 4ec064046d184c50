"""How a picture is to be read, whatever the phrases."""

from dataclasses import dataclass

from ldznet.backbone.ldm import check_seed
from ldznet.phrases import check_template

RECIPES = ("deterministic", "official")
DETERMINISTIC, OFFICIAL = RECIPES
MAX_ENSEMBLE = 16


@dataclass(frozen=True)
class Settings:
    """What a segmentation depends on beside picture, phrases and networks.

    Raises ValueError in one sentence for a value out of range. How late a timestep may be is the
    backbone's to say (`LatentDiffusion.check_timestep`).
    """

    seed: int = 0  # of all noise, 0 to 2**63 - 1
    # Where the diffusion model is read, 0 to 999; None: where the recipe says, which is 400 or,
    # in the official one, drawn from 300 to 499 for every phrase.
    timestep: int | None = None
    # Words around the phrase, which stands for the one "{}"; None: those of the segmenter or, in
    # the official recipe, drawn for every phrase.
    template: str | None = None
    recipe: str = DETERMINISTIC  # one of RECIPES
    ensemble: int = 1  # how many readings the probabilities are the mean of, 1 to 16

    def __post_init__(self) -> None:
        """Check all that can be checked without a backbone."""
        if self.recipe not in RECIPES:
            choices = ", ".join(RECIPES)
            raise ValueError(f"There is no recipe '{self.recipe}'; choose from {choices}.")
        check_seed(self.seed)
        if not 1 <= self.ensemble <= MAX_ENSEMBLE:
            raise ValueError(
                f"An ensemble has from 1 to {MAX_ENSEMBLE} members; got {self.ensemble} "
                "(1 is none)."
            )
        if self.template is not None:
            check_template(self.template)
