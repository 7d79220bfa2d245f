"""The recipes in examples/: what every recipe keeps, few lines, and that they learn."""

from pathlib import Path

import pytest

import zerosum as zs
from zerosum import api

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
LINES = {"ring_r1": 80, "ring_wgan_gp": 80, "least_squares": 60}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("data", ["ring", "gaussian"])
def test_an_example_keeps_what_every_recipe_keeps(path, data):
    found = api.check(str(path), data, {"batch_size": 16, "hidden": 8})
    assert {sentence: problem for sentence, problem in found.items() if problem} == {}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short(path):
    assert len(path.read_text().splitlines()) <= LINES[path.stem]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_finds_modes(path, seed):
    """All of them with a penalty; least squares alone loses some, and says so in the docs."""
    run = zs.train(str(path), data="ring", seed=seed, out="run", progress=False)
    found = {result.metric.partition("[")[0]: result.value for result in run.results}
    assert found["modes"] >= (2 if path.stem == "least_squares" else 8)
    assert found["high_quality"] > 0.5
