"""The report: one page with everything inside it, true to the run folder, and safe to open."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

import zerosum as zs
from tests.cli.commands import answer
from zerosum import api
from zerosum.data import DataSpec
from zerosum.errors import ConfigError, RunError
from zerosum.report import svg as curves
from zerosum.report.report import FRAMES, Story, verdict

SMALL = {"hidden": 8, "batch_size": 16, "progress": False, "out": "run", "log_every": 5}
VOID = {"meta", "img", "input"}


class Page(HTMLParser):
    """Tags opened and closed, and what is fetched."""

    def __init__(self, text):
        super().__init__()
        self.open, self.fetched, self.examples, self.seen, self.text = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "srcset", "data", "action"):
                (self.examples if value.startswith("data:image/png;base64,") else self.fetched).append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def page(path="run/report.html"):
    return Page(Path(path).read_text())


def test_a_training_ends_with_its_report(capsys):
    code, out, _ = answer(
        capsys, "train", "mlp_gan", "--rounds", "40", "--hidden", "8", "--batch-size", "16", "--out", "run",
        "--sample-every", "10", "--log-every", "5",
    )  # fmt: skip
    assert code == 0
    assert "report: run/report.html" in out
    read = page()
    assert read.fetched == []
    assert len(read.examples) == 1 + 5 + 1  # the samples, the film, the walk
    for image in read.examples:
        Image.open(io.BytesIO(base64.b64decode(image.partition(",")[2]))).verify()
    text = " ".join(read.text)
    for said in (
        "mlp_gan on digits has trained 40 rounds, 1,280 examples",
        "classes; its samples lie",
        "neighbour_distance[n=1000, split=test]",
        "batch_size",
        "discriminator",
        "examples seen",
        "training examples",
    ):
        assert said in text
    assert read.seen.count("svg") == 2


def test_it_fetches_nothing_and_says_so_to_the_browser():
    zs.train("vanilla", data="ring", rounds=5, **SMALL)
    text = Path("run/report.html").read_text()
    assert "default-src 'none'" in text
    addresses = set(re.findall(r"https?://[^\"' <]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, which nobody opens


def test_names_from_the_data_are_text():
    Path("<img src=x onerror=alert(1)>").mkdir()
    for i in range(30):
        array = np.random.default_rng(i).integers(0, 255, (8, 8), dtype=np.uint8)
        Image.fromarray(array).save(Path("<img src=x onerror=alert(1)>") / f"{i}.png")
    zs.train("mlp_gan", data="<img src=x onerror=alert(1)>", rounds=5, **SMALL)
    read = page()
    assert read.fetched == []
    assert "<img src=x onerror=alert(1)>" in " ".join(read.text)


def test_a_film_has_few_frames_the_first_and_the_last():
    zs.train("vanilla", rounds=60, sample_every=1, **SMALL)
    rounds = re.findall(r'data-label="round ([\d,]+)"', Path("run/report.html").read_text())
    assert len(rounds) == FRAMES
    assert (rounds[0], rounds[-1]) == ("0", "60")


def test_it_is_written_on_demand_for_a_run_that_was_stopped(capsys):
    zs.train("vanilla", rounds=10, **SMALL)
    Path("run/report.html").unlink()
    code, out, _ = answer(capsys, "report", "run")
    assert code == 0
    assert "report: run/report.html" in out
    before = page().text
    assert api.report("run", "mine.html") == Path("mine.html")
    assert page("mine.html").text == before
    for words, code in ((("report",), 2), (("report", "nowhere"), 4), (("report", "run", "--out", "x.pdf"), 2)):
        assert answer(capsys, *words)[0] == code
    assert answer(capsys, "report", "--help")[0] == 0
    with pytest.raises(ConfigError, match=r"a report is an .html, got 'x.pdf'"):
        api.report("run", "x.pdf")
    with pytest.raises(RunError, match="no run folder"):
        api.report(".")


def record(lines, metrics=(), diverged=None):
    """A story made up by hand."""
    Path("made").mkdir()
    Path("made/log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    Path("made/metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics))
    if diverged:
        Path("made/diverged").mkdir()
        Path("made/diverged/facts.json").write_text(json.dumps(diverged))
    return Story(
        Path("made"),
        {"recipe": "gan", "data": {"spec": DataSpec.of("mnist", "image", (1, 28, 28), 10, 50_000).record()}},
    )


LINE = {"round": 100, "examples": 1000, "seconds": 61.0, "terms": {}}
SKIPPED = {
    "round": 50,
    "examples": 500,
    "seconds": 30.0,
    "event": {"kind": "skipped", "text": "", "data": {"skipped": 3}},
}


def test_verdicts():
    parzen = {"round": 100, "metric": "parzen[n=10]", "value": 152.34, "subject": "model"}
    control = {"round": 0, "metric": "parzen[n=10]", "value": 243.0, "subject": "real examples"}
    old = {"round": 50, "metric": "parzen[n=10]", "value": 1.0, "subject": "model"}
    assert verdict(record([SKIPPED, LINE], [old, control, parzen])) == (
        "gan on mnist has trained 100 rounds, 1,000 examples, 1 min 1 s of training. Parzen windows give test examples "
        "152.3 nats. 3 updates were skipped because their gradients were not finite."
    )


def test_the_verdict_of_a_divergence_holds_until_the_run_goes_on():
    lost = {"round": 100, "player": "discriminator"}
    story = record([LINE], diverged=lost)
    assert verdict(story).startswith("gan on mnist diverged after 100 rounds")
    assert "the updates of discriminator were no longer finite." in verdict(story)
    further = Path("made/log.jsonl")
    further.write_text(further.read_text() + json.dumps({**LINE, "round": 200}) + "\n")
    assert verdict(Story(story.path, story.record)).startswith("gan on mnist has trained 200 rounds")


def test_nothing_yet():
    assert verdict(record([])) == "gan on mnist has not trained yet."


def test_curves_are_where_the_numbers_are():
    svg = curves.plot({"a <b>": [[(0, 0.0), (50, 1.0), (100, 0.5)]], "c": [[(0, 0.25), (100, float("nan"))]]}, "x", "y")
    tree = ET.fromstring(svg)
    lines = [e.get("points") for e in tree.iter("{http://www.w3.org/2000/svg}polyline")]
    places = [tuple(map(float, place.split(","))) for place in lines[0].split()]
    (left, bottom), (middle, top), (right, half) = places
    assert (left, right) == (curves.LEFT, curves.WIDTH - curves.RIGHT)
    assert middle == pytest.approx((left + right) / 2)
    assert (bottom, top) == (curves.HEIGHT - curves.BOTTOM, curves.TOP)
    assert half == pytest.approx((bottom + top) / 2)
    assert len(lines[1].split()) == 1  # broken where it is not finite
    assert "a <b>" in [e.text for e in tree.iter("{http://www.w3.org/2000/svg}text")]


def test_curves_of_many_points_are_thinned_and_a_spike_does_not_flatten_them():
    curve = [(i, 1e9 if i == 500 else float(i % 7)) for i in range(100_000)]
    svg = curves.plot({"a": [curve]}, "x", "y")
    assert len(svg) < 20_000
    heights = [float(number) for number in re.findall(r'text-anchor="end">([^<]+)<', svg)]
    assert 2 < min(heights) < max(heights) < 4  # the means of neighbours are near 3


@pytest.mark.parametrize("curve", [[], [(0, 1.0)], [(0, 2.0), (1, 2.0)], [(0, float("nan"))], [(3, -1e-9), (4, 1e-9)]])
def test_curves_that_have_no_span(curve):
    svg = curves.plot({"a": [curve]}, "x", "y", line=1.0)
    assert ET.fromstring(svg).tag.endswith("svg")
    assert "nan" not in svg
    assert "inf" not in svg


def test_the_log_as_records():
    run = zs.train("vanilla", rounds=20, **SMALL)
    records = zs.read_log(run)
    assert [record["round"] for record in records] == [5, 10, 15, 20]
    assert set(records[0]["terms"]) == {"discriminator/real", "discriminator/fake", "generator/adversarial"}
    with pytest.raises(RunError, match="no run folder"):
        zs.read_log("nowhere")
