"""What only a GPU can show; skipped without one."""

import pytest
import torch

import zerosum as zs
from tests.games import copies, play, same
from tests.recipes.test_contract import RECIPES
from zerosum import api, recipes
from zerosum.api import benches
from zerosum.data import open_data
from zerosum.training import BatchBuilder, Rounds
from zerosum.training.folder import read_record

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def on_cuda(name):
    device = torch.device("cuda")
    module = recipes.find(name)
    data = open_data("digits", seed=0, device=device)
    experiment = api.build(module, module.Config(batch_size=32), data.spec, 0)
    experiment.game.to(device)
    return experiment.game, BatchBuilder(data, experiment.priors, experiment.game.schedule, 32, 0, device)


class Strict:
    """A game whose play may not wait for the host."""

    def __init__(self, game):
        self.game, self.round, self.device = game, game.round, game.device

    def play(self, batches, images):
        torch.cuda.set_sync_debug_mode("error")
        try:
            self.game.play(batches, images)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        self.round = self.game.round


@pytest.mark.parametrize("name", RECIPES)
def test_a_round_does_not_wait_for_the_host(name):
    game, builder = on_cuda(name)
    play(Strict(game), builder, 5)
    assert all(torch.tensor(value).isfinite() for value in game.read().terms.values())


@pytest.mark.parametrize("name", RECIPES)
def test_resume_is_exact_on_the_device(name):
    (one, builder), (other, _) = on_cuda(name), on_cuda(name)
    images = play(one, builder, 5)
    other.load_state({key: tensor.cpu().clone() for key, tensor in one.state().items()})
    play(one, builder, 5, images)
    play(other, builder, 5, images)
    for network in one.networks:
        assert same(copies(one.networks[network]), copies(other.networks[network]))


def test_bench(monkeypatch):
    for name, value in {"TURNS": 2, "SECONDS": 0.01, "ROOF_SECONDS": 0.01}.items():
        monkeypatch.setattr(benches, name, value)
    measured = api.bench("vanilla", device="cuda")
    assert measured.rows[0].mode == "eager"
    assert measured.machine["gpu"] == torch.cuda.get_device_name()
    assert len(measured.rooflines) == 2  # one number of threads


@pytest.mark.parametrize("name", RECIPES)
def test_recorded_rounds_are_the_eager_ones_bit_for_bit(name):
    (eager, builder), (graph, fed) = on_cuda(name), on_cuda(name)
    graph.mode = "graph"
    said = []
    one, other = Rounds(eager, builder), Rounds(graph, fed, said.append)
    images = {"eager": 0, "graph": 0}
    while graph.round < 1 + 4 * 32:
        images["graph"] = other.play(images["graph"], 1 + 4 * 32 - graph.round)
    while eager.round < graph.round:
        images["eager"] = one.play(images["eager"])
    torch.cuda.synchronize()
    assert said == []
    for key, tensor in eager.state().items():
        assert torch.equal(tensor, graph.state()[key]), key


def test_a_run_by_recorded_rounds_resumes_to_the_bit(tmp_path):
    options = {"device": "cuda", "progress": False, "batch_size": 32}
    zs.train("vanilla", rounds=200, out=tmp_path / "whole", **options)
    zs.train("vanilla", rounds=77, out=tmp_path / "parts", **options)
    zs.train("vanilla", rounds=200, out=tmp_path / "parts", **options)
    assert read_record(tmp_path / "whole")["mode"] == "graph"
    whole, parts = (zs.load(tmp_path / name).sample(8) for name in ("whole", "parts"))
    assert torch.equal(whole, parts)


def test_bfloat16_on_the_device():
    game, builder = on_cuda("mlp_gan")
    game.precision = "bfloat16"
    play(game, builder, 5)
    assert all(torch.tensor(value).isfinite() for value in game.read().terms.values())
