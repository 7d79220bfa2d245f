r"""A discriminator is a ratio of densities: the best one's logit is log P / Q, and divergences are means of it.

A classifier sees nothing but examples, yet it learns the ratio of the two densities at every point: so KL, reverse KL
and Jensen-Shannon can be estimated between distributions whose densities nobody can write down.

References:
    | Generative Adversarial Networks (Goodfellow et al., 2014), proposition 1, https://arxiv.org/abs/1406.2661
    | Learning in Implicit Generative Models (Mohamed and Lakshminarayanan, 2016), https://arxiv.org/abs/1610.03483
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from zerosum.config import Count, NonNegativeCount
from zerosum.data.toys import GaussianMixture, gaussian
from zerosum.lab.cost import Cost, timed
from zerosum.lab.exhibit import Exhibit
from zerosum.metrics.ratio import estimates, train_critic
from zerosum.report.svg import plot

PAIRS = ((0.0, 1.0, 1.0, 1.0), (0.0, 1.0, 2.0, 1.0), (0.0, 1.0, 0.0, 2.0), (0.0, 1.0, 1.0, 2.0))
"""Mean and standard deviation of P and of Q."""

LINE = torch.linspace(-20, 20, 40_001, dtype=torch.float64).unsqueeze(1)
"""Points at which densities are integrated."""


@dataclass(frozen=True)
class Config:
    """Examples that the critics learn from."""

    updates: Count = 4000
    """The most each critic is trained for; it stops where it no longer improves on held-out examples [updates]."""
    n: Count = 200_000
    """Examples of each distribution to learn from, and as many others to evaluate by."""
    seed: NonNegativeCount = 0
    """Of the critics and of everything drawn."""


def cost(config: Config) -> Cost:
    """Seconds it takes, about; critics that stop early take less."""
    few = torch.randn(2000, 1), torch.randn(2000, 1)
    each = timed(lambda: train_critic(*few, updates=40)) / 40
    return Cost("updates", len(PAIRS) * each, fixed=0.5 + len(PAIRS) * config.n * 2e-6)


def play(config: Config) -> Exhibit:
    """Train a critic for every pair, and hold its logit and three divergences against the exact ones."""
    rows: list[dict[str, object]] = []
    plots = []
    x = torch.linspace(-5, 7, 241, dtype=torch.float64).unsqueeze(1)
    for place, (m, s, mu, sigma) in enumerate(PAIRS):
        p, q = gaussian(m, s), gaussian(mu, sigma)
        draw = torch.Generator().manual_seed(1000 * config.seed + place)
        real, fake, fresh_real, fresh_fake = (mixture.sample(config.n, draw)[0] for mixture in (p, q, p, q))
        critic = train_critic(real, fake, config.updates, config.seed)
        found = estimates(critic(fresh_real), critic(fresh_fake))
        name = f"N({m:g}, {s:g}) against N({mu:g}, {sigma:g})"
        for kind, value in exact(p, q).items():
            measure = getattr(found, kind)
            rows.append(
                {
                    "P against Q": name,
                    "divergence": {"js": "JS(P, Q)", "kl": "KL(P, Q)", "reverse_kl": "KL(Q, P)"}[kind],
                    "by the critic": measure.value,
                    "standard error": measure.facts["error"],
                    "exact": value,
                    "off by": measure.value - value,
                }
            )
        seen = torch.logaddexp(p.log_density(x), q.log_density(x)) > math.log(1e-4)
        curves = {"exact, log P / Q": p.log_density(x) - q.log_density(x), "the critic's logit": critic(x.float())}
        lines = {
            k: [list(zip(x.flatten()[seen].tolist(), v[seen].tolist(), strict=True))] for k, v in _flat(curves).items()
        }
        plots.append((f"ratio-{place + 1}", plot(lines, "x", "logit", line=0), name))
    worst = max(abs(float(str(row["off by"]))) for row in rows if row["divergence"] == "JS(P, Q)")
    shown = Exhibit(
        "A discriminator is a ratio of densities",
        f"From {config.n:,} examples of each the critics find Jensen-Shannon divergences to {worst:.4f} nats.",
    )
    shown.heading("The logit and the exact log ratio")
    for figure in plots:
        shown.plot(*figure)
    shown.table("Divergences, nats", rows)
    shown.text(
        "Estimates are means over examples that the critics have not seen; on those they learned from they would be "
        "too large. The standard error is that of the mean alone: an imperfect critic comes on top, most of all in "
        "KL(Q, P) where Q is wide, since there the logit is a parabola whose far ends few examples have taught. Curves "
        "are drawn where either distribution has a density above 0.0001."
    )
    return shown


def exact(p: GaussianMixture, q: GaussianMixture) -> dict[str, float]:
    """The three divergences by quadrature, in nats."""
    log_p, log_q = p.log_density(LINE), q.log_density(LINE)
    log_mean = torch.logaddexp(log_p, log_q) - math.log(2)

    def mean(log_density: Tensor, of: Tensor) -> float:
        return float(torch.trapezoid(log_density.exp() * of, LINE.squeeze(1)))

    return {
        "js": (mean(log_p, log_p - log_mean) + mean(log_q, log_q - log_mean)) / 2,
        "kl": mean(log_p, log_p - log_q),
        "reverse_kl": mean(log_q, log_q - log_p),
    }


def _flat(curves: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: curve.flatten() for name, curve in curves.items()}
