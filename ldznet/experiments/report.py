"""Tables and charts of the documents from the files in `assets/benchmarks`, none typed by hand."""

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldznet.experiments.study.sets import KINDS, PHOTO, VALIDATION
from ldznet.figures.charts import Curve, draw_curves
from ldznet.networks import BASELINES, NETWORKS, Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Group = Mapping[str, Any]  # one group of trials of study.json

MEASURES = ("mean_iou", "foreground_iou", "average_precision")

# The columns of the study's tables: a heading, and the set and measure under it.
MAIN = {
    PHOTO: (PHOTO, "mean_iou"),
    "unseen styles": ("unseen styles", "mean_iou"),
    "novel category": ("novel", "mean_iou of novel category"),
    "novel pair": ("novel", "mean_iou of novel pair"),
    "redrawn": ("redrawn", "mean_iou"),
    "imagined": ("imagined", "mean_iou"),
    "false alarm": ("absent", "false_alarm"),
}
RATES = {VALIDATION: (VALIDATION, "mean_iou")}  # what they are chosen by
BY_KIND = {kind: (PHOTO, f"mean_iou of {kind}") for kind in KINDS}
RANKING = {
    name: (name, "average_precision")
    for name in (PHOTO, "unseen styles", "novel", "redrawn", "imagined")
}
ABLATED = {
    f"{name}, {title}": (name, measure)
    for name in (PHOTO, "novel")
    for title, measure in (("mIoU", "mean_iou"), ("AP", "average_precision"))
}
AS_ASKED = {"as asked": "objects", "and nothing else": "exactly"}  # of a prompt's things
SHOWN = (PHOTO, "unseen styles", "novel category", "redrawn")  # panels of a chart
OF_FEATURES = ("fusion", "timesteps")  # parts about what LD-ZNet's features are worth
# What LD-ZNet is given for features: how a row says it, and how the sets' names do.
FEATURES = {
    "as they are": "",
    "zeroed": ", features zeroed",
    "another picture's": ", features shuffled",
}
# What trials differ in: a heading, and what it says of one.
Difference = tuple[str, Callable[[Group], str]]
RATE: Difference = ("rate", lambda group: f"{group['config']['learning_rate']:g}")
DIFFERENCES: dict[str, Difference] = {  # by part
    "rates": RATE,
    "tuned": RATE,
    "timesteps": ("timestep", lambda group: str(group["trial"]["timestep"])),
    "fusion": (
        "start, fusion's share of the rate",
        lambda group: f"{group['trial']['start']}, {group['trial']['fusion_share']:g}",
    ),
    "control": ("start", lambda group: group["trial"]["start"]),
    "negatives": ("absent phrases", lambda group: "some" if group["trial"]["absent"] else "none"),
    "main": ("scenes with masks", lambda group: str(group["trial"]["masks"])),
}


_MARKED = re.compile(
    r"(?P<start><!-- table (?P<name>[a-z ]+) -->\n).*?(?P<end><!-- end of table -->)", re.DOTALL
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment report`."""
    parser.add_argument("--results", type=Path, default=Path("assets/benchmarks"))
    parser.add_argument("--root", type=Path, default=Path(), help="the folder of README.md")


def run(arguments: argparse.Namespace) -> None:
    """Write what changed; raises ValueError with one sentence where results are missing."""
    files = sorted(arguments.results.glob("*.json"))
    if not files:
        raise ValueError(f"There are no results in '{arguments.results}'; run the measurements.")
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}
    tables = build_tables(results)
    for path in documents(arguments.root):
        path.write_text(fill(path.read_text(encoding="utf-8"), tables), encoding="utf-8")
        print(f"Written to {path.relative_to(arguments.root)}")
    parts = results.get("study", {}).get("parts", {})
    for part, along, draw in (
        ("main", "masks", masks_chart),
        ("timesteps", "timestep", timesteps_chart),
    ):
        if len({group["trial"][along] for group in parts.get(part, ())}) > 1:  # else no curve
            draw(results["study"]).savefig(arguments.root / "docs" / f"study-{part}.png")
            print(f"Written to docs/study-{part}.png")


def documents(root: Path) -> list[Path]:
    """The Markdown files of a folder, its `docs` and `assets` that have places for tables."""
    files = [
        path for place in ("", "docs", "assets") for path in sorted((root / place).glob("*.md"))
    ]
    return [path for path in files if _MARKED.search(path.read_text(encoding="utf-8"))]


def fill(document: str, tables: Mapping[str, str]) -> str:
    """The document with the table of its name in every marked place.

    A place looks like `<!-- table NAME -->`, lines, `<!-- end of table -->`. Raises ValueError for
    a name without a table.
    """

    def replace(place: re.Match[str]) -> str:
        name = place["name"]
        if name not in tables:
            raise ValueError(f"There is no table '{name}'; there are {', '.join(sorted(tables))}.")
        return f"{place['start']}{tables[name]}\n{place['end']}"

    return _MARKED.sub(replace, document)


def build_tables(results: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Every table that the results allow, by name; `results` holds files of
    `assets/benchmarks` by their names without ending.
    """
    tables = {}
    if "pocket" in results:
        tables["styles"] = styles(results["pocket"])
    if "samples" in results:
        tables["samples"] = samples(results["samples"])
    if "trials" in results:
        tables["trials"] = recipe_trials(results["trials"])
    if "reconstruction" in results:
        tables["reconstruction"] = reconstruction(results["reconstruction"])
    if "study" in results:
        study = results["study"]
        for part in study["parts"]:
            tables[part] = (ablations if part in OF_FEATURES else trials)(study, part)
        tables |= {"ranking": ranking(study), "kinds": kinds(study), "margins": margins(study)}
        tables["ablations"] = ablations(study, "main")
        tables["generated"] = generated(study)
    return tables


def styles(scored: Mapping[str, Any]) -> str:
    """A row per style of `pocket.json`: mIoU / IoU_FG / AP in per cent of every network."""
    sets = scored["sets"]
    names = [name for name in next(iter(sets.values()))["scores"] if name != "nothing"]  # all 0
    rows = []
    for style, scores in sets.items():
        overall = [scores["scores"][name]["overall"] for name in names]
        cells = [" / ".join(f"{100 * each[one]:.1f}" for one in MEASURES) for each in overall]
        rows.append([style, *cells])
    known = titles()
    return table(["test style", *(known.get(name, name) for name in names)], rows)


def samples(judged: Mapping[str, Any]) -> str:
    """A row per style of `samples.json`: what came out as asked, in per cent of the prompts.

    The last two columns are of drawn scenes: what the checker itself gets right.
    """
    rows = []
    for style, generated in judged["generated"].items():
        shares = [generated[things][what] for things in ("1", "2") for what in AS_ASKED.values()]
        shares += [judged["drawn"][style][things]["objects"] for things in ("1", "2")]
        rows.append([style, *(f"{100 * share:.1f}" for share in shares)])
    columns = [f"{things}, {what}" for things in ("one thing", "two") for what in AS_ASKED]
    return table(["style", *columns, "checker, one thing", "checker, two"], rows)


def recipe_trials(trained: Mapping[str, Any]) -> str:
    """A row per variant of `trials.json`: samples seen, loss, and what it draws, in per cent."""
    rows = []
    for name, each in trained["trials"].items():
        shares = [f"{100 * each[what]:.0f}" for what in ("colour", "thing")]
        counts = [f"{each['parameters'] / 1e6:.1f} M", f"{each['samples']:,}"]
        minutes = f"{each['variant']['minutes']:g}"
        rows.append([name, minutes, *counts, f"{each['loss']:.4f}", *shares])
    return table(["variant", "minutes", "U-Net", "samples", "loss", "colour", "thing"], rows)


def reconstruction(measured: Mapping[str, Any]) -> str:
    """A row per style of `reconstruction.json`: PSNR in dB of pictures decoded again."""
    rows = [
        [style, f"{each['mean']:.1f}", f"{each['least']:.1f}"]
        for style, each in measured["psnr"].items()
    ]
    return table(["style", "mean PSNR, dB", "lowest"], rows)


def trials(study: Mapping[str, Any], part: str) -> str:
    """A row per group of trials of a part, in per cent; mean ± standard deviation over seeds."""
    return _groups(study, part, RATES if part == "rates" else MAIN)


def ranking(study: Mapping[str, Any]) -> str:
    """The main part's groups by AP in the paper's convention."""
    return _groups(study, "main", RANKING)


def margins(study: Mapping[str, Any]) -> str:
    """By how many points one network leads another: the mean over seeds of the differences."""
    rows, known = [], titles()
    for margin in study["margins"]:
        trial = margin["trial"]
        pair = f"{known[trial['network']]} over {known[trial['over']]}"
        rows.append([str(trial["masks"]), pair, *cells(margin, MAIN)])
    return table(["scenes with masks", "", *MAIN], rows)


def generated(study: Mapping[str, Any]) -> str:
    """The sets that pocket drew: pictures kept, mean IoU of the checker's masks with drawn ones."""
    rows = []
    for name, each in largest(study)[0]["generated"].items():
        agreement = "–" if each["truth"] is None else f"{100 * each['truth']:.1f}"
        rows.append([name, f"{100 * each['kept']:.0f}", agreement])
    return table(["set", "pictures kept", "checker's IoU with drawn masks"], rows)


def kinds(study: Mapping[str, Any]) -> str:
    """mIoU by kind of phrase on photo scenes, at the largest number of masks."""
    rows = [[_title(group), *cells(group, BY_KIND)] for group in largest(study)]
    return table(["", *BY_KIND], rows)


def ablations(study: Mapping[str, Any], part: str) -> str:
    """What a network that reads features loses without them, or with another picture's."""
    what, difference = DIFFERENCES[part]
    rows = []
    for group in _by_masks(study, part):
        if not NETWORKS[group["trial"]["network"]].reading:  # it has no features to lose
            continue
        for given, suffix in FEATURES.items():
            columns = {head: (f"{name}{suffix}", one) for head, (name, one) in ABLATED.items()}
            rows.append([difference(group), given, *cells(group, columns)])
    return table([what, "features", *ABLATED], rows)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def largest(study: Mapping[str, Any]) -> list[Group]:
    """The main part's groups with the most scenes with masks, a network each."""
    most = max(group["trial"]["masks"] for group in study["parts"]["main"])
    return [group for group in study["parts"]["main"] if group["trial"]["masks"] == most]


def cells(group: Group, columns: Mapping[str, tuple[str, str]]) -> list[str]:
    """A group's scores in per cent, with the spread over its seeds where it has several."""
    row = []
    for name, measure in columns.values():
        score = group["scores"].get(name, {}).get(measure)
        if score is None:  # such as a generated set of which nothing was kept
            row.append("–")
            continue
        cell = f"{100 * score['mean']:.1f}"
        if score["spread"] is not None:
            cell += f" ± {100 * score['spread']:.1f}"
        row.append(cell)
    return row


def titles() -> dict[str, str]:
    """The networks' titles by name, those that need no training included."""
    networks: dict[str, type[Network]] = {**NETWORKS, **BASELINES}
    return {name: network.title for name, network in networks.items()}


def _title(group: Group) -> str:
    return titles()[group["trial"]["network"]]


def _groups(study: Mapping[str, Any], part: str, columns: Mapping[str, tuple[str, str]]) -> str:
    head, difference = DIFFERENCES[part]
    rows = [
        [difference(group), _title(group), *cells(group, columns)]
        for group in _by_masks(study, part)
    ]
    return table([head, "", *columns], rows)


def _by_masks(study: Mapping[str, Any], part: str) -> list[Group]:
    """A part's groups, those with the fewest scenes first."""
    return sorted(study["parts"][part], key=lambda group: group["trial"]["masks"])


def masks_chart(study: Mapping[str, Any]) -> "Figure":
    """mIoU over the number of scenes with masks, with the spread over seeds."""
    return _chart(study["parts"]["main"], "masks", "scenes with masks", logarithmic=True)


def timesteps_chart(study: Mapping[str, Any]) -> "Figure":
    """LD-ZNet's mIoU over the timestep at which it reads the diffusion model."""
    return _chart(study["parts"]["timesteps"], "timestep", "timestep", logarithmic=False)


def _chart(
    groups: list[Mapping[str, Any]], key: str, across: str, *, logarithmic: bool
) -> "Figure":
    panels: dict[str, dict[str, Curve]] = {}
    for heading in SHOWN:
        name, measure = MAIN[heading]
        if not all(name in group["scores"] for group in groups):
            continue
        panels[heading] = {}
        for network in dict.fromkeys(group["trial"]["network"] for group in groups):
            curve = sorted(
                (group for group in groups if group["trial"]["network"] == network),
                key=lambda group: group["trial"][key],
            )
            scores = [group["scores"][name][measure] for group in curve]
            panels[heading][network] = Curve(
                at=[group["trial"][key] for group in curve],
                height=[100 * score["mean"] for score in scores],
                spread=[100 * (score["spread"] or 0) for score in scores],
            )
    return draw_curves(
        panels, titles(), across=across, up="mIoU, per cent", logarithmic=logarithmic
    )
