"""AC-GAN: the discriminator also says which label an image has, and the generator is to make images of their label.

The label goes into the generator with the latent, and comes out of the discriminator by a second head on the features
that tell real from generated. Both players descend the cross-entropy of that head. It rewards images that are sure of
their label, so those between labels are lost and the variety within one may be, which later papers measured.

References:
    | Conditional Image Synthesis With Auxiliary Classifier GANs (Odena, Olah and Shlens, 2016),
      https://arxiv.org/abs/1610.09585
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from zerosum.adversarial import ImageConfig, Images, classes_of
from zerosum.config import Count, Decay, Positive, Share
from zerosum.data import DataSpec
from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import nonsaturating
from zerosum.metrics import default_metrics
from zerosum.networks import chosen, dcgan_discriminator, dcgan_generator
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images with labels"


@dataclass(frozen=True)
class Config(ImageConfig):
    """The paper's settings, on the networks of DCGAN; the generator's average is this project's."""

    batch_size: Count = 100
    """Real examples, and generated ones, in each update, the paper's [examples]."""
    learning_rate: Positive = 2e-4
    """Step size of Adam, both players, the paper's [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.999
    """Adam's decay of the second moment, the paper's [per update]."""
    classify: Positive = 1.0
    """Weight of the cross-entropy of labels in the losses of both players, the paper's."""
    dropout: Share = 0.5
    """Share of the discriminator's activations left out, the paper's; less keeps more variety and fewer labels."""
    latent: Count = 100
    """Dimension of the latent z, standard normal [coordinates]."""
    width: Count = 32
    """Channels of the largest hidden planes; each half as large has twice as many [channels]."""
    kernel: Count = 4
    """Side of the filters: 4, or the paper's 5 [pixels]."""


class Labelled(nn.Module):
    """A generator that is told labels: every coordinate of a latent is multiplied by one of its label's own.

    A label beside the latent would be a part of the batch norm's variance that may grow until nothing is left of the
    latent: then all images of a label are one.

    Arguments:
        classes: Labels there are.
        latent: Dimension of the latent.
        generator: Of the products, (N, latent).
    """

    def __init__(self, classes: int, latent: int, generator: nn.Module):
        super().__init__()
        self.embedding, self.generator = nn.Embedding(classes, latent), generator

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        images: Tensor = self.generator(z * self.embedding(chosen(label, self.embedding.num_embeddings)))
        return images


class Classifying(nn.Module):
    """A discriminator with a second head on its features, for the label.

    Arguments:
        features: Images to (N, F).
        head: Features to logits (N, 1).
        classes: Labels there are.
    """

    def __init__(self, features: nn.Module, head: nn.Module, classes: int):
        super().__init__()
        assert isinstance(head, nn.Linear)
        self.features, self.head = features, head
        self.classifier = nn.Linear(head.in_features, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(x))
        return logits


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on labelled square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images.
    """
    classes = classes_of(spec, "acgan")
    generator = dcgan_generator(config.latent, spec.shape, config.width, config.kernel)
    features, head = dcgan_discriminator(spec.shape, config.width, config.kernel, dropout=config.dropout)
    images = Images(
        config,
        spec,
        Labelled(classes, config.latent, generator),
        Classifying(features, head, classes),
        classes,
        auxiliary=True,
    )
    update = adam(config.learning_rate, (config.beta1, config.beta2))
    game = Game(
        images.networks,
        players={
            "discriminator": Player(("discriminator",), update),
            "generator": Player(("generator",), update),
        },
        schedule=alternating(
            Turn("discriminator", images.tell_apart(nonsaturating, classify=config.classify)),
            Turn("generator", images.fool(nonsaturating, classify=config.classify)),
        ),
        averages=images.averages,
    )
    return Experiment(
        game,
        priors={"z": Normal(config.latent), **images.priors},
        outputs=images.outputs,
        metrics=default_metrics(spec),
    )
