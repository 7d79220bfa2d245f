"""An experiment: a game with what is drawn for it and what the trained model can be asked."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from zerosum.data import Data
from zerosum.errors import ConfigError, Unsupported
from zerosum.game import Batch, Game, Networks, check_signature, evaluating
from zerosum.metrics import Metric
from zerosum.networks import standing_statistics
from zerosum.runtime import mix, reseed
from zerosum.sources import Normal, Prior, TruncatedNormal

Answer = Callable[[Networks, Batch], Tensor]
"""What a trained model says to a batch, ``(networks, batch) -> tensor``; images come out in [0, 1]."""

CHUNK = 500
"""Examples sampled together, so that any number needs bounded memory."""

STANDING = 4 * CHUNK
"""Samples that standing statistics are of."""

FAKE_LABEL = "fake_label"
"""What labels of generated examples are drawn as, where they have any."""

WHY_NOT = {
    "sample": "it was trained to judge or map examples, not to make them",
    "encode": "it has no encoder; invert the generator instead",
    "decode": "it has no decoder",
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
        priors: Noise inputs: what is drawn for each update and each sample, by field name of the batch.
        outputs: What the trained model can be asked, by name (see :data:`WHY_NOT`). ``sample`` sees the priors; the
            others see what they are asked about as ``batch["x"]`` or ``batch["z"]``.
        metrics: Judges run at the end of training.
        rounds: The goal when none is given.
        initialise: Sets what depends on the data (an output's bias, a normalisation) from the training split, once,
            before the first round.
        before: An earlier stage, trained for its own ``rounds`` first. What it hands over are modules that networks of
            both games hold; everything else of it ends with it.
        stage: What this stage is called in checkpoints, unlike those before it.
        truncation: Answers that give variety for likeness, by how far; where that is not by a cut of a normal latent.
    """

    game: Game
    priors: Mapping[str, Prior]
    outputs: Mapping[str, Answer]
    metrics: tuple[Metric, ...] = field(default=())
    rounds: int = 20_000
    initialise: Callable[[Data], None] | None = None
    before: Experiment | None = None
    stage: str = "main"
    truncation: Callable[[float], Mapping[str, Answer]] | None = None

    def __post_init__(self) -> None:
        for name, answer in self.outputs.items():
            check_signature(answer, f"the answer {name!r}")
        for name, prior in self.priors.items():
            if not callable(prior):
                raise ValueError(f"what is drawn as {name!r} must be a prior such as Normal(16), got {prior!r}.")
        for metric in self.metrics:
            if not isinstance(metric, Metric):
                raise ValueError(f"metrics are judges such as parzen(), got {metric!r}.")
        if not (isinstance(self.rounds, int) and self.rounds > 0):
            raise ValueError(f"rounds must be a whole number above 0, got {self.rounds!r}.")

    @property
    def stages(self) -> tuple[Experiment, ...]:
        """All stages in their order, this one last."""
        return (*(self.before.stages if self.before else ()), self)

    def stage_named(self, name: str | None) -> Experiment:
        """The stage a checkpoint names; this one where it names none, as those of before there were stages.

        Raises:
            ValueError: There is no such stage.
        """
        stages = {stage.stage: stage for stage in self.stages}
        if name is not None and name not in stages:
            raise ValueError(f"there is no stage {name!r} (stages: {', '.join(stages)}).")
        return self if name is None else stages[name]

    def begin(self, data: Callable[[], Data]) -> None:
        """Make the networks what they are before the first round; averages begin from there.

        Arguments:
            data: Opens the training split, where something depends on it.
        """
        if self.initialise is not None:
            self.initialise(data())
        self.game.restart_averages()

    def truncated(self, threshold: float) -> Experiment:
        """The trained experiment with samples of less variety and more likeness.

        Latents are cut off at the threshold, in standard deviations, or what :attr:`truncation` says instead. Then the
        batch norms are given the statistics of such samples (:func:`~zerosum.networks.standing_statistics`), in the
        networks, which the two experiments share.

        Arguments:
            threshold: Positive; the lower, the less variety.

        Raises:
            ConfigError: It is not positive.
            Unsupported: The latent is no normal one.

        References:
            | Large Scale GAN Training for High Fidelity Natural Image Synthesis (Brock et al., 2018), section 3.1
            | https://arxiv.org/abs/1809.11096
        """
        if not threshold > 0:
            raise ConfigError(f"truncation must be positive, got {threshold}.")
        z = self.priors.get("z")
        if self.truncation is not None:
            experiment = dataclasses.replace(self, outputs={**self.outputs, **self.truncation(threshold)})
        elif isinstance(z, Normal):
            experiment = dataclasses.replace(self, priors={**self.priors, "z": TruncatedNormal(z.dim, threshold)})
        else:
            raise Unsupported(
                f"truncation cuts off a normal latent z, and the priors of this model are {dict(self.priors)}."
            )
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers are the caller's
            reseed(self.game.device, 0, "standing")
            for raw in (False, True) if self.game.averages else (True,):
                networks = self.game.shown(raw)
                standing_statistics(networks.values(), experiment._passes(networks))
        return experiment

    def _passes(self, networks: Networks) -> Iterator[Callable[[], Tensor]]:
        """Of the samples that standing statistics are of."""
        for batch in self.drawn(STANDING):
            moved = {k: v.to(self.game.device) for k, v in batch.items()}
            yield functools.partial(self.outputs["sample"], networks, moved)

    def ask(self, name: str, batch: Batch, raw: bool = False) -> Tensor:
        """One answer on one batch, in evaluation mode; by the average of a network where there is one, unless raw.

        Arguments:
            name: One of :attr:`outputs`.
            batch: What the answer reads, first axis N.
            raw: Use the networks as last trained instead of their averages.

        Returns:
            First axis N.

        Raises:
            Unsupported: This kind of model cannot answer that; the message says why.
            ValueError: Its answer is no tensor.
        """
        if name not in self.outputs:
            reason = WHY_NOT.get(name, "no such question")
            raise Unsupported(f"this model cannot {name}: {reason} (it has: {', '.join(self.outputs)}).")
        networks = self.game.shown(raw)
        with torch.no_grad(), evaluating(networks):
            answer = self.outputs[name](networks, {k: v.to(self.game.device) for k, v in batch.items()})
        if not isinstance(answer, Tensor):
            raise ValueError(f"the answer {name!r} must be a tensor, got {type(answer).__name__}.")
        return answer

    def drawn(self, n: int, seed: int = 0, label: int | None = None) -> Iterator[Batch]:
        """What n samples are made of, in chunks. Chunk c is drawn from (seed, c): a larger n begins with the same.

        Arguments:
            n: How many.
            seed: Of it all.
            label: Of all of them; drawn by default.

        Raises:
            Unsupported: A label is asked for, and it makes images of none.
        """
        if label is not None and FAKE_LABEL not in self.priors:
            raise Unsupported("this model makes no examples of a label: it was not trained with labels.")
        for chunk, start in enumerate(range(0, n, CHUNK)):
            size = min(CHUNK, n - start)
            generator = Generator(self.game.device)
            batch = {}
            for name, prior in self.priors.items():
                generator.manual_seed(mix(seed, "sample", name, chunk))
                batch[name] = prior(CHUNK, generator)[:size]
            if label is not None:
                batch[FAKE_LABEL] = torch.full_like(batch[FAKE_LABEL], label)
            yield batch

    def samples(self, n: int, seed: int = 0, raw: bool = False, label: int | None = None) -> Iterator[Tensor]:
        """n samples in the chunks of :meth:`drawn`: a larger n begins with the same examples.

        Arguments:
            n: How many.
            seed: Of the latents, and of what networks draw inside.
            raw: Use the networks as last trained instead of their averages.
            label: Of all of them; drawn by default.

        Returns:
            Chunks (m, ...) float32, n in all.

        Raises:
            Unsupported: It draws no samples, or none of a label.
        """
        for chunk, batch in enumerate(self.drawn(n, seed, label)):
            yield self._asked("sample", batch, raw, seed, chunk)

    def decode(self, z: Tensor, raw: bool = False) -> Tensor:
        """Examples at latents (n, ...), in chunks as :meth:`samples` are: the bits of a product depend on its size."""
        parts = torch.split(z, CHUNK)
        return torch.cat([self._asked("decode", {"z": part}, raw, 0, chunk) for chunk, part in enumerate(parts)])

    def sample(self, n: int, seed: int = 0, raw: bool = False, label: int | None = None) -> Tensor:
        """n samples, (n, ...) float32.

        Arguments:
            n: How many.
            seed: Of the latents, and of what networks draw inside.
            raw: Use the networks as last trained instead of their averages.
            label: Of all of them; drawn by default.

        Raises:
            Unsupported: It draws no samples, or none of a label.
        """
        chunks = list(self.samples(n, seed, raw, label))
        return torch.cat(chunks)

    def pictured(self, n: int, seed: int = 0) -> Tensor:
        """The same, in the order of a picture: one label after another, where there are labels.

        Arguments:
            n: How many.
            seed: Of the latents, and of what networks draw inside.
        """
        samples = self.sample(n, seed)
        if FAKE_LABEL not in self.priors:
            return samples
        labels = torch.cat([batch[FAKE_LABEL] for batch in self.drawn(n, seed)])
        return samples[labels.argsort(stable=True)]

    def _asked(self, name: str, batch: Batch, raw: bool, seed: int, chunk: int) -> Tensor:
        """An answer about a chunk, with what the networks draw inside drawn from (seed, chunk)."""
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers are the caller's
            reseed(self.game.device, seed, "sample", chunk)
            return self.ask(name, batch, raw)
