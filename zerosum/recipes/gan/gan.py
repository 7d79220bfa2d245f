r"""The system of the 2014 paper: a maxout discriminator with dropout, a ReLU generator, trained by momentum.

Two players with the value :math:`V = E_x \log D(x) + E_z \log(1 - D(G(z)))`. As printed (Algorithm 1), the
discriminator ascends V for k steps, then the generator descends it, each on fresh noise (``schedule="alternating"``,
``objective="minimax"``). As released, both gradients are taken at the same parameters, on the same fakes under the same
dropout, and applied together; the discriminator's objective carries a factor 1/2, and the generator descends
:math:`-E_z \log D(G(z))` (``"simultaneous"``, ``"nonsaturating"``, the defaults). All four published pairs of networks
are here as variants.

The paper's row on MNIST is a Parzen log-likelihood of 225 after 250 epochs or more. After 25 epochs, 8 minutes on
two CPU cores, three seeds have 152 to 156 by the generator's average and 92 to 102 by the generator itself. After
250 epochs, 2.2 hours on one core beside other work, one seed has 213.8 and 194.2 (of the ten bandwidths of the paper,
207.4 and 183.5), still rising.

Deviations: samples are drawn from an average of the generator over training (``raw`` gives the paper's). Momentum
rises with every update, in the released code once an epoch. The learning rate multiplies the velocity, there each
gradient in it (it changes by 4e-6 per update).

References:
    | Generative Adversarial Networks (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661
    | Settings: the released configurations, https://github.com/goodfeli/adversarial
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from zerosum.config import Count, Decay, Positive
from zerosum.data import Data, DataSpec
from zerosum.errors import ConfigError
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating, simultaneous
from zerosum.game.ramps import exponential, linear
from zerosum.losses import ADVERSARIAL
from zerosum.metrics import default_metrics, parzen
from zerosum.networks import gan2014, max_column_norm
from zerosum.sources import Normal, Prior, Uniform
from zerosum.training import Experiment
from zerosum.updates import momentum

PUBLISHED: dict[str, dict[str, float | str]] = {
    "mnist": {"batch_size": 100, "learning_rate": 0.1, "hidden": 1200, "units": 240, "prior": "uniform"},
    "tfd": {"batch_size": 100, "learning_rate": 0.05, "hidden": 8000, "units": 1200, "prior": "normal"},
    "cifar_mlp": {"batch_size": 100, "learning_rate": 0.025, "hidden": 8000, "units": 1600, "prior": "normal"},
    "cifar_conv": {"batch_size": 128, "learning_rate": 0.004, "hidden": 8000, "units": 500, "prior": "normal"},
}
"""The settings in which the published variants differ; a field of ``Config`` left out takes its variant's."""


@dataclass(frozen=True)
class Config:
    """Settings of the released configurations; those without a value here are the variant's own."""

    variant: Literal["mnist", "tfd", "cifar_mlp", "cifar_conv"] = "mnist"
    """Which of the four published pairs of networks; the sizes of its ends come from the data."""
    schedule: Literal["simultaneous", "alternating"] = "simultaneous"
    """As released: both at the same parameters, the discriminator at half weight; or Algorithm 1 as printed."""
    objective: Literal["nonsaturating", "minimax"] = "nonsaturating"
    """The generator's loss: -log D(G(z)), or log(1 - D(G(z)))."""
    k: Count = 1
    """Updates of the discriminator in each round of the alternating schedule [updates]."""
    batch_size: Count | None = None
    """Real examples, and generated ones, in each update; 100, and 128 for cifar_conv [examples]."""
    learning_rate: Positive | None = None
    """Initial learning rate; 0.1 for mnist, 0.05 for tfd, 0.025 for cifar_mlp, 0.004 for cifar_conv [per update]."""
    learning_rate_decay: Positive = 1.000004
    """Divisor of the learning rate in every round."""
    learning_rate_floor: Positive = 1e-6
    """Final learning rate [per update]."""
    momentum: Decay = 0.5
    """Initial momentum."""
    final_momentum: Decay = 0.7
    """Final momentum, reached linearly."""
    horizon: Count = 250
    """When the final momentum is reached [epochs]."""
    pretraining: Count = 50
    """Training of the inner part of the tfd generator alone, before the whole [epochs]."""
    average_halflife: Positive = 50_000
    """Half-life of a weight in the generator's average, which samples are drawn from [examples]."""
    prior: Literal["uniform", "normal"] | None = None
    """Distribution of the latent, of unit variance: uniform for mnist, normal for the others."""
    latent: Count = 100
    """Dimension of the latent z [coordinates]."""
    hidden: Count | None = None
    """Width of the generator's hidden layers; 1200 for mnist, 8000 for the others [units]."""
    units: Count | None = None
    """Width of the discriminator's dense maxout layers; 240, 1200, 1600 and 500 [units of 5 pieces]."""

    def __post_init__(self) -> None:
        for name, value in PUBLISHED[self.variant].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)


def generator_of(config: Config, spec: DataSpec) -> nn.Sequential:
    """The variant's generator; what is no image gets a linear output.

    Raises:
        ConfigError: The width does not fit cifar_conv.
    """
    assert config.hidden is not None
    latent, hidden, shape = config.latent, config.hidden, spec.shape
    if config.variant == "mnist":
        return gan2014.mnist_generator(latent, hidden, shape, sigmoid=spec.kind.spatial)
    if config.variant == "tfd":
        return gan2014.tfd_generator(latent, hidden, gan2014.tfd_pretrained(hidden, shape))
    if config.variant == "cifar_mlp":
        return gan2014.cifar_mlp_generator(latent, hidden, shape)
    if hidden % 100:
        raise ConfigError(f"hidden must be a multiple of 100 for cifar_conv (channels of 10x10), got {hidden}.")
    return gan2014.cifar_conv_generator(latent, hidden // 100)


def discriminator_of(config: Config, spec: DataSpec) -> nn.Sequential:
    """The variant's discriminator, a logit per example."""
    assert config.units is not None
    if config.variant == "cifar_conv":
        return gan2014.cifar_conv_discriminator(config.units)
    return gan2014.mlp_discriminator(spec.shape, config.units)


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; the cifar variants play images of normalised contrast, cifar_conv 3x32x32.

    Raises:
        ConfigError: The data do not suit the variant, or k is given where both move at once.
    """
    if config.variant != "mnist" and not spec.kind.spatial:
        raise ConfigError(f"variant {config.variant} is of images, got {spec.name}; take variant mnist.")
    if config.variant == "cifar_conv" and spec.shape != (3, 32, 32):
        got = "x".join(map(str, spec.shape))
        raise ConfigError(f"variant cifar_conv is of 3x32x32 images, got {got}; take variant cifar_mlp.")
    if config.schedule == "simultaneous" and config.k != 1:
        raise ConfigError(f"k counts in the alternating schedule alone, got {config.k}; give schedule=alternating.")
    generator = generator_of(config, spec)
    if config.variant != "tfd":
        return stage(config, spec, generator, config.latent, epochs=250)
    pretrained = generator[1]
    assert isinstance(pretrained, nn.Sequential)
    before = stage(config, spec, pretrained, gan2014.PRETRAINED_LATENT, config.pretraining)
    before = dataclasses.replace(before, stage="pretraining")
    return dataclasses.replace(stage(config, spec, generator, config.latent, epochs=22), before=before, initialise=None)


def stage(config: Config, spec: DataSpec, generator: nn.Sequential, latent: int, epochs: int) -> Experiment:
    """A generator against a discriminator of its own, for so many epochs where no goal is given.

    Arguments:
        config: The settings.
        spec: What the data are.
        generator: Who makes examples.
        latent: Dimension of its z.
        epochs: Its length.
    """
    assert config.batch_size is not None
    assert config.learning_rate is not None
    cifar = config.variant.startswith("cifar")
    loss = ADVERSARIAL[config.objective]
    contrast = gan2014.GlobalContrast()

    def inward(x: Tensor) -> Tensor:
        played: Tensor = contrast(x) if cifar else x
        return played

    # As released: both gradients from one pass over real and generated examples, with the same dropout.

    def prepare(net: Networks, batch: Batch) -> Batch:
        real, fake = net.discriminator(inward(batch["x"])), net.discriminator(net.generator(batch["z"]))
        return {"real_logit": real, "fake_logit": fake}

    def half_discriminator(net: Networks, batch: Batch) -> Terms:
        terms = loss.discriminator(batch["real_logit"], batch["fake_logit"])
        return {name: term / 2 for name, term in terms.items()}

    def same_pass_generator(net: Networks, batch: Batch) -> Terms:
        return {"adversarial": loss.generator(batch["fake_logit"])}

    # As printed: every update on noise of its own.

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """Eq. 1: -E log D(x) - E log(1 - D(G(z)))."""
        with torch.no_grad():
            fake = net.generator(batch["z"])
        return loss.discriminator(net.discriminator(inward(batch["x"])), net.discriminator(fake))

    def generate(net: Networks, batch: Batch) -> Terms:
        """Eq. 1, or the non-saturating loss of section 3; the discriminator's dropout stays on."""
        return {"adversarial": loss.generator(net.discriminator(net.generator(batch["z"])))}

    def sample(net: Networks, batch: Batch) -> Tensor:
        """Generated examples; also G(z) at given latents."""
        x: Tensor = net.generator(batch["z"])
        return contrast.back(x) if cifar else x

    def score(net: Networks, batch: Batch) -> Tensor:
        """The discriminator's logit, (N,)."""
        logit: Tensor = net.discriminator(inward(batch["x"]))
        return logit.squeeze(1)

    def initialise(data: Data) -> None:
        """The output's bias gives the pixels their means; for CIFAR the images' contrast is learned."""
        most = 10_000 if cifar else EPOCH
        x = data.batch(0, min(data.count or most, most))["x"].double()
        if cifar:
            contrast.learn(x)
        elif spec.kind.spatial:
            last = [layer for layer in generator.modules() if isinstance(layer, nn.Linear)][-1]
            with torch.no_grad():
                last.bias.copy_(x.flatten(1).mean(0).clamp(1e-7, 1 - 1e-7).logit())

    count, per_round = spec.count or EPOCH, config.k * config.batch_size
    rate = exponential(config.learning_rate, 1 / config.learning_rate_decay, per_round, config.learning_rate_floor)
    update = momentum(rate, linear(config.momentum, config.final_momentum, config.horizon * count))
    project = max_column_norm(1.9365) if config.variant == "tfd" else None
    networks = {"generator": generator, "discriminator": discriminator_of(config, spec)}
    game = Game(
        {**networks, "contrast": contrast} if cifar else networks,
        players={name: Player((name,), update, project) for name in ("discriminator", "generator")},
        schedule=simultaneous(
            Turn("discriminator", half_discriminator), Turn("generator", same_pass_generator), prepare=prepare
        )
        if config.schedule == "simultaneous"
        else alternating(Turn("discriminator", discriminator, repeat=config.k), Turn("generator", generate)),
        averages={"generator": config.average_halflife},
    )
    prior: Prior = Normal(latent) if config.prior == "normal" else Uniform(-(3**0.5), 3**0.5, latent)
    return Experiment(
        game,
        priors={"z": prior},
        outputs={"sample": sample, "decode": sample, "score": score},
        metrics=(*default_metrics(spec), *((parzen(),) if spec.kind.spatial else ())),
        rounds=math.ceil(epochs * count / per_round),
        initialise=initialise,
    )


EPOCH = 50_000
"""Examples that count as an epoch where the data are endless: those of MNIST."""
