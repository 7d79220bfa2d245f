"""An experiment: a game with what is drawn for it and what the trained model can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from zerosum.errors import Unsupported
from zerosum.game import Batch, Game, Networks, evaluating
from zerosum.metrics import Metric
from zerosum.runtime import mix, reseed
from zerosum.sources import Prior

Answer = Callable[[Networks, Batch], Tensor]
"""What a trained model says to a batch, ``(networks, batch) -> tensor``; images come out in [0, 1]."""

CHUNK = 500
"""Examples sampled together, so that any number needs bounded memory."""

WHY_NOT = {
    "sample": "it was trained to judge or map examples, not to make them",
    "encode": "it has no encoder; invert the generator instead",
    "decode": "it has no decoder; sample draws from the generator",
    "reconstruct": "it has no encoder to reconstruct from",
    "log_prob": "its density is implicit; use the metrics parzen or ais",
    "score": "it has no critic",
    "apply": "it maps latents to examples, not examples to examples",
    "complete": "it was not trained to fill in missing parts",
    "classify": "it has no classifier",
}
"""Everything a model may be asked, with the reason of one that cannot."""


@dataclass(frozen=True)
class Experiment:
    """What a recipe builds.

    Arguments:
        game: All that changes in training.
        draws: What is drawn for each update and each sample, by field name of the batch.
        answers: What the trained model can be asked, by name (see :data:`WHY_NOT`). ``sample`` sees the draws; the
            others see what they are asked about as ``batch["x"]`` or ``batch["z"]``.
        metrics: Judges run at the end of training.
        rounds: The goal when none is given.
    """

    game: Game
    draws: Mapping[str, Prior]
    answers: Mapping[str, Answer]
    metrics: tuple[Metric, ...] = field(default=())
    rounds: int = 20_000

    def ask(self, name: str, batch: Batch, raw: bool = False) -> Tensor:
        """One answer on one batch, in evaluation mode; by the average of a network where there is one, unless raw.

        Raises:
            Unsupported: This kind of model cannot answer that; the message says why.
        """
        if name not in self.answers:
            reason = WHY_NOT.get(name, "no such question")
            raise Unsupported(f"this model cannot {name}: {reason} (it answers: {', '.join(self.answers)}).")
        networks = self.game.shown(raw)
        with torch.no_grad(), evaluating(networks):
            return self.answers[name](networks, {k: v.to(self.game.device) for k, v in batch.items()})

    def samples(self, n: int, seed: int = 0, raw: bool = False) -> Iterator[Tensor]:
        """n samples in chunks. Chunk c is drawn from (seed, c): a larger n begins with the same examples."""
        for chunk, start in enumerate(range(0, n, CHUNK)):
            size = min(CHUNK, n - start)
            generator = Generator(self.game.device)
            batch = {}
            for name, prior in self.draws.items():
                generator.manual_seed(mix(seed, "sample", name, chunk))
                batch[name] = prior(CHUNK, generator)[:size]
            with torch.random.fork_rng(devices=[]):  # the caller's random numbers are the caller's
                reseed(self.game.device, seed, "sample", chunk)
                samples = self.ask("sample", batch, raw)
            yield samples

    def sample(self, n: int, seed: int = 0, raw: bool = False) -> Tensor:
        """n samples, (n, ...) float32."""
        chunks = list(self.samples(n, seed, raw))
        return torch.cat(chunks)
