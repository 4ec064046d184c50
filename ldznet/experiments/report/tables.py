"""Markdown tables from the files in `assets/benchmarks`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ldznet.experiments.study.sets import KINDS, PHOTO, VALIDATION
from ldznet.networks import NETWORKS

Reported = Mapping[str, Any]  # one group of trials of study.json

TITLES = {name: network.title for name, network in NETWORKS.items()} | {"attention": "Attention"}
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
ASKED = {"as asked": "objects", "and nothing else": "exactly"}  # of a prompt's things
OF_FEATURES = ("fusion", "timesteps")  # parts that ask what LD-ZNet's features are worth
# What LD-ZNet is given for features: how a row says it, and how the sets' names do.
FEATURES = {
    "as they are": "",
    "zeroed": ", features zeroed",
    "another picture's": ", features shuffled",
}
# What trials differ in: a heading, and what it says of one.
Difference = tuple[str, Callable[[Reported], str]]
RATE: Difference = ("rate", lambda told: f"{told['config']['learning_rate']:g}")
DIFFERENCES: dict[str, Difference] = {  # by part
    "rates": RATE,
    "tuned": RATE,
    "timesteps": ("timestep", lambda told: str(told["trial"]["timestep"])),
    "fusion": (
        "start, fusion's share of the rate",
        lambda told: f"{told['trial']['start']}, {told['trial']['fusion_share']:g}",
    ),
    "control": ("start", lambda told: told["trial"]["start"]),
    "negatives": ("absent phrases", lambda told: "some" if told["trial"]["absent"] else "none"),
    "main": ("scenes with masks", lambda told: str(told["trial"]["masks"])),
}


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
    for style, told in sets.items():
        overall = [told["scores"][name]["overall"] for name in names]
        scores = [" / ".join(f"{100 * each[one]:.1f}" for one in MEASURES) for each in overall]
        rows.append([style, *scores])
    return table(["test style", *(TITLES.get(name, name) for name in names)], rows)


def samples(told: Mapping[str, Any]) -> str:
    """A row per style of `samples.json`: what came out as asked, in per cent of the prompts.

    The last two columns are of drawn scenes: what the checker itself gets right.
    """
    rows = []
    for style, generated in told["generated"].items():
        shares = [generated[things][what] for things in ("1", "2") for what in ASKED.values()]
        shares += [told["drawn"][style][things]["objects"] for things in ("1", "2")]
        rows.append([style, *(f"{100 * share:.1f}" for share in shares)])
    columns = [f"{things}, {what}" for things in ("one thing", "two") for what in ASKED]
    return table(["style", *columns, "checker, one thing", "checker, two"], rows)


def recipe_trials(told: Mapping[str, Any]) -> str:
    """A row per variant of `trials.json`: samples seen, loss, and what it draws, in per cent."""
    rows = []
    for name, each in told["trials"].items():
        shares = [f"{100 * each[what]:.0f}" for what in ("colour", "thing")]
        counts = [f"{each['parameters'] / 1e6:.1f} M", f"{each['samples']:,}"]
        minutes = f"{each['variant']['minutes']:g}"
        rows.append([name, minutes, *counts, f"{each['loss']:.4f}", *shares])
    return table(["variant", "minutes", "U-Net", "samples", "loss", "colour", "thing"], rows)


def reconstruction(told: Mapping[str, Any]) -> str:
    """A row per style of `reconstruction.json`: PSNR in dB of pictures decoded again."""
    rows = [
        [style, f"{each['mean']:.1f}", f"{each['least']:.1f}"]
        for style, each in told["psnr"].items()
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
    rows = []
    for told in study["margins"]:
        trial = told["trial"]
        who = f"{TITLES[trial['network']]} over {TITLES[trial['over']]}"
        rows.append([str(trial["masks"]), who, *cells(told, MAIN)])
    return table(["scenes with masks", "", *MAIN], rows)


def generated(study: Mapping[str, Any]) -> str:
    """The sets that pocket drew: pictures kept, mean IoU of the checker's masks with drawn ones."""
    told = largest(study)[0]["generated"]
    rows = []
    for name, each in told.items():
        agreement = "–" if each["truth"] is None else f"{100 * each['truth']:.1f}"
        rows.append([name, f"{100 * each['kept']:.0f}", agreement])
    return table(["set", "pictures kept", "checker's IoU with drawn masks"], rows)


def kinds(study: Mapping[str, Any]) -> str:
    """mIoU by kind of phrase on photo scenes, at the largest number of masks."""
    rows = [[TITLES[told["trial"]["network"]], *cells(told, BY_KIND)] for told in largest(study)]
    return table(["", *BY_KIND], rows)


def ablations(study: Mapping[str, Any], part: str) -> str:
    """What LD-ZNet loses without its features, or with those of another picture."""
    what, difference = DIFFERENCES[part]
    rows = []
    for told in _by_masks(study, part):
        if told["trial"]["network"] != "ldznet":
            continue
        for given, suffix in FEATURES.items():
            columns = {head: (f"{name}{suffix}", one) for head, (name, one) in ABLATED.items()}
            rows.append([difference(told), given, *cells(told, columns)])
    return table([what, "features", *ABLATED], rows)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def largest(study: Mapping[str, Any]) -> list[Reported]:
    """The main part's groups with the most scenes with masks, a network each."""
    most = max(told["trial"]["masks"] for told in study["parts"]["main"])
    return [told for told in study["parts"]["main"] if told["trial"]["masks"] == most]


def cells(told: Reported, columns: Mapping[str, tuple[str, str]]) -> list[str]:
    """A group's scores in per cent, with the spread over its seeds where it has several."""
    found = []
    for name, measure in columns.values():
        score = told["scores"].get(name, {}).get(measure)
        if score is None:  # such as a generated set of which nothing was kept
            found.append("–")
            continue
        cell = f"{100 * score['mean']:.1f}"
        if score["spread"] is not None:
            cell += f" ± {100 * score['spread']:.1f}"
        found.append(cell)
    return found


def _groups(study: Mapping[str, Any], part: str, columns: Mapping[str, tuple[str, str]]) -> str:
    head, difference = DIFFERENCES[part]
    rows = [
        [difference(told), TITLES[told["trial"]["network"]], *cells(told, columns)]
        for told in _by_masks(study, part)
    ]
    return table([head, "", *columns], rows)


def _by_masks(study: Mapping[str, Any], part: str) -> list[Reported]:
    """A part's groups, those with the fewest scenes first."""
    return sorted(study["parts"][part], key=lambda told: told["trial"]["masks"])
