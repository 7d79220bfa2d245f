"""A classifier of images: it classifies, and none of its outputs is a picture."""

import math
from dataclasses import dataclass

from torch import nn
from torch.nn.functional import cross_entropy

from zerosum.game import Game, Player, Turn, alternating
from zerosum.networks import mlp
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of a small one."""

    batch_size: int = 16
    """Examples in each update [examples]."""


def build(config, spec):
    """One player."""

    def classify(net, batch):
        return net.classifier(batch["x"])

    def classifier(net, batch):
        return {"cross_entropy": cross_entropy(classify(net, batch), batch["label"])}

    game = Game(
        networks={"classifier": nn.Sequential(nn.Flatten(), mlp((math.prod(spec.shape), 16, spec.classes)))},
        players={"classifier": Player(("classifier",), adam(1e-3))},
        schedule=alternating(Turn("classifier", classifier)),
    )
    return Experiment(
        game, outputs={"classify": classify}, reasons={"sample": "it was trained to tell examples, not to make them"}
    )
