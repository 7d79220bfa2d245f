"""What the recipes of images share: how images and their labels reach two networks, and the switches all of them have.

Outside, images are in [0, 1]; the networks are the papers', in [-1, 1]. Real and generated images of a pair share their
label, and go to the discriminator by the same law of augmentation, each with numbers of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zerosum.config import Positive, Share
from zerosum.data import DataSpec, from_symmetric, to_symmetric
from zerosum.errors import ConfigError
from zerosum.game import Batch, Networks, Objective, Ramp, Terms, linear
from zerosum.losses import AdversarialLoss, gradient_penalty, interpolate, squared_gradient_norm, wasserstein
from zerosum.networks import ADAPTIVE, DIFFAUGMENT, Strength, augment, numbers, sliced
from zerosum.sources import Labels, Prior, Uniform
from zerosum.training.experiment import Answer

Weight = float | Ramp
"""Of a term: a number, or one that changes with the images seen."""

Augmentation = Literal["none", "diffaugment", "adaptive"]

CHANGES: dict[str, tuple[str, ...]] = {"none": (), "diffaugment": DIFFAUGMENT, "adaptive": ADAPTIVE}


@dataclass(frozen=True)
class ImageConfig:
    """Switches of every recipe of images."""

    augment: Augmentation = "none"
    """What the discriminator sees of images: as they are; changed as by Zhao et al.; or changed with a probability that
    rises while it is too sure of real ones, for few images."""
    augment_target: Share = 0.6
    """Adaptive: how sure it may be, the mean sign of its logits at real images."""
    augment_images: Positive = 500_000
    """Adaptive: over which the probability would go from 0 to 1 [images]."""
    average_halflife: Positive = 10_000
    """Half-life of a weight in the generator's average, which samples are drawn from [images]."""
    average_rampup: Positive = 0.05
    """The half-life is at most this share of the images seen."""
    san: bool = False
    """Give the discriminator the head of a slicing adversarial network."""


class Images:
    """Two networks of images, and the objectives that play them.

    Arguments:
        config: The recipe's, with the switches.
        spec: Of the data.
        generator: ``(z, label=None) -> (N, C, S, S)`` in [-1, 1].
        discriminator: ``(x, label=None) -> (N, 1)``, in two parts, ``features(x)`` and ``head(h, label=None)``.
        classes: Labels the networks take; None where they take none.
        auxiliary: The discriminator's head takes no label; its ``classifier(h)`` tells labels instead, and the
            objectives are given a weight for that.

    Attributes:
        networks: For the game, with what the switches add.
        averages: For the game.
        priors: For the experiment, beside the latent's.
        outputs: For the experiment.
    """

    def __init__(
        self,
        config: ImageConfig,
        spec: DataSpec,
        generator: nn.Module,
        discriminator: nn.Module,
        classes: int | None = None,
        auxiliary: bool = False,
    ):
        self._san, self._classes, self._shares = config.san, classes, spec.shares
        self._judged = None if auxiliary else classes
        self._changes = CHANGES[config.augment]
        self.networks: dict[str, nn.Module] = {"generator": generator, "discriminator": discriminator}
        if config.san:
            sliced(discriminator, spec.shape, self._judged)
        if config.augment == "adaptive":
            self.networks["strength"] = Strength(config.augment_target, config.augment_images)
        halflife = config.average_halflife
        self.averages = {"generator": linear(0.0, halflife, halflife / config.average_rampup)}
        self.priors: dict[str, Prior] = {}
        if self._changes:
            self.priors["augment"] = Uniform(0, 1, 2 * numbers(self._changes))
        if classes is not None:
            self.priors["fake_label"] = Labels(classes, spec.shares)
        self.outputs: Mapping[str, Answer] = {"sample": self._sample, "decode": self._sample, "score": self._score}

    def tell_apart(
        self,
        loss: AdversarialLoss,
        r1: Weight = 0.0,
        r2: Weight = 0.0,
        penalty: float = 0.0,
        classify: float = 0.0,
    ) -> Objective:
        """The discriminator's objective.

        Arguments:
            loss: Of the pair, the discriminator's half.
            r1: Weight of the term ``r1``, half the mean squared slope at real images before augmentation; 0 leaves it
                out.
            r2: The same at generated images.
            penalty: Weight of the term ``penalty``, the squared distance of the slope from 1 between pairs, at the
                places ``epsilon`` of the batch; 0 leaves it out.
            classify: Weight of the terms ``class_real`` and ``class_fake``, the cross-entropy of the auxiliary
                classifier; 0 leaves them out.
        """

        def discriminator(net: Networks, batch: Batch) -> Terms:
            label = batch["label"] if self._classes is not None else None
            with torch.no_grad():
                fake = self.generate(net, batch["z"], label)
            x = to_symmetric(batch["x"]).detach().requires_grad_(r1 != 0)
            fake = fake.requires_grad_(r2 != 0)
            real_seen, fake_seen = (self._seen(net, side, batch, half) for half, side in enumerate((x, fake)))
            terms: dict[str, Tensor] = {}
            if self._san or classify:
                features = [net.discriminator.features(seen) for seen in (real_seen, fake_seen)]
            if classify and label is not None:
                for name, h in zip(("class_real", "class_fake"), features, strict=True):
                    terms[name] = classify * cross_entropy(net.discriminator.classifier(h), label)
            if self._san:
                given = None if self._judged is None else label
                (real, along), (unreal, against) = (net.discriminator.head.parts(h, given) for h in features)
                terms["direction"] = sum(
                    wasserstein.discriminator(along, against).values(), torch.zeros_like(along[0, 0])
                )
            elif classify:
                real, unreal = (net.discriminator.head(h) for h in features)
            else:
                real, unreal = (self.judge(net, seen, label) for seen in (real_seen, fake_seen))
            if "strength" in net:
                net.strength.watch(real)
            terms |= loss.discriminator(real, unreal)
            for name, weight, logits, points in (("r1", r1, real, x), ("r2", r2, unreal, fake)):
                if weight != 0:
                    terms[name] = now(weight, batch) / 2 * squared_gradient_norm(logits, points).mean()
            if penalty:
                between = interpolate(x.detach(), fake.detach(), batch["epsilon"])
                terms["penalty"] = penalty * gradient_penalty(lambda at: self._held(net, at, batch, 0, label), between)
            return terms

        return discriminator

    def steepness(self, r1: Weight) -> Objective:
        """The discriminator's term ``r1`` alone, for lazy turns; with a sliced head the direction is held.

        Arguments:
            r1: Its weight, as of :meth:`tell_apart`.
        """

        def discriminator(net: Networks, batch: Batch) -> Terms:
            label = batch["label"] if self._classes is not None else None
            x = to_symmetric(batch["x"]).detach().requires_grad_()
            logits = self._held(net, x, batch, 0, label)
            return {"r1": now(r1, batch) / 2 * squared_gradient_norm(logits, x).mean()}

        return discriminator

    def fool(self, loss: AdversarialLoss, classify: float = 0.0) -> Objective:
        """The generator's objective, the term ``fool``; a relativistic pair sees the batch's real images too.

        Arguments:
            loss: Of the pair, the generator's half.
            classify: Weight of the term ``class``, the cross-entropy of the auxiliary classifier; 0 leaves it out.
        """

        def generator(net: Networks, batch: Batch) -> Terms:
            label = None
            if self._classes is not None:
                label = batch["label" if loss.relativistic else "fake_label"]
            fake = self.generate(net, batch["z"], label)
            seen, terms = self._seen(net, fake, batch, 1), {}
            if classify and label is not None:
                h = net.discriminator.features(seen)
                unreal = net.discriminator.head(h)
                terms["class"] = classify * cross_entropy(net.discriminator.classifier(h), label)
            else:
                unreal = self.judge(net, seen, label)
            if not loss.relativistic:
                return {"fool": loss.generator(unreal), **terms}
            real = self.judge(net, self._seen(net, to_symmetric(batch["x"]), batch, 0), label)
            return {"fool": loss.generator(unreal, real), **terms}

        return generator

    def generate(self, net: Networks, z: Tensor, label: Tensor | None) -> Tensor:
        """Generated images.

        Arguments:
            net: The networks.
            z: Latents, (N, ...).
            label: (N,) int64, or None for networks without classes.

        Returns:
            (N, C, S, S) in [-1, 1].
        """
        made: Tensor = net.generator(z) if label is None else net.generator(z, label)
        return made

    def judge(self, net: Networks, x: Tensor, label: Tensor | None) -> Tensor:
        """Logits of images.

        Arguments:
            net: The networks.
            x: (N, C, S, S) in [-1, 1].
            label: (N,) int64, or None for networks without classes.

        Returns:
            (N, 1).
        """
        blind = label is None or self._judged is None
        logits: Tensor = net.discriminator(x) if blind else net.discriminator(x, label)
        return logits

    def _seen(self, net: Networks, x: Tensor, batch: Batch, half: int) -> Tensor:
        """Images as the discriminator sees them, by the numbers of the real half (0) or of the generated (1)."""
        if not self._changes:
            return x
        p = net.strength.p if "strength" in net else 1.0
        return augment(x, batch["augment"].chunk(2, 1)[half], self._changes, p)

    def _held(self, net: Networks, x: Tensor, batch: Batch, half: int, label: Tensor | None) -> Tensor:
        """Logits of images before augmentation, for the features alone: a sliced head's direction is held."""
        seen = self._seen(net, x, batch, half)
        if not self._san:
            return self.judge(net, seen, label)
        logits: Tensor = net.discriminator.head.parts(net.discriminator.features(seen), label)[0]
        return logits

    def _sample(self, net: Networks, batch: Batch) -> Tensor:
        """Images in [0, 1]; of the first label where none is said."""
        z, label = batch["z"], None
        if self._classes is not None:
            label = batch.get("fake_label", torch.zeros(len(z), dtype=torch.int64, device=z.device))
        return from_symmetric(self.generate(net, z, label)).clamp(0, 1)

    def _score(self, net: Networks, batch: Batch) -> Tensor:
        """The logit (N,) of images in [0, 1]; without labels, where there are classes, its mean over them."""
        x = to_symmetric(batch["x"])
        if self._judged is None or "label" in batch:
            return self.judge(net, x, batch.get("label") if self._judged is not None else None).squeeze(1)
        labels = torch.arange(self._judged, device=x.device)
        logits = torch.stack([self.judge(net, x, label.expand(len(x))).squeeze(1) for label in labels])
        shares = torch.tensor(self._shares or [1 / self._judged] * self._judged, device=x.device)
        return (shares[:, None] * logits).sum(0)


def refuse_switches(config: ImageConfig, remedy: str, taken: Collection[str] = ()) -> None:
    """See that no switch of images is other than its default, where the networks are not those of images.

    Arguments:
        config: The recipe's.
        remedy: What to do about it, for the message.
        taken: Those that the other networks take too.

    Raises:
        ConfigError: One is.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    for name in (field.name for field in dataclasses.fields(ImageConfig) if field.name not in taken):
        if (value := getattr(config, name)) != defaults[name]:
            raise ConfigError(f"{name} is a switch of networks of images, got {value!r}; {remedy}.")


def now(weight: Weight, batch: Batch) -> Tensor | float:
    """A weight at the images this batch is seen at."""
    return weight(batch["examples"]) if callable(weight) else weight


def classes_of(spec: DataSpec, recipe: str) -> int:
    """How many labels the data have, for a recipe that needs them.

    Arguments:
        spec: Of the data.
        recipe: Its name, for the message.

    Raises:
        ConfigError: They have none.
    """
    if spec.classes is None:
        raise ConfigError(
            f"{recipe} makes images of a label, and {spec.name} has none; label them, or take dcgan or r3gan."
        )
    return spec.classes
