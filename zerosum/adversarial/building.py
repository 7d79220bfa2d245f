"""Pieces of ``build``: the two players, the generator's last layer, the outputs and the experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from zerosum.data import DataSpec
from zerosum.errors import ConfigError
from zerosum.game import Batch, Game, Networks, Player
from zerosum.metrics import default_metrics
from zerosum.sources import Prior
from zerosum.training import Experiment
from zerosum.updates import Update


def sample(net: Networks, batch: Batch) -> Tensor:
    """Generated examples G(z); also those at given latents."""
    examples: Tensor = net.generator(batch["z"])
    return examples


def score(net: Networks, batch: Batch) -> Tensor:
    """The discriminator's logit, (N,)."""
    logit: Tensor = net.discriminator(batch["x"]).squeeze(1)
    return logit


OUTPUTS = {"sample": sample, "decode": sample, "score": score}
"""Outputs of a generator and a discriminator that work on examples as they are."""


def players(
    update: Update, discriminator: Update | None = None, project: Callable[[str, Tensor], Tensor] | None = None
) -> dict[str, Player]:
    """The two players, each of which moves the network of its name.

    Arguments:
        update: The update rule of both.
        discriminator: The discriminator's, where it has another.
        project: The discriminator's projection after each update.
    """
    return {
        "discriminator": Player(("discriminator",), discriminator or update, project),
        "generator": Player(("generator",), update),
    }


def classes_of(spec: DataSpec, recipe: str) -> int:
    """The number of labels of the data, for a recipe that needs them.

    Arguments:
        spec: Of the data.
        recipe: Its name, for the message.

    Raises:
        ConfigError: The data have none, or some examples have none.
    """
    if spec.classes is None:
        raise ConfigError(
            f"{recipe} makes images of a label, and {spec.name} has none; label them, or take dcgan or r3gan."
        )
    if not spec.labelled:
        raise ConfigError(f"{recipe} needs a label of every image, and some of {spec.name} have none; label them all.")
    return spec.classes


REASONS = {
    "log_prob": "its density is implicit; use the metrics parzen or js",
    "encode": "it has no encoder; invert the generator instead",
    "reconstruct": "it has no encoder to reconstruct from",
    "apply": "it maps latents to examples, not examples to examples",
    "complete": "it was not trained to fill in missing parts",
    "classify": "it has no classifier",
    "score": "it has no critic",
}
"""The outputs that a generator and a discriminator lack, with the reason of each."""


def experiment(game: Game, spec: DataSpec, priors: Mapping[str, Prior], **more: Any) -> Experiment:
    """The experiment of a generator and a discriminator, with their usual outputs and default metrics.

    Arguments:
        game: With the two networks.
        spec: Of the data.
        priors: Noise inputs by name.
        **more: Further arguments of :class:`~zerosum.training.Experiment`, or others in the place of these.
    """
    usual = {"outputs": OUTPUTS, "metrics": default_metrics(spec), "reasons": REASONS}
    return Experiment(game, priors, **{**usual, **more})
