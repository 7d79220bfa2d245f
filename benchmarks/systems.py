"""What the benchmarks play: five systems, each as the engine has it and as a good user writes its round today.

======  ===================================================================================================
``a``   recipe ``vanilla``: perceptrons 100-128-784 and 784-128-1, batch 128
``b``   the networks of 2014 without dropout, by Adam: 100-1200-1200-784 against maxout 240x5 twice, batch 100
``c``   DCGAN on 32x32 grey images, 64 channels, batch norm, filters of 4x4, batch 64
``d``   WGAN-GP on the perceptrons of ``a``: five updates of the critic, batch 64
``gan`` recipe ``gan`` as released: dropout, momentum, both gradients from one pass, an average, batch 100
======  ===================================================================================================
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, softplus

from zerosum import api, recipes
from zerosum.data import Arrays, DataSpec, open_data
from zerosum.data.transforms import to_symmetric
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating
from zerosum.losses import gradient_penalty, interpolate, nonsaturating, wasserstein
from zerosum.networks import dcgan_discriminator, dcgan_generator, gan2014, mlp
from zerosum.networks.maxout import Maxout
from zerosum.runtime import reseed
from zerosum.sources import Prior, Uniform
from zerosum.training import Experiment
from zerosum.updates import adam

CPU = torch.device("cpu")
SEED = 0

Round = Callable[[list[list[Batch]]], tuple[Tensor, Tensor]]
"""One round by hand, for each turn one batch per repeat; returns what each player descended last."""


@dataclass(frozen=True)
class System:
    """A system twice.

    Attributes:
        text: What it is.
        make: Its experiment with first weights from the seed, and its settings (``batch_size``, ``k``).
        hand: Its round on the experiment's networks by ``torch.optim``, fused or as it comes.
        side: Of the images.
        inward: From images in [0, 1] to what the discriminator sees.
        shares: Whether the generated examples of a round can serve both players.
    """

    text: str
    make: Callable[[DataSpec], tuple[Experiment, Any]]
    hand: Callable[..., Round]
    side: int = 28
    inward: Callable[[Tensor], Tensor] = lambda x: x
    shares: bool = False

    def shared(self, experiment: Experiment) -> Experiment:
        """Another algorithm: both players see the same generated examples, one after the other.

        Args:
            experiment: As it was made; changed.
        """

        def prepare(net: Networks, batch: Batch) -> Batch:
            return {"fake": net.generator(batch["z"])}

        def apart(net: Networks, batch: Batch) -> Terms:
            real = net.discriminator(self.inward(batch["x"]))
            return nonsaturating.discriminator(real, net.discriminator(batch["fake"].detach()))

        def fool(net: Networks, batch: Batch) -> Terms:
            return {"adversarial": nonsaturating.generator(net.discriminator(batch["fake"]))}

        turns = Turn("discriminator", apart), Turn("generator", fool)
        experiment.game.schedule = alternating(*turns, prepare=prepare)
        return experiment


@dataclass(frozen=True)
class Settings:
    """Of a system that is no recipe."""

    batch_size: int
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    k: int = 1


def pixels(side: int, root: Path | None, device: torch.device = CPU) -> Arrays:
    """MNIST's training images, with a border where they are to be larger; noise where MNIST is not there."""
    try:
        data = open_data("mnist", "train", SEED, CPU, root)
        assert isinstance(data, Arrays)
        x = data.x
    except Exception as error:
        print(f"mnist is not here ({error}); timing on noise of its shape.")
        x = torch.randint(0, 256, (50_000, 1, 28, 28), dtype=torch.uint8)
    x = pad(x, [(side - x.shape[-1]) // 2] * 4)
    return Arrays(DataSpec.of("mnist", "image", (1, side, side), count=len(x)), {"x": x}, seed=SEED, device=device)


def recipe(name: str) -> Callable[[DataSpec], tuple[Experiment, Any]]:
    """A recipe at its paper's size."""

    def make(spec: DataSpec) -> tuple[Experiment, Any]:
        module = recipes.find(name)
        config = module.Config()
        return api.build(module, config, spec, SEED), config

    return make


# -- the engine's side --------------------------------------------------------------------------------------------


def discriminate(net: Networks, batch: Batch) -> Terms:
    """Of ``b``."""
    with torch.no_grad():
        fake = net.generator(batch["z"])
    return nonsaturating.discriminator(net.discriminator(batch["x"]), net.discriminator(fake))


def discriminate_symmetric(net: Networks, batch: Batch) -> Terms:
    """Of ``c``, whose images are in [-1, 1]."""
    return discriminate(net, {**batch, "x": to_symmetric(batch["x"])})


def generate(net: Networks, batch: Batch) -> Terms:
    """Of ``b`` and ``c``."""
    return {"adversarial": nonsaturating.generator(net.discriminator(net.generator(batch["z"])))}


def criticise(net: Networks, batch: Batch) -> Terms:
    """Of ``d``."""
    with torch.no_grad():
        fake = net.generator(batch["z"])
    terms = wasserstein.discriminator(net.discriminator(batch["x"]), net.discriminator(fake))
    between = interpolate(batch["x"], fake, batch["epsilon"])
    return {**terms, "penalty": 10 * gradient_penalty(net.discriminator, between)}


def please(net: Networks, batch: Batch) -> Terms:
    """Of ``d``."""
    return {"adversarial": wasserstein.generator(net.discriminator(net.generator(batch["z"])))}


def experiment(
    networks: Callable[[DataSpec], dict[str, nn.Module]],
    settings: Settings,
    first: Callable[[Networks, Batch], Terms],
    second: Callable[[Networks, Batch], Terms],
    priors: dict[str, Prior],
) -> Callable[[DataSpec], tuple[Experiment, Any]]:
    """One player after the other, by Adam."""

    def make(spec: DataSpec) -> tuple[Experiment, Any]:
        reseed(CPU, SEED, "weights")
        update = adam(settings.learning_rate, settings.betas)
        game = Game(
            networks(spec),
            {name: Player((name,), update) for name in ("discriminator", "generator")},
            alternating(Turn("discriminator", first, repeat=settings.k), Turn("generator", second)),
        )
        return Experiment(game, priors, outputs={}), settings

    return make


def perceptrons(spec: DataSpec) -> dict[str, nn.Module]:
    """Of ``d``, those of ``a``."""
    generator = nn.Sequential(mlp((100, 128, 784), final=nn.Sigmoid), nn.Unflatten(1, spec.shape))
    return {"generator": generator, "discriminator": nn.Sequential(nn.Flatten(), mlp((784, 128, 1)))}


def of_2014(spec: DataSpec) -> dict[str, nn.Module]:
    """Of ``b``."""
    layers = [nn.Flatten(), Maxout(784, 240, 5), Maxout(240, 240, 5), nn.Linear(240, 1)]
    discriminator = gan2014.uniform(nn.Sequential(*layers), 0.005)
    return {"generator": gan2014.mnist_generator(100, 1200, spec.shape), "discriminator": discriminator}


def dcgan(spec: DataSpec) -> dict[str, nn.Module]:
    """Of ``c``."""
    shape = spec.shape
    return {"generator": dcgan_generator(100, shape, kernel=4), "discriminator": dcgan_discriminator(shape, kernel=4)}


# -- by hand ------------------------------------------------------------------------------------------------------


def told_apart(D: nn.Module, x: Tensor, fake: Tensor, batch: Batch) -> Tensor:
    """What a discriminator descends."""
    loss: Tensor = softplus(-D(x)).mean() + softplus(D(fake)).mean()
    return loss


def taken_for_real(logits: Tensor) -> Tensor:
    """What a generator descends."""
    return softplus(-logits).mean()


def apart_with_penalty(D: nn.Module, x: Tensor, fake: Tensor, batch: Batch) -> Tensor:
    """What a critic descends."""
    epsilon = batch["epsilon"].view(-1, 1, 1, 1)
    between = (epsilon * x + (1 - epsilon) * fake).requires_grad_()
    slope = torch.autograd.grad(D(between).sum(), between, create_graph=True)[0]
    loss: Tensor = D(fake).mean() - D(x).mean() + 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()
    return loss


def by_turns(
    apart: Callable[[nn.Module, Tensor, Tensor, Batch], Tensor] = told_apart,
    fool: Callable[[Tensor], Tensor] = taken_for_real,
    inward: Callable[[Tensor], Tensor] = lambda x: x,
) -> Callable[[Game, Any, bool], Round]:
    """The round of the tutorials with what good users have learned: detached fakes, no number asked for."""

    def hand(game: Game, settings: Any, fused: bool, reuse: bool = False) -> Round:
        G, D = game.networks.generator, game.networks.discriminator
        betas = getattr(settings, "betas", None) or (settings.beta1, settings.beta2)
        of_d = torch.optim.Adam(D.parameters(), lr=settings.learning_rate, betas=betas, fused=fused)
        of_g = torch.optim.Adam(G.parameters(), lr=settings.learning_rate, betas=betas, fused=fused)

        def step(batches: list[list[Batch]]) -> tuple[Tensor, Tensor]:
            for batch in batches[0]:
                of_d.zero_grad()
                fake = G(batch["z"])
                loss = apart(D, inward(batch["x"]), fake.detach(), batch)
                loss.backward()  # type: ignore[no-untyped-call]
                of_d.step()
            of_g.zero_grad()
            fooled = fool(D(fake if reuse else G(batches[1][0]["z"])))
            fooled.backward()  # type: ignore[no-untyped-call]
            of_g.step()
            return loss, fooled

        return step

    return hand


def both_at_once(game: Game, config: Any, fused: bool) -> Round:
    """The round of recipe ``gan`` as released: one pass over real and fake serves both gradients."""
    G, D = game.networks.generator, game.networks.discriminator
    options = {"lr": config.learning_rate, "momentum": config.momentum, "fused": fused}
    of_d, of_g = torch.optim.SGD(D.parameters(), **options), torch.optim.SGD(G.parameters(), **options)
    average = copy.deepcopy(G)
    share = 1 - 0.5 ** (config.batch_size / config.average_halflife)
    seen = 0

    def step(batches: list[list[Batch]]) -> tuple[Tensor, Tensor]:
        nonlocal seen
        batch = batches[0][0]
        done = min(1.0, seen / (config.horizon * 50_000))
        for optimizer in (of_d, of_g):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate / config.learning_rate_decay ** (seen / config.batch_size)
                group["momentum"] = config.momentum + (config.final_momentum - config.momentum) * done
        real, fake = D(batch["x"]), D(G(batch["z"]))
        loss_d = (softplus(-real).mean() + softplus(fake).mean()) / 2
        loss_g = softplus(-fake).mean()
        of_d.zero_grad()
        of_g.zero_grad()
        loss_d.backward(inputs=list(D.parameters()), retain_graph=True)  # type: ignore[no-untyped-call]
        loss_g.backward(inputs=list(G.parameters()))  # type: ignore[no-untyped-call]
        of_d.step()
        of_g.step()
        with torch.no_grad():
            for slow, live in zip(average.parameters(), G.parameters(), strict=True):
                slow.lerp_(live, share)
        seen += config.batch_size
        return loss_d, loss_g

    return step


LATENT: dict[str, Prior] = {"z": Uniform(-1, 1, 100)}

SYSTEMS = {
    "a": System("vanilla: perceptrons", recipe("vanilla"), by_turns(), shares=True),
    "b": System(
        "the networks of 2014, Adam",
        experiment(of_2014, Settings(100), discriminate, generate, LATENT),
        by_turns(),
        shares=True,
    ),
    "c": System(
        "DCGAN 32x32",
        experiment(dcgan, Settings(64), discriminate_symmetric, generate, LATENT),
        by_turns(inward=to_symmetric),
        side=32,
        inward=to_symmetric,
        shares=True,
    ),
    "d": System(
        "WGAN-GP: perceptrons",
        experiment(
            perceptrons,
            Settings(64, 1e-4, (0.5, 0.9), k=5),
            criticise,
            please,
            {**LATENT, "epsilon": Uniform(0, 1, 1)},
        ),
        by_turns(apart_with_penalty, lambda logits: -logits.mean()),
    ),
    "gan": System("gan as released", recipe("gan"), both_at_once),
}
