"""Checks of ``fgan``: a Gaussian fitted to a mixture of five by every divergence, against the direct minimiser."""

from __future__ import annotations

import math

import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from benchmarks.checks.checking import Bound, Check, train
from zerosum.adversarial import zero_centered_penalty
from zerosum.data.toys import GaussianMixture, gaussian
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating
from zerosum.lab.objectives import generator_loss
from zerosum.losses import DIVERGENCES
from zerosum.networks import mlp
from zerosum.updates import adam

TARGET = GaussianMixture(torch.tensor([[-1.0], [-1.0], [-1.0], [1.5], [2.5]], dtype=torch.float64), 0.6)
LINE = torch.linspace(-30, 30, 20_001, dtype=torch.float64).unsqueeze(1)
ROUNDS, BATCH = 6_000, 1024
GAMMA = {"total_variation": 1e-3}
"""Weight of R1 where the critic needs it; the other divergences are as in the paper."""


def distance(name: str, mean: float, log_std: float) -> float:
    """The divergence of the target from a Gaussian, by quadrature."""
    log_p, log_q = (law.log_density(LINE) for law in (TARGET, gaussian(mean, math.exp(log_std))))
    if name == "kl":
        inside = log_p.exp() * (log_p - log_q)
    elif name == "reverse_kl":
        inside = log_q.exp() * (log_q - log_p)
    else:
        inside = log_q.exp() * DIVERGENCES[name].f((log_p - log_q).clamp(-300, 300).exp())
    return float(torch.trapezoid(torch.nan_to_num(inside, posinf=1e3), LINE.squeeze(1)))


def fit(name: str) -> Check:
    """An affine generator against a critic of two hidden layers; its average is the fit."""

    def check(seed: int) -> dict[str, float]:
        best = min(
            (
                minimize(lambda v: distance(name, *v), [mean, 0.3], method="Nelder-Mead", options={"xatol": 1e-4})
                for mean in (-0.5, 0.5)
            ),
            key=lambda found: float(found.fun),
        )
        mean, std = float(best.x[0]), math.exp(best.x[1])
        law = fitted(name, seed)
        return {
            "mean": round(law[0], 4),
            "std": round(law[1], 4),
            "mean of the direct minimiser": round(mean, 4),
            "std of the direct minimiser": round(std, 4),
            "error of the mean, in its std": round(abs(law[0] - mean) / std, 4),
            "relative error of the std": round(abs(law[1] / std - 1), 4),
        }

    return check


def fitted(name: str, seed: int) -> tuple[float, float]:
    """Mean and standard deviation of the trained generator."""
    torch.manual_seed(seed)
    loss = DIVERGENCES[name].pair()
    gamma = GAMMA.get(name, 0.0)

    def critic(net: Networks, batch: Batch) -> Terms:
        x = batch["x"].detach().requires_grad_(gamma > 0)
        with torch.no_grad():
            fake = net.generator(batch["z"])
        logits = net.discriminator(x)
        terms = loss.discriminator(logits, net.discriminator(fake))
        return {**terms, "r1": gamma * zero_centered_penalty(logits, x)} if gamma else terms

    affine = nn.Linear(1, 1)
    with torch.no_grad():
        affine.weight.fill_(1.0)
        affine.bias.zero_()
    game = Game(
        {"generator": affine, "discriminator": mlp((1, 64, 64, 1), nn.Tanh)},
        {
            "discriminator": Player(("discriminator",), adam(2e-3, (0.5, 0.999))),
            "generator": Player(("generator",), adam(1e-3, (0.5, 0.999))),
        },
        alternating(Turn("discriminator", critic, repeat=2), Turn("generator", generator_loss(loss))),
        averages={"generator": 500 * BATCH},
    )
    draw = torch.Generator().manual_seed(seed)

    def batch() -> dict[str, Tensor]:
        return {"x": TARGET.sample(BATCH, draw)[0], "z": torch.randn(BATCH, 1, generator=draw)}

    for _ in range(ROUNDS):
        game.play([[batch(), batch()], [batch()]], BATCH)
    average = game.averages["generator"]
    assert isinstance(average, nn.Linear)
    return float(average.bias), abs(float(average.weight))


CHECKS: dict[str, Check] = {
    **{f"fgan-fit-{name}": fit(name) for name in DIVERGENCES},
    "fgan-ring": train("fgan", "ring", 10_000),
    "fgan-digits": train("fgan", "digits", 10_000),
}
ASKED = {
    f"fgan-fit-{name}": (
        Bound("error of the mean, in its std", most=0.05),
        Bound("relative error of the std", most=0.05),
    )
    for name in DIVERGENCES
}
