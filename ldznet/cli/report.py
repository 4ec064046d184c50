"""`ldznet report`: the tables and charts of the documents, anew from the result files."""

import argparse
import json
from pathlib import Path

SUMMARY = "Rebuild the documents' tables and charts, the model card's too, from assets/benchmarks."
DOCUMENTS = ("README.md", "docs/pocket.md", "assets/README.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet report`."""
    parser.add_argument("--results", type=Path, default=Path("assets/benchmarks"))
    parser.add_argument("--root", type=Path, default=Path(), help="the folder of README.md")


def run(arguments: argparse.Namespace) -> None:
    """Write what changed; raises ValueError with one sentence where results are missing."""
    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    from ldznet.experiments.report import build_tables, fill, masks_chart, timesteps_chart

    files = sorted(arguments.results.glob("*.json"))
    if not files:
        raise ValueError(f"There are no results in '{arguments.results}'; run the measurements.")
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}
    tables = build_tables(results)
    for name in DOCUMENTS:
        path = arguments.root / name
        if path.exists():
            path.write_text(fill(path.read_text(encoding="utf-8"), tables), encoding="utf-8")
            print(f"Written to {name}")
    parts = results.get("study", {}).get("parts", {})
    for part, along, draw in (
        ("main", "masks", masks_chart),
        ("timesteps", "timestep", timesteps_chart),
    ):
        if len({told["trial"][along] for told in parts.get(part, ())}) > 1:  # else no curve
            draw(results["study"]).savefig(arguments.root / "docs" / f"study-{part}.png")
            print(f"Written to docs/study-{part}.png")
