"""``zs.bench``: which ways are played, the arithmetic of a row, and what is advised."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch

import zerosum as zs
from tests.games import noisy_experiment, play
from zerosum import runtime
from zerosum.api import benches
from zerosum.api.benches import Row, advise
from zerosum.errors import ConfigError
from zerosum.game import Game, execution
from zerosum.profiling.flops import count_operations

SMALL = {"batch_size": 16, "hidden": 8, "latent": 4}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    for name, value in {"TURNS": 2, "SECONDS": 1e-3, "ROOFLINE_SECONDS": 1e-3}.items():
        monkeypatch.setattr(benches, name, value)


ROW = Row(
    "eager",
    1,
    "float32",
    rounds_per_second=500,
    ratio=1,
    low=1,
    high=1,
    examples=128,
    flops=64e6,
    operators=160,
    roofline=100,
)


def row(**changes):
    return dataclasses.replace(ROW, **changes)


def test_the_arithmetic_of_a_row():
    assert ROW.examples_per_second == 500 * 128
    assert ROW.milliseconds == 2
    assert ROW.gflops == 32  # 64 MFLOP a round, 500 rounds a second
    assert ROW.share == 0.32
    assert ROW.mflop_per_image == 0.5


def test_the_machine_alone():
    torch.set_num_threads(2)
    measured = zs.bench()
    assert [(of.threads, of.precision) for of in measured.rooflines] == [
        (1, "float32"), (2, "float32"), (1, "bfloat16"), (2, "bfloat16")
    ]  # fmt: skip
    assert measured.machine["torch"] == torch.__version__
    assert (measured.recipe, measured.rows, measured.advice) == (None, [], [])
    assert torch.get_num_threads() == 2
    assert [of.threads for of in zs.bench(threads=1).rooflines] == [1, 1]


def test_a_recipe_is_played_with_one_thread_and_with_all():
    torch.set_num_threads(2)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    measured = zs.bench("vanilla", **SMALL)
    assert torch.equal(torch.rand(1), expected)  # the caller's random numbers and threads are the caller's
    assert torch.get_num_threads() == 2
    rows = [(row.mode, row.threads) for row in measured.rows if row.precision == "float32"]
    assert rows == [("eager", 1), ("eager", 2)]
    first = measured.rows[0]
    z, h, p = 4, 8, 64
    assert first.flops == 2 * 16 * (3 * z * h + 10 * h * p + 8 * h)  # the products of vanilla, by hand
    assert (first.examples, first.operators > 100, first.ratio) == (16, True, 1)
    assert measured.config["hidden"] == 8
    assert measured.data == "digits"
    assert measured.advice
    assert list(Path.cwd().iterdir()) == []


def test_a_lazy_turn_counts_as_often_as_it_is_due():
    """Of four rounds one has the penalty."""
    whole = benches._operations(*played(noisy_experiment()))
    game, builder = played(noisy_experiment())
    images = play(game, builder, 1)
    flops = [count_operations(lambda: play(game, builder, 1, game.round * 48)).flops for _ in range(4)]
    assert images == 48
    assert len(set(flops)) == 2
    assert whole.flops == sum(flops) / 4


def played(made):
    experiment, builder = made
    return experiment.game, builder


def test_other_precisions_and_modes_where_the_engine_has_them(monkeypatch):
    monkeypatch.setattr(Game, "precision", "float32", raising=False)
    monkeypatch.setattr(execution, "compiled", lambda run: run)
    measured = zs.bench("vanilla", threads=1, compile=True, **SMALL)
    assert [(row.mode, row.precision, row.operators is None) for row in measured.rows] == [
        ("eager", "float32", False), ("compile", "float32", True),
        ("eager", "bfloat16", False), ("compile", "bfloat16", True),
    ]  # fmt: skip
    assert all(row.flops == measured.rows[0].flops for row in measured.rows)


def test_what_cannot_be_played_is_left_out_and_said(monkeypatch):
    def refuse(run):
        raise ValueError("this torch cannot.")

    monkeypatch.setattr(execution, "compiled", refuse)
    measured = zs.bench("vanilla", threads=1, compile=True, **SMALL)
    assert "compile" not in [row.mode for row in measured.rows]
    assert "compile in float32, threads 1, is left out: this torch cannot." in measured.notices


def test_numbers_are_kept_as_json():
    measured = zs.bench("vanilla", threads=1, **SMALL)
    measured.write(Path("bench.json"))
    record = json.loads(Path("bench.json").read_text())
    assert record["rows"][0]["gflops"] == measured.rows[0].gflops
    assert record["rooflines"][0]["product"]["best"] == measured.rooflines[0].product.best
    assert record["machine"].keys() >= {"cores", "threads", "device", "python", *runtime.machine()}
    assert record["advice"] == measured.advice


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"recipe": "vanila"}, "unknown recipe 'vanila'; nearest: vanilla."),
        ({"recipe": "vanilla", "hiden": 3}, "unknown option 'hiden'; nearest: hidden"),
        ({"recipe": "vanilla", "threads": 0}, "threads must be greater than or equal to 1, got 0"),
        ({"threads": 0}, "threads must be greater than or equal to 1, got 0"),
        ({"device": "tpu"}, "device must be 'auto', 'cpu', 'cuda' or 'mps', got 'tpu'"),
        ({"hidden": 3}, "hidden is a setting of a recipe; name one."),
    ],
    ids=str,
)
def test_mistakes(words, message):
    with pytest.raises(ConfigError, match=message):
        zs.bench(**words)


THREADS = (
    (2.0, "Take 2 threads: 2.00 times as fast as 1."),
    (0.5, "Take --threads 1: 2.00 times as fast as 2."),
    (1.02, "2 threads are 1.02 times as fast as 1: take --threads 1."),
)


@pytest.mark.parametrize(("ratio", "sentence"), THREADS)
def test_advice_on_threads(ratio, sentence):
    assert advise([ROW, row(threads=2, ratio=ratio)], 128)[0] == sentence


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (row(precision="bfloat16", ratio=1.8), "bfloat16 pays here: 1.80 times as fast."),
        (row(precision="bfloat16", ratio=0.7), "bfloat16 does not pay here: 0.70 times as fast."),
        (row(mode="compile", operators=None, ratio=1.3), "--mode compile pays here: 1.30 times as fast."),
        (row(mode="graph", operators=None, ratio=1.0), "--mode graph does not pay here: 1.00 times as fast."),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_advice_on_modes_and_precisions(other, sentence):
    assert advise([ROW, other], 128)[0] == sentence


def test_advice_compares_with_the_threads_it_gives():
    """Of four rows in bfloat16 and of two threads, the one that changes one thing."""
    rows = [ROW, row(threads=2, ratio=1.5), row(precision="bfloat16", ratio=1.4)]
    assert len(advise(rows, 128)) == 2
    rows.append(row(threads=2, precision="bfloat16", ratio=3.0))
    assert advise(rows, 128)[1] == "bfloat16 pays here: 2.00 times as fast."


def test_advice_on_the_roof():
    near = row(rounds_per_second=1250)  # 80 GFLOP/s
    assert advise([near], 128) == [
        "Products run at 80% of the roofline: there is nothing to gain but by fewer of them or another precision."
    ]
    between = row(rounds_per_second=500, operators=20)  # 3.2 MFLOP an operator, 32 us at the roofline
    assert advise([between], 128)[0].startswith("32% of the roofline is reached; the rest of a round is no product")


def test_advice_on_the_batch():
    """160 operators of 0.4 MFLOP: 4 us each at the roofline. Half of it where products take as long as the rest."""
    (sentence,) = advise([ROW], 128)
    assert sentence == (
        "Operators dominate: 160 of 0.4 MFLOP each in 2 ms reach 32% of the roofline; a batch of 512 would reach about "
        "half, and is another training."
    )
    products, whole = ROW.flops / (ROW.roofline * 1e9), 1 / ROW.rounds_per_second
    larger = products * 512 / 128
    assert larger / (larger + whole - products) >= 0.5
    assert math.isclose(products / whole, ROW.share)
