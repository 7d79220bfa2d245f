"""The benchmarks' tables: complete on a CPU with a stand-in for recorded rounds, so that they are complete on a GPU."""

import json

import pytest
import torch

from benchmarks import plain
from benchmarks.systems import CPU, SYSTEMS
from tests.recording import recording
from zerosum.data import Arrays, DataSpec

ROOFS = {"float32": 100.0, "bfloat16": 200.0}


def noise(side, root=None, device=CPU):
    x = torch.randint(0, 256, (300, 1, side, side), dtype=torch.uint8)
    return Arrays(DataSpec.of("noise", "image", (1, side, side), count=len(x)), {"x": x}, seed=0)


@pytest.fixture(autouse=True)
def _on_noise(monkeypatch):
    monkeypatch.setattr(plain, "pixels", noise)


def measured(name, modes=("eager", "graph"), **options):
    rows = plain.measure(name, CPU, list(modes), ROOFS, turns=2, seconds=1e-3, capture=recording, **options)
    return {row["class"]: row for row in rows}


def test_the_table_of_a_gpu_is_complete():
    rows = measured("a")
    assert {kind: list(row["contestants"]) for kind, row in rows.items()} == {
        "same": ["plain", "plain, fused optimizer", "zerosum, eager", "zerosum, graph"],
        "tutorial": ["tutorial", "zerosum, eager", "zerosum, graph"],
        "bfloat16": ["plain", "plain, autocast", "zerosum, eager", "zerosum, graph"],
        "shared": ["plain", "zerosum, by turns, eager", "zerosum, by turns, graph"],
    }
    for row in rows.values():
        assert row["gap"] <= 1e-6
        assert row["device"] == "cpu"
        for who, score in row["contestants"].items():
            roof = ROOFS["bfloat16" if row["class"] == "bfloat16" and who != "plain" else "float32"]
            rate = score["mflop_per_image"] * 1e6 * score["images_per_second"]
            assert score["share_of_roof"] == pytest.approx(rate / 1e9 / roof)
            assert (score["operators"] is None) == who.endswith("graph")
        first, *_ = row["contestants"].values()
        assert first["ratio"] == [1, 1, 1]
        json.dumps(row)


def test_products_an_image_by_class():
    """Sharing the generated examples saves a pass of the generator."""
    rows = measured("a", modes=("eager",))
    flops = {(kind, who): s["mflop_per_image"] for kind, row in rows.items() for who, s in row["contestants"].items()}
    z, h, p = 100, 128, 784
    generator, discriminator = z * h + h * p, p * h + h
    ours = flops["same", "zerosum, eager"]
    assert flops["same", "plain"] == pytest.approx(ours + 2e-6 * discriminator, rel=1e-3)  # weights nobody asks for
    assert flops["shared", "zerosum, by turns, eager"] == pytest.approx(ours - 2e-6 * generator, rel=1e-6)
    assert flops["bfloat16", "zerosum, eager"] == ours


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_the_engine_and_the_loop_by_hand_compute_the_same(name):
    assert plain.agree(SYSTEMS[name], noise(SYSTEMS[name].side), rounds=2) < 1e-6  # the gate; ramps are float32


def test_loops_that_part_are_not_timed(monkeypatch):
    monkeypatch.setattr(plain, "agree", lambda *_: 1e-3)
    with pytest.raises(SystemExit, match=r"a: parameters part by 1.0e-03 in 20 rounds"):
        measured("a")


def test_an_example_of_the_tutorials_is_normalised_and_resized():
    data = plain.OneByOne(torch.full((3, 1, 32, 32), 255, dtype=torch.uint8))
    x, label = data[1]
    assert x.shape == (1, 32, 32)
    assert label == 0
    assert torch.equal(x, torch.ones(1, 32, 32))


def test_a_class_is_told_as_a_table(capsys):
    (row,) = measured("a", modes=("eager",), only=("same",)).values()
    plain.tell(row)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("a (vanilla: perceptrons), class same, cpu, load ")
    assert [line.split("  ")[1] for line in lines[3:6]] == ["plain", "plain, fused optimizer", "zerosum, eager"]
