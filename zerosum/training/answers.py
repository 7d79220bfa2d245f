"""What a model of a generator and a discriminator can be asked."""

from __future__ import annotations

from torch import Tensor

from zerosum.game import Batch, Networks


def sample(net: Networks, batch: Batch) -> Tensor:
    """Generated examples G(z); also those at given latents."""
    examples: Tensor = net.generator(batch["z"])
    return examples


def score(net: Networks, batch: Batch) -> Tensor:
    """The discriminator's logit, (N,)."""
    logit: Tensor = net.discriminator(batch["x"]).squeeze(1)
    return logit


GENERATES = {"sample": sample, "decode": sample, "score": score}
"""The answers of a recipe whose networks are ``generator`` and ``discriminator``."""
