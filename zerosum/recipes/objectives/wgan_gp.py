"""WGAN-GP: a gradient penalty between real and generated examples keeps the critic of the Wasserstein loss 1-Lipschitz.

The gradient of the optimal critic has norm 1 on the lines along which mass is moved, so the penalty asks for that at
random points between real and generated examples. The critic may then be trained to its optimum without its gradient
vanishing. On MLPs, as in the paper's experiments on toys, or on residual networks, as in those on images.

References:
    | Improved Training of Wasserstein GANs (Gulrajani et al., 2017), https://arxiv.org/abs/1704.00028
    | Two learning rates: GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017), https://arxiv.org/abs/1706.08500
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from zerosum.adversarial import ImageOptions, Views, check_options, players
from zerosum.config import Count, Decay, Layers, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.errors import ConfigError
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.losses import gradient_penalty, interpolate
from zerosum.networks import ResNetDiscriminator, ResNetGenerator, mlp_pair
from zerosum.sources import Normal, Uniform
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config(ImageOptions):
    """The paper's schedule and decays, on smaller networks with a larger learning rate."""

    k: Count = 5
    """Updates of the critic in each round, the paper's [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update; the paper has 256 on toys [examples]."""
    penalty: NonNegative = 1.0
    """Weight lambda of the penalty; the paper's is 10 for images and 0.1 for toys."""
    learning_rate: Positive = 1e-3
    """Learning rate of the generator's Adam; the paper's is 1e-4 [per update]."""
    ttur_ratio: Positive = 1.0
    """The critic's learning rate over the generator's (TTUR); above 1, fewer updates of the critic may suffice."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.9
    """Adam's decay of the second moment, the paper's [per update]."""
    average_halflife: Positive = 50_000
    """Half-life of a weight in the generator's average, which samples are drawn from; of this project [examples]."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the hidden layers; 512 in the paper [units]."""
    depth: Layers = 3
    """Hidden layers of either network, the paper's [layers]."""
    networks: Literal["mlp", "residual"] = "mlp"
    """Residual networks, the paper's for images, are for square ones; they ignore hidden and depth."""
    width: Count = 32
    """Channels of the residual networks up to 32x32; 128 in the paper [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; the critic has no sigmoid, and no batch norm, as the penalty is on each example.

    Raises:
        ConfigError: Residual networks are asked for and the data are no square images of such a side, or an option of
            theirs without them.
    """
    views = _views(config, spec)

    def critic(net: Networks, batch: Batch) -> Terms:
        """Eq. 3: E f(G(z)) - E f(x) + lambda E (|grad f| - 1)^2, at random points between real and generated."""
        real, fake = views.pair(net, batch)
        between = interpolate(real.x, fake.x, batch["epsilon"])

        def f(x: Tensor) -> Tensor:
            return views.at(net, batch, x).logits

        return {
            "real": -real.logits.mean(),
            "fake": fake.logits.mean(),
            **views.option_terms(net, real, fake),
            "penalty": config.penalty * gradient_penalty(f, between),
        }

    def generator(net: Networks, batch: Batch) -> Terms:
        """-E f(G(z))."""
        return {"adversarial": -views.fake(net, batch).logits.mean()}

    rate, betas = config.learning_rate, (config.beta1, config.beta2)
    game = Game(
        views.networks,
        players=players(adam(rate, betas), adam(config.ttur_ratio * rate, betas)),
        schedule=alternating(Turn("discriminator", critic, repeat=config.k), Turn("generator", generator)),
        averages=views.averages or {"generator": config.average_halflife},
    )
    return views.experiment(game, {"z": Normal(config.latent), "epsilon": Uniform(0, 1, 1)})


def _views(config: Config, spec: DataSpec) -> Views:
    """The networks: MLPs on examples as they are, residual ones on images in [-1, 1]."""
    if config.networks == "mlp":
        check_options(config, "take networks residual", taken=("average_halflife",))
        hidden, final = (config.hidden,) * config.depth, spec.kind.last_layer
        # The loss depends on differences of the critic's values alone, so its last layer has no bias.
        networks = mlp_pair(spec.shape, config.latent, hidden, final=final, final_bias=False)
        return Views(spec, networks["generator"], networks["discriminator"], symmetric=False)
    try:
        generator = ResNetGenerator(config.latent, spec.shape, config.width)
        return Views(spec, generator, ResNetDiscriminator(spec.shape, config.width), config)
    except ValueError as error:
        raise ConfigError(f"{str(error)[:-1]} ({spec.name}); take networks mlp.") from error
