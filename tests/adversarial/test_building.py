"""Pieces of ``build``."""

import dataclasses

import pytest

from tests.games import plain_gan
from zerosum.adversarial import OUTPUTS, classes_of, experiment, players
from zerosum.data import DataSpec
from zerosum.errors import ConfigError, Unsupported
from zerosum.metrics import default_metrics
from zerosum.networks import clip
from zerosum.sources import Normal
from zerosum.updates import adam, sgd

POINTS = DataSpec.of("points", "points", (2,))
IMAGES = DataSpec.of("squares", "image", (1, 2, 2), classes=3, count=100)


def test_each_player_moves_the_network_of_its_name():
    both = players(adam(1e-3))
    assert {name: player.moves for name, player in both.items()} == {
        "discriminator": ("discriminator",),
        "generator": ("generator",),
    }
    assert both["discriminator"].update is both["generator"].update
    other, project = sgd(0.1), clip(0.01)
    both = players(adam(1e-3), other, project)
    assert both["discriminator"].update is other
    assert both["discriminator"].project is project
    assert both["generator"].project is None


def test_labels_are_needed():
    assert classes_of(IMAGES, "acgan") == 3
    with pytest.raises(ConfigError, match=r"acgan makes images of a label, and points has none; .* dcgan or r3gan"):
        classes_of(POINTS, "acgan")
    label = dataclasses.replace(IMAGES.fields["label"], partial=True)
    partial = dataclasses.replace(IMAGES, fields={**IMAGES.fields, "label": label})
    with pytest.raises(ConfigError, match=r"acgan needs a label of every image, and some of squares have none"):
        classes_of(partial, "acgan")


def test_the_experiment_has_the_usual_outputs_and_metrics():
    game, _ = plain_gan()
    made = experiment(game, POINTS, {"z": Normal(4)}, rounds=7)
    assert {name: output.function for name, output in made.outputs.items()} == OUTPUTS
    assert made.rounds == 7
    with pytest.raises(Unsupported, match=r"log_prob.*its density is implicit"):
        made.call("log_prob", {})
    assert [metric.name for metric in made.metrics] == [metric.name for metric in default_metrics(POINTS)]
    assert list(experiment(game, POINTS, {}, outputs={"sample": OUTPUTS["sample"]}).outputs) == ["sample"]
