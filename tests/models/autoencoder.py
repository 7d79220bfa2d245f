"""An autoencoder on images: it encodes and reconstructs, and draws no samples."""

import math
from dataclasses import dataclass

from torch import nn

from zerosum.game import Game, Player, Turn, alternating
from zerosum.networks import mlp
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of a small one."""

    batch_size: int = 16
    """Examples in each update [examples]."""
    latent: int = 4
    """Dimension of the code [coordinates]."""


def build(config, spec):
    """One player that moves both networks."""

    def autoencoder(net, batch):
        return {"squared_error": (reconstruct(net, batch) - batch["x"]).square().mean()}

    def encode(net, batch):
        return net.encoder(batch["x"])

    def decode(net, batch):
        return net.decoder(batch["z"])

    def reconstruct(net, batch):
        return net.decoder(net.encoder(batch["x"]))

    size = math.prod(spec.shape)
    game = Game(
        networks={
            "encoder": nn.Sequential(nn.Flatten(), mlp((size, 16, config.latent))),
            "decoder": nn.Sequential(mlp((config.latent, 16, size), final=nn.Sigmoid), nn.Unflatten(1, spec.shape)),
        },
        players={"autoencoder": Player(("encoder", "decoder"), adam(1e-3))},
        schedule=alternating(Turn("autoencoder", autoencoder)),
    )
    return Experiment(
        game,
        outputs={"encode": encode, "decode": decode, "reconstruct": reconstruct},
        reasons={"sample": "an autoencoder has no distribution of codes", "log_prob": "it has no density"},
    )
