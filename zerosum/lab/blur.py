r"""One question, many right answers: squared error answers with their mean, which is none of them; a GAN with one.

The answers are m points on a circle. The least squared error is at their mean, the middle, and leaves an error of 1;
a conditional GAN gives an answer for every latent, and a GAN without a latent has only one to give.

References:
    | NIPS 2016 Tutorial: Generative Adversarial Networks (Goodfellow, 2016), section 1, https://arxiv.org/abs/1701.00160
    | Deep Multi-Scale Video Prediction beyond Mean Square Error (Mathieu et al., 2015), on the blur it makes
    | https://arxiv.org/abs/1511.05440
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zerosum.config import Count, NonNegative, NonNegativeCount, Positive
from zerosum.game import Batch, Game, Networks, Objective, Player, Terms, Turn, alternating
from zerosum.lab.cost import Cost, timed
from zerosum.lab.exhibit import Exhibit
from zerosum.lab.scatter import scatter
from zerosum.losses import relativistic_pairing, squared_gradient_norm
from zerosum.networks import mlp
from zerosum.runtime import mix, reseed
from zerosum.updates import adam

LATENT = 8
TURN = 0.3
"""Radians that the circle is turned by the question 1."""
PLAYERS = ("regressor", "discriminator", "generator", "flat_discriminator", "flat_generator")
Answer = Callable[[Networks, Batch], Tensor]
"""Of a generator, to the questions of a batch."""


@dataclass(frozen=True)
class Config:
    """Answers to a question x in [0, 1], which turns the circle they lie on by 0.3 radians at most."""

    answers: Count = 8
    """Right answers to each question."""
    rounds: Count = 5000
    """Rounds of training."""
    frames: Count = 40
    """Pictures of the film."""
    learning_rate: Positive = 4e-3
    """Step size of Adam, every player, at the beginning; it falls to nothing [per update]."""
    gamma: NonNegative = 0.1
    """Weight of R1 and R2."""
    batch_size: Count = 256
    """Questions in each update [examples]."""
    hidden: Count = 64
    """Width of the two hidden layers of every network [units]."""
    seed: NonNegativeCount = 0
    """Of the networks and of everything drawn."""


def cost(config: Config) -> Cost:
    """Seconds it takes, about."""
    circle = Circle(config)
    circle.play()
    return Cost("rounds", timed(circle.play, 9), fixed=1 + 0.01 * config.frames)


def play(config: Config) -> Exhibit:
    """Train a regressor, a conditional GAN and one without a latent on the same questions and answers."""
    circle = Circle(config)
    frames = min(config.frames, config.rounds)
    rounds = [round((i / frames) ** 2 * config.rounds) for i in range(frames + 1)]
    film = []
    for mark in rounds:
        circle.play(mark - circle.game.round)
        film.append((f"round {mark:,}", circle.picture()))
    found = circle.evaluate()
    shown = Exhibit(
        "One question, many right answers",
        f"The regressor answers {found['distance of the regressor from the middle']:.3f} from the middle of the "
        f"circle, where no answer lies. Of the conditional GAN's answers {found['answers near a right one']:.1%} are "
        f"within 0.1 of a right one, and it uses {found['right answers used']:.0f} of {config.answers}.",
    )
    shown.heading("Three ways to answer")
    shown.film(
        "blur",
        film,
        "Grey: right answers. Red: what is answered. The circle is turned so that all questions fall together.",
    )
    shown.table(
        "What was measured, on 10,000 questions", [{"of": name, "figure": value} for name, value in found.items()]
    )
    shown.text(
        "The least squared error is the spread of the answers around their mean, which is 1 on this circle, and only "
        "the mean reaches it: that is why a picture predicted by squared error is blurred. A GAN is asked for an "
        "answer that cannot be told from a right one. Without a latent it has one answer to each question, which can "
        "always be told from the others: it is driven around and finds none."
    )
    return shown


class Circle:
    """Questions with answers on a circle, and what learns them.

    Arguments:
        config: How.
    """

    def __init__(self, config: Config):
        self.config = config
        reseed(torch.device("cpu"), config.seed, "networks")
        wide = (config.hidden,) * 2
        horizon = config.rounds * config.batch_size
        update = adam(lambda images: config.learning_rate * (1 - images / horizon), (0.0, 0.99))

        def network(inward: int, outward: int, final_bias: bool = True) -> nn.Module:
            return mlp((inward, *wide, outward), final_bias=final_bias)

        def regressor(net: Networks, batch: Batch) -> Terms:
            """Squared error."""
            return {"error": (net.regressor(batch["x"]) - batch["y"]).square().sum(1).mean()}

        self.game = Game(
            {
                "regressor": network(1, 2),
                "generator": network(1 + LATENT, 2),
                "discriminator": network(3, 1, final_bias=False),
                "flat_generator": network(1, 2),
                "flat_discriminator": network(3, 1, final_bias=False),
            },
            {name: Player((name,), update) for name in PLAYERS},
            alternating(
                Turn("regressor", regressor),
                Turn("discriminator", self._tell("discriminator", self.answer)),
                Turn("generator", self._fool("discriminator", self.answer)),
                Turn("flat_discriminator", self._tell("flat_discriminator", self.flat_answer)),
                Turn("flat_generator", self._fool("flat_discriminator", self.flat_answer)),
            ),
        )

    @staticmethod
    def answer(net: Networks, batch: Batch) -> Tensor:
        """The conditional GAN's answers."""
        answers: Tensor = net.generator(torch.cat([batch["x"], batch["z"]], 1))
        return answers

    @staticmethod
    def flat_answer(net: Networks, batch: Batch) -> Tensor:
        """Those of the GAN without a latent."""
        answers: Tensor = net.flat_generator(batch["x"])
        return answers

    def _tell(self, critic: str, answer: Answer) -> Objective:
        def discriminator(net: Networks, batch: Batch) -> Terms:
            """Score right answers above given ones."""
            with torch.no_grad():
                given = answer(net, batch)
            real, fake = (y.detach().requires_grad_() for y in (batch["y"], given))
            seen = batch["x"]
            logits, given_logits = (getattr(net, critic)(torch.cat([seen, y], 1)) for y in (real, fake))
            weight = self.config.gamma / 2
            return {
                **relativistic_pairing.discriminator(logits, given_logits),
                "r1": weight * squared_gradient_norm(logits, real).mean(),
                "r2": weight * squared_gradient_norm(given_logits, fake).mean(),
            }

        return discriminator

    def _fool(self, critic: str, answer: Answer) -> Objective:
        def generator(net: Networks, batch: Batch) -> Terms:
            """Be scored above right answers."""
            seen, score = batch["x"], getattr(net, critic)
            fake, real = (score(torch.cat([seen, y], 1)) for y in (answer(net, batch), batch["y"]))
            return {"adversarial": relativistic_pairing.generator(fake, real)}

        return generator

    def play(self, rounds: int = 1) -> None:
        """Some rounds."""
        for _ in range(rounds):
            self.game.play(
                [[self.batch(self.config.batch_size, turn)] for turn in range(len(self.game.schedule.turns))],
                self.config.batch_size,
            )

    def batch(self, size: int, *purpose: int | str) -> Batch:
        """Questions x in [0, 1], one right answer y to each, latents z."""
        draw = torch.Generator().manual_seed(mix(self.config.seed, "questions", self.game.round, *purpose))
        x = torch.rand(size, 1, generator=draw)
        which = torch.randint(self.config.answers, (size, 1), generator=draw)
        angle = 2 * math.pi * which / self.config.answers + TURN * x
        z = torch.randn(size, LATENT, generator=draw)
        return {"x": x, "y": torch.cat([angle.cos(), angle.sin()], 1), "z": z}

    @torch.no_grad()
    def answered(self, size: int) -> tuple[Batch, dict[str, Tensor]]:
        """Questions, and the answers of all three, turned back so that the right ones fall together."""
        net = self.game.shown()
        batch = self.batch(size, "judged")
        given = {
            "squared error": net.regressor(batch["x"]),
            "a conditional GAN": self.answer(net, batch),
            "a GAN without a latent": self.flat_answer(net, batch),
        }
        angle = -TURN * batch["x"].squeeze(1)
        turned = {
            name: torch.stack(
                [angle.cos() * y[:, 0] - angle.sin() * y[:, 1], angle.sin() * y[:, 0] + angle.cos() * y[:, 1]], 1
            )
            for name, y in given.items()
        }
        return batch, turned

    def right(self) -> Tensor:
        """The right answers to the question 0, (m, 2)."""
        angle = 2 * math.pi * torch.arange(self.config.answers) / self.config.answers
        return torch.stack([angle.cos(), angle.sin()], 1)

    def evaluate(self) -> dict[str, float]:
        """The claim, in numbers."""
        batch, given = self.answered(10_000)
        squared, gan, flat = given.values()
        distance, nearest = torch.cdist(gan, self.right()).min(1)
        shares = torch.bincount(nearest[distance < 0.1], minlength=self.config.answers) / len(gan)
        flat_distance, flat_nearest = torch.cdist(flat, self.right()).min(1)
        flat_shares = torch.bincount(flat_nearest, minlength=self.config.answers) / len(flat)
        with torch.no_grad():
            error = (self.game.shown().regressor(batch["x"]) - batch["y"]).square().sum(1).mean()
        even = 1 / self.config.answers
        return {
            "distance of the regressor from the middle": float(squared.norm(dim=1).mean()),
            "its squared error (1 is the least)": float(error),
            "answers near a right one": float((distance < 0.1).float().mean()),
            "right answers used": float((shares > even / 3).sum()),
            "rarest answer's share, in fair shares": float(shares.min() / even),
            "commonest answer's share, in fair shares": float(shares.max() / even),
            "without a latent: answers near a right one": float((flat_distance < 0.1).float().mean()),
            "without a latent: share of the commonest answer": float(flat_shares.max()),
        }

    def picture(self) -> str:
        """The answers of all three, as an ``svg`` element."""
        _, given = self.answered(400)
        return scatter({name: (y, "") for name, y in given.items()}, self.right(), 1.5)
