"""`ldznet study`: train and judge the networks of the study, as JSON and as a table."""

import argparse
from pathlib import Path

from ldznet.cli.options import add_result_file
from ldznet.experiments.study.design import PARTS
from ldznet.results.records import check_result_path, command_line, write_result

SUMMARY = "Train many networks on few and many masks and score them; resumable, takes hours."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet study`."""
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--backbone", type=Path, default=Path("assets/pocket"), help="a folder")
    parser.add_argument("--checker", type=Path, default=Path("assets/checker"), help="a folder")
    parser.add_argument("--runs", type=Path, default=Path("runs/study"), help="checkpoints")
    parser.add_argument(
        "--records",
        type=Path,
        default=Path("assets/benchmarks/study"),
        help="scores of finished trials, which are not repeated",
    )
    parser.add_argument("--steps", type=int, help="of every training; without it, as shipped")
    parser.add_argument("--scenes", type=int, default=150, help="of every test set")
    parser.add_argument("--workers", type=int, default=1, help="trainings at a time")
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train, judge, write; raises ValueError with one sentence.

    The result tells of every trial with a record, those of parts not asked for included.
    """
    check_result_path(arguments.output)

    # Imported here: it takes seconds, which `--help` and a mistyped option need not wait for.
    from tqdm import tqdm

    from ldznet.experiments.study.records import fingerprint, read_records
    from ldznet.experiments.study.running import Plan, run_trials
    from ldznet.experiments.study.summary import summarise

    trials = list(dict.fromkeys(trial for part in arguments.parts for trial in PARTS[part]))
    plan = Plan(
        arguments.backbone,
        arguments.checker,
        fingerprint(arguments.backbone),
        arguments.runs,
        arguments.records,
        arguments.steps,
        arguments.scenes,
        command_line(arguments),
    )
    for trial, told in tqdm(run_trials(trials, plan, arguments.workers), total=len(trials)):
        scores = told["scores"].items()
        shown = [
            f"{name} {100 * each['mean_iou']:.1f}" for name, each in scores if "mean_iou" in each
        ]
        tqdm.write(f"{trial.name}: {', '.join(shown)}")
        finished = read_records(arguments.records, plan.fingerprint)
        write_result(arguments.output, arguments, summarise(finished))
    print(f"Written to {arguments.output}")
