"""What a round is made of: operators, floating-point operations, waits, and nothing that grows. Free of noise.

``ZEROSUM_GOLDEN=write pytest tests/recipes/test_work.py`` writes the numbers anew; a commit that does so says why.
"""

import gc
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.systems import CPU, SEED, SYSTEMS
from tests.games import play
from tests.recipes.test_contract import RECIPES, tiny
from zerosum import api, recipes
from zerosum.data import Arrays, DataSpec, open_data
from zerosum.profiling.flops import count_operations
from zerosum.training import BatchBuilder

PINNED = Path(__file__).parent / "golden" / "work.txt"
RENEW = "ZEROSUM_GOLDEN=write pytest tests/recipes/test_work.py writes the new one"

WAITS = {
    # zerosum.updates.momentum: the fused kernel takes a float, and on a CPU a ramp is read as one; two players.
    "gan": ("_local_scalar_dense", "_local_scalar_dense"),
    "conditional": ("_local_scalar_dense", "_local_scalar_dense"),
    "benchmark gan": ("_local_scalar_dense", "_local_scalar_dense"),
}
"""Where a round asks for a number; nowhere else."""


def system(name):
    """A system of the benchmarks on noise of its images' shape."""
    side = SYSTEMS[name].side
    x = torch.randint(0, 256, (200, 1, side, side), dtype=torch.uint8)
    data = Arrays(DataSpec.of("noise", "image", (1, side, side), count=len(x)), {"x": x}, seed=SEED)
    experiment, settings = SYSTEMS[name].make(data.spec)
    return experiment, BatchBuilder(data, experiment.priors, experiment.game.schedule, settings.batch_size, SEED, CPU)


def counted(experiment, builder):
    """The work of a round after the first ones, which make what the others reuse."""
    images = play(experiment.game, builder, 2)
    return count_operations(lambda: play(experiment.game, builder, 1, images))


def pins():
    """Operators and floating-point operations by name."""
    lines = [line.rsplit(maxsplit=4) for line in PINNED.read_text().splitlines()] if PINNED.exists() else []
    return {name: (int(operators), int(flops)) for name, _, operators, _, flops in lines}


def pin(name, work):
    kept = {**pins(), name: (work.operators, work.flops)}
    PINNED.write_text("".join(f"{who} operators {o} flops {f}\n" for who, (o, f) in sorted(kept.items())))


MADE = {name: lambda name=name: tiny(name) for name in RECIPES}
MADE |= {f"benchmark {name}": lambda name=name: system(name) for name in SYSTEMS}


@pytest.mark.parametrize("name", MADE)
def test_a_round_is_made_of_what_is_pinned(name):
    work = counted(*MADE[name]())
    if os.environ.get("ZEROSUM_GOLDEN") == "write":
        pin(name, work)
    operators, flops = pins().get(name, (0, 0))
    assert work.operators <= operators, f"{name} had {operators} operators, now {work.operators}; {RENEW}."
    assert work.flops == flops, f"{name} had {flops} floating-point operations, now {work.flops}; {RENEW}."
    assert work.waits == WAITS.get(name, ())


def test_the_products_of_vanilla_are_these():
    """z-h-p against p-h-1; what the mover does not need is not computed."""
    z, h, p, batch = 100, 128, 784, 128
    generator, discriminator = z * h + h * p, p * h + h
    told_apart = generator + 2 * (discriminator + discriminator + h)  # back: both weights, and to the hidden layer
    taken_for_real = generator + discriminator + discriminator + (z * h + h * p + h * p)  # back through D, then G's
    assert counted(*system("a")).flops == 2 * batch * (told_apart + taken_for_real)


def test_the_products_of_wgan_gp_are_these():
    z, h, p, batch, k = 100, 128, 784, 64, 5
    generator, critic = z * h + h * p, p * h + h
    scored = 2 * (critic + critic + h)
    slope = critic + critic  # forward, and back to the points
    penalty = 2 * p * h + h  # of the slope in both weights, and through the product between
    penalty += p * h  # torch sends zeros back through a ReLU's own argument, whose second derivative is 0
    moved = generator + critic + critic + (z * h + 2 * h * p)
    assert counted(*system("d")).flops == 2 * batch * (k * (generator + scored + slope + penalty) + moved)


def living():
    """Tensors that are alive and their bytes."""
    gc.collect()
    tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), Tensor)]
    return len(tensors), sum(tensor.untyped_storage().nbytes() for tensor in tensors)


def test_nothing_grows_over_a_thousand_rounds():
    data, vanilla = open_data("digits", seed=SEED), recipes.find("vanilla")
    config = vanilla.Config(batch_size=160, hidden=8)  # ten rounds reach the second epoch: the orders of two are kept
    experiment = api.build(vanilla, config, data.spec, SEED)
    builder = BatchBuilder(data, experiment.priors, experiment.game.schedule, config.batch_size, SEED, CPU)
    images = play(experiment.game, builder, 10)
    before = living()
    play(experiment.game, builder, 1000, images)
    assert living() == before
