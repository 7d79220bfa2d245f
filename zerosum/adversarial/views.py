"""Views: examples as the two networks of a GAN see them.

Outside a recipe images are in [0, 1]. A view binds the networks and a batch to one set of images: in the range the
networks work in, with the label each network takes, augmented as the discriminator sees them, and with the logits of
the discriminator's head, which may be sliced. An objective takes its views first and then reads like the paper's loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zerosum.adversarial.building import experiment
from zerosum.adversarial.options import TRANSFORMS, ImageOptions
from zerosum.data import DataSpec, from_symmetric, to_symmetric
from zerosum.game import Batch, Game, Networks, Terms, linear
from zerosum.networks import AdaptiveAugmentation, augment, numbers, sliced
from zerosum.sources import Labels, Prior, Uniform
from zerosum.training import Experiment
from zerosum.updates import Number


class View(NamedTuple):
    """One set of images and the discriminator's logits of them.

    Attributes:
        x: In the range of the networks, before augmentation, (N, C, S, S); gradient penalties are taken with respect to
            it.
        logits: Of the discriminator, (N, 1). With the sliced head they train the features alone.
        label: (N,) int64, or None for networks without classes.
        features: What the discriminator's head sees, (N, F), where there is a sliced head or an auxiliary classifier.
        direction: With the sliced head, the logits that train its direction alone, (N, 1).
    """

    x: Tensor
    logits: Tensor
    label: Tensor | None = None
    features: Tensor | None = None
    direction: Tensor | None = None


class Views:
    """Makes the views of a generator and a discriminator, and what the game and the experiment need of them.

    Arguments:
        spec: Of the data.
        generator: ``(z, label=None) -> (N, *shape)``.
        discriminator: ``(x, label=None) -> (N, 1)``; for the sliced head and for an auxiliary classifier in two parts,
            ``features(x)`` and ``head(h, label=None)``.
        options: Of image recipes; None for neither augmentation nor an average nor a sliced head.
        classes: Labels the networks take; None where they take none.
        auxiliary: The discriminator takes no label; the recipe's objectives classify its features instead.
        symmetric: The networks work in [-1, 1]; without, on examples as they are.

    Attributes:
        networks: For the game, with the state of adaptive augmentation.
        averages: For the game.
        priors: For the experiment, beside the latent's.
        outputs: For the experiment.
    """

    def __init__(
        self,
        spec: DataSpec,
        generator: nn.Module,
        discriminator: nn.Module,
        options: ImageOptions | None = None,
        classes: int | None = None,
        auxiliary: bool = False,
        symmetric: bool = True,
    ):
        averaged, options = options is not None, options or ImageOptions()
        self._spec, self._classes, self._auxiliary, self._symmetric = spec, classes, auxiliary, symmetric
        self._sliced, self._transforms = options.san, TRANSFORMS[options.augment]
        self._discriminator_classes = None if auxiliary else classes
        self.networks: dict[str, nn.Module] = {"generator": generator, "discriminator": discriminator}
        if self._sliced:
            sliced(discriminator, spec.shape, self._discriminator_classes)
        if options.augment == "adaptive":
            self.networks["ada"] = AdaptiveAugmentation(options.augment_target, options.augment_examples)
        halflife = options.average_halflife
        self.averages: dict[str, Number] = {}
        if averaged:
            self.averages["generator"] = linear(0.0, halflife, halflife / options.average_rampup)
        self.priors: dict[str, Prior] = {}
        if self._transforms:
            self.priors["augment"] = Uniform(0, 1, 2 * numbers(self._transforms))
        if classes is not None:
            self.priors["fake_label"] = Labels(classes, spec.shares)
        self.outputs: Mapping[str, Any] = {"sample": self._sample, "decode": self._sample, "score": self._score}

    def pair(self, net: Networks, batch: Batch, gradients: bool = False) -> tuple[View, View]:
        """The discriminator's turn: real images, and generated ones of the same labels, detached from the generator.

        Arguments:
            net: The networks.
            batch: Its ``x``, ``z`` and ``label``.
            gradients: Whether gradients with respect to the images of both are taken.
        """
        label = self._label(batch)
        with torch.no_grad():
            fake = self.generate(net, batch["z"], label)
        # Two passes and not one over both, as batch norm would tell them apart by the statistics of one.
        real = self.real(net, batch, gradients)
        return real, self._view(net, batch, fake.requires_grad_(gradients), label, 1)

    def real(self, net: Networks, batch: Batch, gradients: bool = False) -> View:
        """The real images of a batch.

        Arguments:
            net: The networks.
            batch: Its ``x`` and ``label``.
            gradients: Whether gradients with respect to the images are taken.
        """
        x = self._inward(batch["x"]).detach().requires_grad_(gradients)
        return self._view(net, batch, x, self._label(batch), 0)

    def fake(self, net: Networks, batch: Batch, same_labels: bool = False) -> View:
        """The generator's turn: generated images, differentiable with respect to the generator.

        Arguments:
            net: The networks.
            batch: Its ``z``, and ``fake_label`` or ``label``.
            same_labels: Of the batch's labels, for a comparison with its real images; without, of random ones.
        """
        label = self._label(batch, "label" if same_labels else "fake_label")
        return self._view(net, batch, self.generate(net, batch["z"], label), label, 1)

    def at(self, net: Networks, batch: Batch, x: Tensor) -> View:
        """Other images in the place of the real ones: of their labels, and augmented by their numbers.

        Arguments:
            net: The networks.
            batch: Whose labels and numbers are used.
            x: In the range of the networks, (N, C, S, S).
        """
        return self._view(net, batch, x, self._label(batch), 0)

    def generate(self, net: Networks, z: Tensor, label: Tensor | None) -> Tensor:
        """Generated images in the range of the networks, (N, C, S, S).

        Arguments:
            net: The networks.
            z: Latents, (N, ...).
            label: (N,) int64, or None for networks without classes.
        """
        x: Tensor = net.generator(z) if label is None else net.generator(z, label)
        return x

    def option_terms(self, net: Networks, real: View, fake: View) -> Terms:
        """Terms of the options in the discriminator's turn: the term ``direction`` of the sliced head (the Wasserstein
        loss of its direction); adaptive augmentation takes notice of the logits of real images.

        Arguments:
            net: The networks.
            real: The view of real images.
            fake: The view of generated ones.

        Returns:
            No terms without the sliced head.
        """
        if "ada" in net:
            net.ada.adapt(real.logits)
        if real.direction is None or fake.direction is None:
            return {}
        return {"direction": fake.direction.mean() - real.direction.mean()}

    def experiment(self, game: Game, priors: Mapping[str, Prior], **more: Any) -> Experiment:
        """The experiment of a game on these networks, with default metrics.

        Arguments:
            game: Of :attr:`networks`.
            priors: Of the latent, and what else the recipe needs.
            **more: Further arguments of :class:`~zerosum.training.Experiment`.
        """
        return experiment(game, self._spec, {**priors, **self.priors}, **{"outputs": self.outputs, **more})

    def _view(self, net: Networks, batch: Batch, x: Tensor, label: Tensor | None, half: int) -> View:
        """A view by the numbers of augmentation of the real half (0) or of the generated half (1)."""
        seen = x
        if self._transforms:
            p = net.ada.p if "ada" in net else 1.0
            seen = augment(x, batch["augment"].chunk(2, 1)[half], self._transforms, p)
        given = () if label is None or self._discriminator_classes is None else (label,)
        if not (self._sliced or self._auxiliary):
            return View(x, net.discriminator(seen, *given), label)
        features = net.discriminator.features(seen)
        if not self._sliced:
            return View(x, net.discriminator.head(features), label, features)
        logits, direction = net.discriminator.head.parts(features, *given)
        return View(x, logits, label, features, direction)

    def _label(self, batch: Batch, field: str = "label") -> Tensor | None:
        return None if self._classes is None else batch[field]

    def _inward(self, x: Tensor) -> Tensor:
        return to_symmetric(x) if self._symmetric else x

    def _sample(self, net: Networks, batch: Batch) -> Tensor:
        """Examples as the data are; of the first label where none is given."""
        z, label = batch["z"], None
        if self._classes is not None:
            label = batch.get("fake_label", torch.zeros(len(z), dtype=torch.int64, device=z.device))
        x = self.generate(net, z, label)
        return from_symmetric(x).clamp(0, 1) if self._symmetric else x

    def _score(self, net: Networks, batch: Batch) -> Tensor:
        """The logit of examples, (N,); without labels, where the discriminator takes them, its mean over them."""
        x, classes = self._inward(batch["x"]), self._discriminator_classes
        logit: Tensor
        if classes is None:
            logit = net.discriminator(x).squeeze(1)
            return logit
        if "label" in batch:
            logit = net.discriminator(x, batch["label"]).squeeze(1)
            return logit
        labels = torch.arange(classes, device=x.device)
        logits = torch.stack([net.discriminator(x, label.expand(len(x))).squeeze(1) for label in labels])
        shares = torch.tensor(self._spec.shares or [1 / classes] * classes, device=x.device)
        return (shares[:, None] * logits).sum(0)
