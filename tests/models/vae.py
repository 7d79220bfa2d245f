"""A variational autoencoder on images: its encoder gives a mean and a variance, its density is a lower bound."""

import math
from dataclasses import dataclass

from torch import nn
from torch.nn.functional import binary_cross_entropy

from zerosum.game import Game, Player, Turn, alternating
from zerosum.networks import mlp
from zerosum.sources import Normal
from zerosum.training import Density, Experiment, Output
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of a small one."""

    batch_size: int = 16
    """Examples in each update [examples]."""
    latent: int = 4
    """Dimension of the latent, standard normal [coordinates]."""


def build(config, spec):
    """One player that descends the negative evidence lower bound."""

    def encode(net, batch):
        mean, log_variance = net.encoder(batch["x"]).chunk(2, 1)
        return {"mean": mean, "variance": log_variance.exp()}

    def bound(net, batch):
        code = encode(net, batch)
        x = net.decoder(code["mean"] + code["variance"].sqrt() * batch["z"])
        error = binary_cross_entropy(x, batch["x"], reduction="none").flatten(1).sum(1)
        divergence = (code["mean"] ** 2 + code["variance"] - code["variance"].log() - 1).sum(1) / 2
        return -error - divergence

    def model(net, batch):
        return {"bound": -bound(net, batch).mean()}

    def sample(net, batch):
        return net.decoder(batch["z"])

    def reconstruct(net, batch):
        return net.decoder(encode(net, batch)["mean"])

    size = math.prod(spec.shape)
    game = Game(
        networks={
            "encoder": nn.Sequential(nn.Flatten(), mlp((size, 16, 2 * config.latent))),
            "decoder": nn.Sequential(mlp((config.latent, 16, size), final=nn.Sigmoid), nn.Unflatten(1, spec.shape)),
        },
        players={"model": Player(("encoder", "decoder"), adam(1e-3))},
        schedule=alternating(Turn("model", model)),
    )
    return Experiment(
        game,
        priors={"z": Normal(config.latent)},
        outputs={
            "sample": sample,
            "decode": sample,
            "encode": Output(encode, inputs=("x",), returns={"mean": "z", "variance": "variance"}),
            "reconstruct": reconstruct,
            "log_prob": Output(
                bound, inputs=("x", "z"), returns="log_prob", density=Density("lower bound", "mass", "ELBO k=1")
            ),
        },
        reasons={"score": "it has no critic"},
    )
