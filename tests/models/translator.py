"""A translator of images to their negatives, by a label where one is given: it applies, with a target to compare."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import one_hot

from zerosum.game import Game, Player, Turn, alternating
from zerosum.networks import mlp
from zerosum.training import Experiment, Output
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of a small one."""

    batch_size: int = 16
    """Examples in each update [examples]."""


def build(config, spec):
    """One player; the target is derived from the image."""

    def translate(net, batch):
        x = batch["x"].flatten(1)
        none = torch.zeros(len(x), spec.classes, device=x.device)
        label = one_hot(batch["label"], spec.classes).float() if "label" in batch else none
        return net.translator(torch.cat([x, label], 1))

    def translator(net, batch):
        return {"l1": (translate(net, batch) - derive(batch)["negative"]).abs().mean()}

    def derive(batch):
        return {"negative": 1 - batch["x"]}

    size = math.prod(spec.shape)
    game = Game(
        networks={
            "translator": nn.Sequential(
                mlp((size + spec.classes, 16, size), final=nn.Sigmoid), nn.Unflatten(1, spec.shape)
            )
        },
        players={"translator": Player(("translator",), adam(1e-3))},
        schedule=alternating(Turn("translator", translator)),
    )
    return Experiment(
        game,
        outputs={"apply": Output(translate, inputs=("x",), target="negative", chunk=100)},
        derive=derive,
        reasons={"sample": "it maps examples to examples"},
    )
