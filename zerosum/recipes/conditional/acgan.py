"""AC-GAN: an auxiliary classifier in the discriminator, whose cross-entropy both players descend.

The generator takes the label with the latent; the discriminator predicts it by a second head on its features. The
cross-entropy rewards images whose label is certain, so that images between labels are lost, and diversity within a
label may be, as later papers measured.

References:
    | Conditional Image Synthesis With Auxiliary Classifier GANs (Odena, Olah and Shlens, 2016),
      https://arxiv.org/abs/1610.09585
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from zerosum.adversarial import ImageOptions, Views, classes_of, players
from zerosum.config import Count, Decay, Positive, Share
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.networks import chosen, dcgan_discriminator, dcgan_generator
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images with labels"


@dataclass(frozen=True)
class Config(ImageOptions):
    """The paper's settings, on the networks of DCGAN; the generator's average is this project's."""

    batch_size: Count = 100
    """Real examples, and generated ones, in each update, the paper's [examples]."""
    learning_rate: Positive = 2e-4
    """Learning rate of Adam, both players, the paper's [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.999
    """Adam's decay of the second moment, the paper's [per update]."""
    classify: Positive = 1.0
    """Weight of the cross-entropy of labels in the losses of both players, the paper's."""
    dropout: Share = 0.5
    """Dropout probability in the discriminator, the paper's; less gives more diversity and fewer right labels."""
    latent: Count = 100
    """Dimension of the latent z, standard normal [coordinates]."""
    width: Count = 32
    """Channels at the highest hidden resolution, doubled at each halving [channels]."""
    kernel: Count = 4
    """Side of the filters: 4, or the paper's 5 [pixels]."""


class Labelled(nn.Module):
    """A conditional generator: the latent is multiplied by the label's embedding, coordinate by coordinate.

    An embedding beside the latent would add to the variance that batch norm divides by, and may grow until the latent
    has no effect: all images of a label are then the same.

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
    generator_network = dcgan_generator(config.latent, spec.shape, config.width, config.kernel)
    features, head = dcgan_discriminator(spec.shape, config.width, config.kernel, dropout=config.dropout)
    views = Views(
        spec,
        Labelled(classes, config.latent, generator_network),
        Classifying(features, head, classes),
        config,
        classes,
        auxiliary=True,
    )

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """Eq. 2 and 3: the source L_S and the class L_C, of real and of generated images."""
        real, fake = views.pair(net, batch)
        label, classify = batch["label"], net.discriminator.classifier
        return {
            "real": softplus(-real.logits).mean(),
            "fake": softplus(fake.logits).mean(),
            "class_real": config.classify * cross_entropy(classify(real.features), label),
            "class_fake": config.classify * cross_entropy(classify(fake.features), label),
            **views.option_terms(net, real, fake),
        }

    def generator(net: Networks, batch: Batch) -> Terms:
        """L_C - L_S of generated images with random labels, L_S by the non-saturating loss."""
        fake = views.fake(net, batch)
        classified = net.discriminator.classifier(fake.features)
        return {
            "adversarial": softplus(-fake.logits).mean(),
            "class": config.classify * cross_entropy(classified, batch["fake_label"]),
        }

    game = Game(
        views.networks,
        players=players(adam(config.learning_rate, (config.beta1, config.beta2))),
        schedule=alternating(Turn("discriminator", discriminator), Turn("generator", generator)),
        averages=views.averages,
    )
    return views.experiment(game, {"z": Normal(config.latent)})
