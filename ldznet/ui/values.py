"""Numbers as visitors and clients send them: judged here, so that each gets one sentence."""

import math
from typing import TypeGuard, TypeVar

from gradio.components import Component

Kind = TypeVar("Kind", bound=Component)


def as_sent(component: Kind) -> Kind:
    """The component, handing on its value unread: gradio's own complaints name no control."""
    # Not in a subclass: gradio writes a .pyi file beside the source of any it meets.
    component.preprocess = lambda payload: payload  # type: ignore[method-assign]
    return component


def read_whole(name: str, value: object) -> int:
    """The whole number called `name`; 3.0 is one. Raises ValueError for anything else."""
    if not is_number(value) or value != int(value):
        got = f"; got {value}" if is_number(value) else ""
        raise ValueError(f"Give the {name} as a whole number{got}.")
    return int(value)


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -math.inf < value < math.inf
