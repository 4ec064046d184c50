"""The line of settings under a figure's title."""

from collections.abc import Sequence


def settings_line(
    *,
    phrase: str | None = None,
    blocks: Sequence[int] = (),
    timestep: int | None = None,
    seed: int | None = None,
) -> str:
    """The settings given, in one line: “red ball” · blocks 3, 4, 11–13 · timestep 400 · seed 0."""
    parts = []
    if phrase is not None:
        parts.append(f"“{phrase}”" if phrase else "no phrase")
    if blocks:
        parts.append(f"block{'s' * (len(blocks) > 1)} {number_ranges(blocks)}")
    if timestep is not None:
        parts.append(f"timestep {timestep}")
    if seed is not None:
        parts.append(f"seed {seed}")
    return " · ".join(parts)


def number_ranges(numbers: Sequence[int]) -> str:
    """Whole numbers in order, three or more neighbours as a range: 3, 4, 11–13."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(words)
