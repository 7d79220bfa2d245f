"""The folk tricks of GAN training as switches of the plain game, all off by default.

Each trick is a setting of its own, so that its effect can be measured alone. With all off this is the non-saturating
game on MLPs, bit for bit.

References:
    | How to Train a GAN? Tips and tricks to make GANs work (Chintala et al., 2016), https://github.com/soumith/ganhacks
    | Soft labels, batch norm: Improved Techniques for Training GANs (Salimans et al., 2016),
      https://arxiv.org/abs/1606.03498
    | Instance noise: Amortised MAP Inference for Image Super-resolution (Sonderby et al., 2016),
      https://arxiv.org/abs/1610.04490
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, softplus

from zerosum.adversarial import experiment, players
from zerosum.config import Count, Decay, NonNegative, Positive, Share
from zerosum.data import DataSpec
from zerosum.errors import ConfigError
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating, linear
from zerosum.networks import Pool, mlp
from zerosum.sources import Normal, Prior, Uniform
from zerosum.training import Experiment
from zerosum.updates import adam, sgd


@dataclass(frozen=True)
class Config:
    """The plain game, with the tricks switched off."""

    k: Count = 1
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: Positive = 1e-3
    """Learning rate of Adam [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    latent: Count = 16
    """Dimension of the latent z [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""
    prior: Literal["uniform", "normal"] = "uniform"
    """Distribution of z: uniform on (-1, 1), or by the trick standard normal, which is isotropic."""
    discriminator_rule: Literal["adam", "sgd"] = "adam"
    """Update rule of the discriminator; the trick is plain gradient descent, while the generator keeps Adam."""
    sgd_rate: Positive = 0.1
    """Learning rate of that gradient descent [per update]."""
    leak: NonNegative = 0.0
    """Negative slope of the discriminator's LeakyReLU, 0 for a ReLU; the trick's is 0.2."""
    soft_labels: bool = False
    """Random labels for every example, real ones from [0.7, 1.2) and generated ones from [0, 0.3)."""
    flip: Share = 0.0
    """Share of the discriminator's labels that are flipped, real for generated; 0.05 is mild."""
    instance_noise: NonNegative = 0.0
    """Initial standard deviation of the noise on the discriminator's input [units of the data]."""
    instance_noise_examples: Positive = 500_000
    """Length of its linear decay to 0 [examples]."""
    layer_noise: NonNegative = 0.0
    """Standard deviation of the noise after each hidden layer of the generator, also when samples are drawn."""
    dropout: Share = 0.0
    """Dropout probability in the generator, also when samples are drawn; the trick's is 0.5."""
    batch_norm: Literal["none", "joint", "separate"] = "none"
    """Batch norm in the discriminator, over real and generated examples jointly, or by the trick over each
    separately."""
    replay: Share = 0.0
    """Share of the generated examples in the discriminator's turn that come from a replay buffer of older ones; the
    trick's is 0.5."""
    replay_size: Count = 4096
    """Size of the replay buffer [examples]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape.

    Raises:
        ConfigError: The replay buffer is smaller than a batch.
    """
    noise = linear(config.instance_noise, 0.0, config.instance_noise_examples)

    def noisy(x: Tensor, batch: Batch, prior: str) -> Tensor:
        return x + noise(batch["examples"]) * batch[prior].view_as(x) if config.instance_noise else x

    def logits(net: Networks, batch: Batch, fake: Tensor) -> tuple[Tensor, Tensor]:
        real, fake = noisy(batch["x"], batch, "noise_real"), noisy(fake, batch, "noise_fake")
        if config.batch_norm == "joint":
            on_real, on_fake = net.discriminator(torch.cat([real, fake])).chunk(2)
            return on_real, on_fake
        return net.discriminator(real), net.discriminator(fake)

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """The cross-entropy of real and generated examples, with the labels that the tricks make."""
        with torch.no_grad():
            fake = net.generator(batch["z"])
            if config.replay:
                fake = net.pool(fake, batch["replay"])
        on_real, on_fake = logits(net, batch, fake)
        if not config.soft_labels and not config.flip:
            return {"real": softplus(-on_real).mean(), "fake": softplus(on_fake).mean()}
        high = batch["label_real"] if config.soft_labels else torch.ones_like(on_real)
        low = batch["label_fake"] if config.soft_labels else torch.zeros_like(on_fake)
        if config.flip:
            flipped = [batch[prior] < config.flip for prior in ("flip_real", "flip_fake")]
            high, low = torch.where(flipped[0], low, high), torch.where(flipped[1], high, low)
        return {"real": cross_entropy(on_real, high), "fake": cross_entropy(on_fake, low)}

    def generator(net: Networks, batch: Batch) -> Terms:
        """The non-saturating loss -E log D(G(z))."""
        fake = net.generator(batch["z"])
        if config.batch_norm == "joint":
            return {"adversarial": softplus(-logits(net, batch, fake)[1]).mean()}
        return {"adversarial": softplus(-net.discriminator(noisy(fake, batch, "noise_fake"))).mean()}

    if config.replay and config.replay_size < config.batch_size:
        raise ConfigError(
            f"replay_size must be at least the batch size, got {config.replay_size} for {config.batch_size}; "
            "raise it or lower batch_size."
        )
    size, hidden = math.prod(spec.shape), (config.hidden,) * 2
    pool = {"pool": Pool(config.replay_size, spec.shape, config.replay)} if config.replay else {}
    update = adam(config.learning_rate, (config.beta1, 0.999))
    game = Game(
        {
            "generator": nn.Sequential(
                mlp((config.latent, *hidden, size), _generators_unit(config), spec.kind.last_layer),
                nn.Unflatten(1, spec.shape),
            ),
            "discriminator": nn.Sequential(nn.Flatten(), mlp((size, *hidden, 1), _discriminators_unit(config))),
            **pool,
        },
        players=players(update, update if config.discriminator_rule == "adam" else sgd(config.sgd_rate)),
        schedule=alternating(
            Turn("discriminator", discriminator, repeat=config.k),
            Turn("generator", generator),
        ),
    )
    return experiment(game, spec, _priors(config, size))


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Of labels t that need be neither 0 nor 1, :math:`E\, [-t \log D - (1 - t) \log(1 - D)] = E\, [\mathrm{sp}(a) - t
    a]`; for t above 1 it has no lower bound by itself, their mean must lie below 1."""
    return (softplus(logits) - labels * logits).mean()


class Noise(nn.Module):
    """Normal noise on a layer, in training and in evaluation.

    Arguments:
        std: Its standard deviation.
    """

    def __init__(self, std: float):
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x)


class LastingDropout(nn.Module):
    """Dropout in training and in evaluation: a source of noise, not a regularizer.

    Arguments:
        p: Probability of being dropped.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, training=True)


def _priors(config: Config, size: int) -> dict[str, Prior]:
    priors: dict[str, Prior] = {
        "z": Uniform(-1, 1, config.latent) if config.prior == "uniform" else Normal(config.latent)
    }
    if config.soft_labels:
        priors |= {"label_real": Uniform(0.7, 1.2, 1), "label_fake": Uniform(0, 0.3, 1)}
    if config.flip:
        priors |= {"flip_real": Uniform(0, 1, 1), "flip_fake": Uniform(0, 1, 1)}
    if config.instance_noise:
        priors |= {"noise_real": Normal(size), "noise_fake": Normal(size)}
    if config.replay:
        priors["replay"] = Uniform(0, 1, 2)
    return priors


def _generators_unit(config: Config) -> Callable[[], nn.Module]:
    def unit() -> nn.Module:
        layers: list[nn.Module] = [nn.ReLU()]
        if config.layer_noise:
            layers.append(Noise(config.layer_noise))
        if config.dropout:
            layers.append(LastingDropout(config.dropout))
        return layers[0] if len(layers) == 1 else nn.Sequential(*layers)

    return unit


def _discriminators_unit(config: Config) -> Callable[[], nn.Module]:
    def unit() -> nn.Module:
        activation = nn.LeakyReLU(config.leak) if config.leak else nn.ReLU()
        if config.batch_norm == "none":
            return activation
        return nn.Sequential(nn.BatchNorm1d(config.hidden), activation)

    return unit
