r"""The smallest games: two players of one number each.

=================  =====================================================================================================
:func:`bilinear`   :math:`\min_x \max_y x y`, whose players circle
:func:`dirac`      a generator that is one point against a linear discriminator, the smallest GAN
=================  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from zerosum.game import Batch, Game, Networks, Player, Schedule, Terms, Turn, simultaneous
from zerosum.losses import AdversarialLoss, minimax, squared_gradient_norm
from zerosum.updates import Update, sgd

Arrange = Callable[..., Schedule]
"""A function that makes a schedule of turns, such as :func:`zerosum.game.alternating`."""


class Number(nn.Module):
    """One float64 number that a player moves.

    Arguments:
        value: Where it begins.
    """

    def __init__(self, value: float):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value, dtype=torch.float64))

    def forward(self) -> Tensor:
        """The number, 0-d."""
        return self.value


def bilinear(
    x: float = 1.0, y: float = 1.0, update: Update | None = None, schedule: Arrange = simultaneous, repeat: int = 1
) -> Game:
    r""":math:`\min_x \max_y x y`, with its only equilibrium at (0, 0).

    y moves first where the schedule alternates.

    Arguments:
        x: Where the minimiser begins.
        y: Where the maximiser begins.
        update: How both move; gradient descent with a step of 0.1 by default.
        schedule: Arranges their turns.
        repeat: Updates of y in each round.
    """
    update = sgd(0.1) if update is None else update

    def lower(net: Networks, batch: Batch) -> Terms:
        return {"value": net.x() * net.y()}

    def raise_(net: Networks, batch: Batch) -> Terms:
        return {"value": -net.x() * net.y()}

    return Game(
        {"x": Number(x), "y": Number(y)},
        {"y": Player(("y",), update), "x": Player(("x",), update)},
        schedule(Turn("y", raise_, repeat=repeat), Turn("x", lower)),
    )


def dirac(
    theta: float = 1.0,
    psi: float = 1.0,
    loss: AdversarialLoss = minimax,
    gamma: float = 0.0,
    update: Update | None = None,
    schedule: Arrange = simultaneous,
    repeat: int = 1,
) -> Game:
    r"""The Dirac-GAN: data at 0, a generator at theta, the logit :math:`a(x) = \psi x`; the equilibrium is (0, 0).

    R1 adds :math:`\tfrac\gamma2 \psi^2` to the discriminator's loss. By the logistic losses the eigenvalues of the
    gradient field at the equilibrium are :math:`-\tfrac\gamma2 \pm \sqrt{\tfrac{\gamma^2}4 - \tfrac14}`.

    Arguments:
        theta: Where the generator begins.
        psi: Where the discriminator begins.
        loss: A separable pair.
        gamma: Weight of R1.
        update: How both move; gradient descent with a step of 0.1 by default.
        schedule: Arranges their turns.
        repeat: Updates of the discriminator in each round.

    References:
        | Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), section 2
        | https://arxiv.org/abs/1801.04406
    """
    update = sgd(0.1) if update is None else update

    def discriminator(net: Networks, batch: Batch) -> Terms:
        x = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
        logits = net.discriminator() * x
        terms = loss.discriminator(logits, net.discriminator() * net.generator().view(1))
        return {**terms, "r1": gamma / 2 * squared_gradient_norm(logits, x).mean()}

    def generator(net: Networks, batch: Batch) -> Terms:
        return {"adversarial": loss.generator(net.discriminator() * net.generator().view(1))}

    return Game(
        {"generator": Number(theta), "discriminator": Number(psi)},
        {"discriminator": Player(("discriminator",), update), "generator": Player(("generator",), update)},
        schedule(Turn("discriminator", discriminator, repeat=repeat), Turn("generator", generator)),
    )
