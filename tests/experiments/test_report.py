import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldznet.cli import main
from ldznet.experiments.report import build_tables, documents, fill, masks_chart
from ldznet.experiments.study import design
from ldznet.networks import NETWORKS, ZNet

ROOT = Path(__file__).parents[2]
SETS = ("photo", "unseen styles", "novel", "redrawn", "imagined", "absent")


def group(network, masks, value, spread=0.01):
    score = {"mean": value, "spread": spread}
    scores = {name: {"mean_iou": score, "average_precision": score} for name in SETS}
    scores["novel"] |= {f"mean_iou of novel {what}": score for what in ("category", "pair")}
    scores["absent"] = {"false_alarm": score}
    for kind in ("category", "colour", "relation", "size", "plural"):
        scores["photo"][f"mean_iou of {kind}"] = score
    for name in ("photo", "novel"):
        for how in ("zeroed", "shuffled"):
            scores[f"{name}, features {how}"] = {
                "mean_iou": {"mean": value / 2, "spread": None},
                "average_precision": {"mean": value / 4, "spread": None},
            }
    trial = {"network": network, "masks": masks, "seed": [0, 1], "start": "backbone"}
    generated = {"redrawn": {"kept": 0.9, "truth": 0.8}, "imagined": {"kept": 0.0, "truth": None}}
    return {
        "trial": trial,
        "config": {"learning_rate": 1e-3},
        "generated": generated,
        "scores": scores,
    }


@pytest.fixture
def study():
    groups = [
        group("ldznet", 8000, 0.75, None),
        group("znet", 500, 0.25),
        group("ldznet", 500, 0.5),
    ]
    lead = group("ldznet", 500, 0.25, 0.02)
    lead["trial"]["over"] = "znet"
    return {"parts": {"main": groups, "timesteps": []}, "margins": [lead]}


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_a_row_of_a_table_says_what_its_trials_scored(study):
    tables = build_tables({"study": study})
    head, _, first, *_, last = cells(tables["main"])
    assert head[:4] == ["scenes with masks", "", "photo", "unseen styles"]
    assert first[:4] == ["500", "ZNet", "25.0 ± 1.0", "25.0 ± 1.0"]
    assert last[:3] == ["8000", "LD-ZNet", "75.0"]  # one seed has no spread
    del study["parts"]["main"][1]["scores"]["redrawn"]  # nothing was kept of it
    missing = cells(build_tables({"study": study})["main"])
    assert missing[2][head.index("redrawn")] == "–"
    assert cells(tables["kinds"])[2:] == [["LD-ZNet", *["75.0"] * 5]]  # at the most masks
    assert cells(tables["ranking"])[-1][2:] == ["75.0"] * 5
    assert cells(tables["generated"])[2:] == [["redrawn", "90", "80.0"], ["imagined", "0", "–"]]
    assert cells(tables["margins"])[2:] == [["500", "LD-ZNet over ZNet", *["25.0 ± 2.0"] * 7]]


def test_rows_of_features_say_what_each_is_worth(study):
    whole = group("ldznet", 8000, 0.5, None)
    whole["trial"] |= {"start": "scratch", "fusion_share": 1.0}
    study["parts"]["fusion"] = [whole]
    tables = build_tables({"study": study})
    head, _, given, zeroed, other = cells(tables["fusion"])
    assert head == [
        *("start, fusion's share of the rate", "features"),
        *("photo, mIoU", "photo, AP", "novel, mIoU", "novel, AP"),
    ]
    assert given == ["scratch, 1", "as they are", *["50.0"] * 4]
    assert zeroed == ["scratch, 1", "zeroed", *["25.0", "12.5"] * 2]
    assert other == ["scratch, 1", "another picture's", *["25.0", "12.5"] * 2]
    rows = cells(tables["ablations"])[2:]
    assert [row[0] for row in rows] == ["500"] * 3 + ["8000"] * 3  # ZNet has no features to lose


def test_rows_say_what_pocket_draws_and_brings_back_and_how_it_was_chosen():
    one, two = {"objects": 0.5, "exactly": 0.25}, {"objects": 0.125, "exactly": 0.0}
    right = {"1": {"objects": 1.0}, "2": {"objects": 0.75}}
    samples = {"generated": {"neon": {"1": one, "2": two}}, "drawn": {"neon": right}}
    psnr = {"psnr": {"photo": {"mean": 31.56, "least": 27.94}}}
    trial = {
        "variant": {"minutes": 5.0},
        "parameters": 4_460_000,
        "samples": 12_800,
        "loss": 0.12345,
    }
    trials = {"trials": {"Muon": {**trial, "colour": 0.5, "thing": 0.25}}}
    tables = build_tables({"samples": samples, "reconstruction": psnr, "trials": trials})
    (row,) = cells(tables["trials"])[2:]
    assert row == ["Muon", "5", "4.5 M", "12,800", "0.1235", "50", "25"]
    (row,) = cells(tables["samples"])[2:]
    assert row == ["neon", "50.0", "25.0", "12.5", "0.0", "100.0", "75.0"]
    assert cells(tables["reconstruction"])[2:] == [["photo", "31.6", "27.9"]]


def test_only_what_stands_between_the_marks_is_replaced():
    document = "a\n<!-- table main -->\nold\nlines\n<!-- end of table -->\nb"
    filled = fill(document, {"main": "| new |"})
    assert filled == "a\n<!-- table main -->\n| new |\n<!-- end of table -->\nb"
    assert fill(filled, {"main": "| new |"}) == filled
    empty = "<!-- table main -->\n<!-- end of table -->\n"  # must not reach for the next one's end
    assert fill(empty + "between\n" + document, {"main": "new"}).count("new") == 2
    with pytest.raises(ValueError, match="There is no table 'main'; there are other"):
        fill(document, {"other": ""})


@pytest.mark.parametrize("path", documents(ROOT), ids=lambda path: path.name)
def test_the_documents_say_what_the_results_do(path):
    files = (ROOT / "assets" / "benchmarks").glob("*.json")
    tables = build_tables({file.stem: json.loads(file.read_text()) for file in files})
    document = path.read_text(encoding="utf-8")
    assert fill(document, tables) == document


def test_the_chart_draws_each_network_in_its_own_colour(study):
    figure = masks_chart(study)
    drawn = io.BytesIO()
    figure.savefig(drawn)
    pixels = np.asarray(Image.open(drawn).convert("RGB")).reshape(-1, 3)
    for colour in ("0EA5E9", "7C3AED"):  # ZNet's and LD-ZNet's, as in the app
        assert (pixels == np.frombuffer(bytes.fromhex(colour), np.uint8)).all(axis=1).sum() > 50
    assert len(figure.axes) == 4


def test_the_command_rewrites_documents_and_draws_charts(study, tmp_path):
    results = tmp_path / "assets" / "benchmarks"
    results.mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    readme = tmp_path / "README.md"
    readme.write_text("# T\n<!-- table kinds -->\n\n<!-- end of table -->\n")
    study["parts"].pop("timesteps")
    (results / "study.json").write_text(json.dumps(study))
    assert main(["experiment", "report", "--results", str(results), "--root", str(tmp_path)]) == 0
    assert "| LD-ZNet | 75.0 |" in readme.read_text()
    assert Image.open(tmp_path / "docs" / "study-main.png").width > 600
    (tmp_path / "docs" / "study-main.png").unlink()
    study["parts"]["main"] = study["parts"]["main"][-1:]  # one number of masks is no curve
    (results / "study.json").write_text(json.dumps(study))
    assert main(["experiment", "report", "--results", str(results), "--root", str(tmp_path)]) == 0
    assert not (tmp_path / "docs" / "study-main.png").exists()


def test_without_results_one_sentence_says_so(tmp_path, capsys):
    assert main(["experiment", "report", "--results", str(tmp_path)]) == 1
    assert "There are no results in" in capsys.readouterr().err


def test_a_network_added_in_memory_has_its_rows_title_and_curve(study, monkeypatch):
    class Twin(ZNet):
        name, title, colour = "twin", "A twin", "#0F8A3C"

    monkeypatch.setitem(NETWORKS, "twin", Twin)
    trials = design.trials_of("main")
    assert {trial.network for trial in trials} == {"rgbnet", "znet", "ldznet", "twin"}
    assert ("twin", "ldznet") in design.pairs()
    study["parts"]["main"] += [group("twin", masks, 0.6) for masks in (500, 8000)]
    tables = build_tables({"study": study})
    assert ["8000", "A twin", "60.0 ± 1.0"] in [row[:3] for row in cells(tables["main"])]
    assert "A twin" not in tables["ablations"]  # it reads no features
    picture = io.BytesIO()
    masks_chart(study).savefig(picture)
    pixels = np.asarray(Image.open(picture).convert("RGB")).reshape(-1, 3)
    assert (pixels == (0x0F, 0x8A, 0x3C)).all(axis=1).sum() > 50
