"""An earlier stage: trained first, handing over shared modules, resumed to the bit on either side of the handover."""

import dataclasses
from pathlib import Path

import pytest
import torch

import zerosum as zs
from tests.games import noisy_experiment, points, same
from zerosum.training import BatchBuilder, Goal, Intervals, RunFolder, Training, log
from zerosum.training.folder import checkpoints_of

RECORD = {"recipe": "noisy", "config": {}, "data": {}, "seed": 0}
FIRST = 12
"""Rounds of the stage before."""


def staged(called=None):
    """Two noisy games that share the generator; whatever is initialised is noted."""
    before, _ = noisy_experiment(seed=1)
    main, _ = noisy_experiment(seed=2, made=before.game.networks["generator"])
    note = (called if called is not None else []).append
    before = dataclasses.replace(before, rounds=FIRST, stage="pretraining", initialise=lambda data: note("pretraining"))
    return dataclasses.replace(main, before=before, initialise=lambda data: note("main"))


def run(rounds, out="run", called=None, **intervals):
    experiment = staged(called)
    builder = BatchBuilder(points(), experiment.priors, experiment.game.schedule, 16, 0, experiment.game.device)
    folder = RunFolder.claim(Path(out), RECORD)
    try:
        every = Intervals(**intervals)
        return Training(experiment, builder, folder, Goal(rounds=rounds), lambda s: points(), every).run(), experiment
    finally:
        folder.release()


def state(out):
    checkpoint = checkpoints_of(Path(out), RECORD).load()
    return checkpoint.facts["stage"], checkpoint.tensors


def test_rounds_and_images_count_through_the_stages():
    called = []
    outcome, experiment = run(20, called=called, log=5)
    assert (outcome.round, outcome.examples) == (20, 20 * 48)
    assert (experiment.before.game.round, experiment.game.round) == (FIRST, 20 - FIRST)
    assert int(experiment.game.examples) == (20 - FIRST) * 48  # ramps begin anew
    assert called == ["pretraining", "main"]
    records = list(log.read(Path("run/log.jsonl")))
    assert [r["round"] for r in records if "terms" in r] == [5, 10, 12, 15, 20]
    (event,) = [r["event"] for r in records if r.get("event", {}).get("kind") == "stage"]
    assert "stage main begins at round 12, 576 examples" in event["text"]
    assert state("run")[0] == "main"


def test_the_goal_may_lie_in_the_stage_before():
    outcome, experiment = run(FIRST)
    assert (outcome.round, experiment.game.round) == (FIRST, 0)
    assert state("run")[0] == "pretraining"


def test_the_shared_module_is_handed_over_and_the_average_begins_from_it():
    run(FIRST, "before")
    _, kept = state("before")
    experiment = staged()
    experiment.before.game.load_state(kept)
    own = experiment.game
    for live, slow in zip(own.networks["generator"].parameters(), own.averages["generator"].parameters(), strict=True):
        assert not torch.equal(live, slow)
    own.restart_averages()
    pretrained = [kept[f"networks/generator/{name}"] for name, _ in own.networks["generator"].named_parameters()]
    assert same(pretrained, list(own.networks["generator"].parameters()))
    assert same(pretrained, list(own.averages["generator"].parameters()))


@pytest.mark.parametrize("stops", [(3,), (FIRST,), (FIRST - 1, FIRST + 1), (FIRST + 1,), (5, FIRST, 17)])
def test_resume_on_either_side_of_the_handover_is_exact(stops):
    run(20, "whole", log=5, save=4)
    for stop in (*stops, 20):
        outcome, _ = run(stop, "parts", log=5, save=4)
        assert outcome.round == stop
    (stage, whole), (other, parts) = state("whole"), state("parts")
    assert stage == other == "main"
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[k], parts[k]) for k in whole)

    def terms(out):
        return [(r["round"], r["examples"], r["terms"]) for r in log.read(Path(out) / "log.jsonl") if "terms" in r]

    assert terms("whole") == terms("parts")


def test_stages_draw_latents_of_their_own():
    experiment = staged()
    builder = BatchBuilder(points(), experiment.priors, experiment.game.schedule, 16, 0, experiment.game.device)
    ours, theirs = builder.batches(0, 0)[0][0], builder.of(experiment.before).batches(0, 0)[0][0]
    assert not torch.equal(ours["z"], theirs["z"])
    assert torch.equal(ours["x"], theirs["x"])


@pytest.mark.parametrize(("rounds", "latent"), [(2, 100), (5, 4)])
def test_a_model_is_of_the_stage_its_run_has_reached(rounds, latent):
    """The tfd variant on 12 digits: 3 rounds of pretraining at batch 4, then the stack."""
    settings = {"variant": "tfd", "hidden": 20, "units": 6, "latent": 4, "batch_size": 432, "pretraining": 1}
    zs.train("gan", data="digits", rounds=rounds, out="run", progress=False, **settings)
    model = zs.load("run")
    assert model.round == rounds
    assert model.priors["z"].dim == latent
    assert model.sample(3).shape == (3, 1, 8, 8)
    assert model.decode(model.latents(3)).shape == (3, 1, 8, 8)
    zs.train("gan", data="digits", rounds=6, out="run", progress=False, **settings)
    assert zs.load("run").priors["z"].dim == 4
