"""``zerosum lab`` as a user meets it: pages that need nothing, figures, numbers, one sentence per mistake."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.commands import answer
from zerosum import lab

SMALL = {
    "learning-process": ("--rounds", "12", "--best", "5"),
    "order": ("--updates", "40", "--inner", "10"),
    "ratio": ("--updates", "20", "--n", "500"),
    "blur": ("--rounds", "12"),
    "bilinear": ("--rounds", "12"),
    "dirac": ("--rounds", "12"),
    "saturation": ("--points", "20"),
}


def test_every_scene_is_listed(capsys):
    code, out, _ = answer(capsys, "lab", "--help")
    assert code == 0
    assert all(re.search(rf"^  {name} +\S", out, re.MULTILINE) for name in lab.SCENES)
    assert set(SMALL) == set(lab.SCENES)


@pytest.mark.parametrize("name", lab.SCENES)
def test_a_scene_is_one_page_its_figures_and_its_numbers(name, capsys):
    code, out, err = answer(capsys, "lab", name, *SMALL[name])
    assert code == 0, err
    assert re.match(rf"{name}: about \d+ s\n", out)
    folder = Path(f"lab-{name}")
    page = (folder / "index.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "default-src 'none'" in page
    for figure in folder.glob("*.svg"):
        ET.parse(figure)
    assert list(folder.glob("*.svg"))
    rows = json.loads((folder / "numbers.json").read_text())
    assert all(row["table"] in page for row in rows)


def test_the_bilinear_scene_measures_its_closed_forms(capsys):
    assert answer(capsys, "lab", "bilinear", "--rounds", "3", "--learning-rate", "0.2", "--gamma", "0.5")[0] == 0
    rows = [row for row in json.loads(Path("lab-bilinear/numbers.json").read_text()) if row["in closed form"] != ""]
    assert len(rows) == 5
    assert all(row["modulus"] == pytest.approx(row["in closed form"], abs=1e-6) for row in rows)


def test_the_dirac_scene_measures_its_closed_forms(capsys):
    assert answer(capsys, "lab", "dirac", "--rounds", "3")[0] == 0
    rows = [
        row for row in json.loads(Path("lab-dirac/numbers.json").read_text()) if row.get("in closed form", "") != ""
    ]
    assert len(rows) == 7
    assert all(row["modulus"] == pytest.approx(row["in closed form"], abs=1e-5) for row in rows)


def test_saturation_at_the_left_edge(capsys):
    assert answer(capsys, "lab", "saturation", "--points", "9")[0] == 0
    rows = json.loads(Path("lab-saturation/numbers.json").read_text())
    pull = {row["generator loss"]: row["D = 0.0001"] for row in rows}
    assert pull["minimax"] == pytest.approx(-1e-4)
    assert pull["nonsaturating"] == pytest.approx(-0.9999)
    assert pull["maximum_likelihood"] == pytest.approx(-1 / 9999)


def test_seconds_take_the_place_of_the_count(capsys):
    """The forecast is measured, so only the order is certain: twice the time is more rounds, and both are said."""
    counts = []
    for seconds in ("0.21", "0.3"):
        assert answer(capsys, "lab", "saturation", "--seconds", seconds, "--points", "5")[0] == 0
        rows = ET.parse("lab-saturation/losses.svg").getroot().iter("{http://www.w3.org/2000/svg}polyline")
        counts.append(max(len(row.get("points").split()) for row in rows))
    assert 5 < counts[0] < counts[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("lab", "bilinaer"), "unknown scene 'bilinaer'; nearest: bilinear."),
        (("lab", "--rounds", "3"), "needs the name of a scene before --rounds"),
        (("lab", "dirac", "--rounds", "0"), "rounds"),
        (("lab", "bilinear", "--round", "3"), "--rounds"),
        (("lab", "bilinear", "--seconds", "0"), "seconds must be greater than 0, got 0.0"),
        (("lab", "order", "--seconds", "0.001"), "--seconds must leave time for the shortest of these scenes, about"),
        (("lab", "learning-process", "--data", "ring"), "shows densities on a line, and ring has none"),
        (("lab", "blur", "--answers", "0"), "answers"),
        (("lab", "dirac", "--out", "file"), "--out is a folder for the page and its figures, and file is a file"),
    ],
)
def test_mistakes_are_one_sentence(capsys, words, sentence):
    Path("file").write_text("mine")
    code, _, err = answer(capsys, *words)
    assert code == 2
    assert sentence in err
    assert Path("file").read_text() == "mine"
