"""Divergence leaves what is needed to see why: the last good checkpoint, the batches, and the round played again."""

import json
import math
from pathlib import Path

import pytest
import safetensors.torch
import torch

import zerosum as zs
from tests.cli.commands import answer
from zerosum import api
from zerosum.errors import DataError, RunError

RECIPE = Path(__file__).parents[2] / "examples" / "ring_r1.py"
SMALL = {"hidden": 8, "batch_size": 16, "progress": False}


def poisoned(at, player="discriminator", forever=False):
    """A recipe whose discriminator or generator has a NaN at some round, or from it on."""
    text = RECIPE.read_text()
    when = f"batch['examples'] {'>=' if forever else '=='} {16 * at}"
    old = {
        "discriminator": 'return {**terms, "r1": config.gamma * r1(net.discriminator, batch["x"])}',
        "generator": 'return {"adversarial": nonsaturating.generator(net.discriminator(net.generator(batch["z"])))}',
    }[player]
    assert old in text
    first = old.replace("return ", "found = ")
    new = f"{first}\n        return {{k: torch.where({when}, math.nan, 1) * v for k, v in found.items()}}"
    Path("mine.py").write_text(text.replace(old, new))
    return "mine.py"


@pytest.mark.fault
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_fault_17_a_nan_stops_the_run_and_replay_finds_the_round(capsys, player):
    recipe = poisoned(25, player, forever=True)
    words = ("--hidden", "8", "--batch-size", "16", "--out", "run", "--data", "ring")
    code, _, err = answer(capsys, "train", recipe, *words, "--rounds", "100", "--log-every", "10", "--save-every", "4")
    assert code == 5
    assert f"none of the last 10 updates of {player} had finite gradients" in err
    assert "zerosum replay run finds the first of them." in err
    # the last checkpoint before the NaN stays, whatever came after it
    rounds = sorted(int(path.name.removeprefix("round-")) for path in Path("run/checkpoints").glob("round-*"))
    assert rounds == [24, 28, 32, 36]
    facts = json.loads(Path("run/diverged/facts.json").read_text())
    assert facts["round"] == 40
    assert facts["player"] == player
    assert facts["last_clean_checkpoint"] == 24
    batches = safetensors.torch.load(Path("run/diverged/batches.safetensors").read_bytes())
    assert batches["turn-0/repeat-0/x"].shape == (16, 2)
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    code, out, _ = answer(capsys, "replay", "run")
    assert code == 0
    assert "round 26 of run, after 400 examples, played again from the checkpoint of round 24:" in out
    assert f"of {player}: gradient norm nan; skipped" in out
    assert f"{player}.0.0.weight: " in out or f"{player}.1.0.weight: " in out
    assert before == {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    # the round the run ended in is that of the dump, to the bit
    last = api.replay("run", 40)
    assert last.examples == facts["examples_before"]
    x = batches["turn-0/repeat-0/x"]
    assert last.batch["x"] == pytest.approx((float(x.min()), float(x.max()), 0))


def test_a_nan_that_passes_is_found_too_and_does_not_stop_the_run(capsys):
    recipe = poisoned(25)
    zs.train(recipe, data="ring", rounds=60, out="run", log_every=10, save_every=7, **SMALL)
    (event,) = (
        line["event"] for line in map(json.loads, Path("run/log.jsonl").read_text().splitlines()) if "event" in line
    )
    assert event["text"] == "1 of 10 updates of discriminator were skipped: gradients not finite."
    with pytest.raises(RunError, match="run has not diverged; name a round of it to replay, 1 to 60"):
        api.replay("run")
    found = api.replay("run", 26)
    assert found.skipped
    assert [update.player for update in found.updates] == ["discriminator", "generator"]
    assert math.isnan(found.terms["discriminator/real"])
    assert not api.replay("run", 27).skipped


@pytest.mark.parametrize("round", [1, 8, 9, 20])
def test_a_round_is_the_bits_it_was(round):
    """Its gradients lead from the weights before it to the weights the run had after it."""
    kept = {"log_every": 1, "save_every": 4, "sample_every": 1000}
    zs.train(str(RECIPE), data="ring", rounds=20, out="run", **kept, **SMALL)
    found = api.replay("run", round)
    lines = [json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines()]
    assert found.terms == lines[round - 1]["terms"]
    assert found.round == round
    assert found.start == {1: 0, 8: 0, 9: 0, 20: 16}[round]  # rounds 4 and 8 are pruned
    assert found.examples == 16 * (round - 1)


def test_stages_are_replayed_through(capsys):
    settings = {"variant": "tfd", "hidden": 16, "units": 4, "pretraining": 1, "batch_size": 400, "progress": False}
    zs.train("gan", rounds=8, out="run", log_every=1, save_every=100, **settings)
    lines = [json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines()]
    terms = {line["round"]: line["terms"] for line in lines if "terms" in line}
    for round in (2, 4, 5, 8):  # 4 rounds of pretraining
        assert api.replay("run", round).terms == terms[round]


def test_what_cannot_be_replayed():
    with pytest.raises(RunError, match="nowhere is no run folder"):
        api.replay("nowhere")
    zs.train(str(RECIPE), data="ring", rounds=5, out="run", **SMALL)
    with pytest.raises(RunError, match="run has the rounds 1 to 5, got 6"):
        api.replay("run", 6)


def test_data_that_changed_are_not_replayed():
    import numpy as np

    np.save("x.npy", np.random.default_rng(0).integers(0, 255, (50, 8, 8), dtype=np.uint8))
    zs.train("mlp_gan", data="x.npy", rounds=2, out="run", **SMALL)
    np.save("x.npy", np.random.default_rng(1).integers(0, 255, (50, 8, 8), dtype=np.uint8))
    with pytest.raises(DataError, match=r"x.npy has changed since run was trained on it; restore it to replay"):
        api.replay("run", 1)


def test_the_verb_says_what_a_healthy_round_was(capsys):
    zs.train(str(RECIPE), data="ring", rounds=5, out="run", **SMALL)
    code, out, _ = answer(capsys, "replay", "run", "--round", "3")
    assert code == 0
    assert "round 3 of run, after 32 examples, played again from the beginning:" in out
    assert "  update 1, of discriminator: gradient norm 0." in out
    assert "  x from " in out
    assert answer(capsys, "replay", "--help")[0] == 0
    assert answer(capsys, "replay")[0] == 2
    assert torch.get_num_threads() == 1
