"""An experiment: a game with its priors, and the outputs of the trained model."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterator, Mapping
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
from zerosum.training.outputs import CHUNK, Output, OutputFunction, Returned, as_output, check_returned, rows

STANDING = 4 * CHUNK
"""Samples that standing statistics are of."""

FAKE_LABEL = "fake_label"
"""The prior of labels of generated examples, where they have any."""


@dataclass(frozen=True)
class Experiment:
    """A game with its priors, outputs and metrics: the result of a recipe's ``build``.

    Arguments:
        game: All that changes in training.
        priors: Noise inputs: what is drawn for each update and each sample, by field name of the batch.
        outputs: Functions of the trained model by name: :class:`~zerosum.training.outputs.Output`, or a plain function
            ``(networks, batch) -> tensor``, which becomes one with the inputs that are usual for its name.
        metrics: Metrics evaluated at the end of training.
        rounds: The goal when none is given.
        initialise: Sets what depends on the data (an output's bias, a normalisation) from the training split, once,
            before the first round.
        before: An earlier stage, trained for its own ``rounds`` first. It hands over modules that networks of both
            games hold; everything else of it ends with it.
        stage: The name of this stage in checkpoints, unlike those before it.
        truncation: Outputs that trade diversity for fidelity, by how far; where that is not by a cut of a normal
            latent.
        derive: Makes fields that outputs read or are compared with from a batch of the data: a low resolution, a mask.
        reasons: Why the model lacks an output, in a clause: ``{"log_prob": "its density is implicit"}``.
    """

    game: Game
    priors: Mapping[str, Prior] = field(default_factory=dict)
    outputs: Mapping[str, Output | OutputFunction] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = field(default=())
    rounds: int = 20_000
    initialise: Callable[[Data], None] | None = None
    before: Experiment | None = None
    stage: str = "main"
    truncation: Callable[[float], Mapping[str, Output | OutputFunction]] | None = None
    derive: Callable[[Batch], Batch] | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        outputs = {}
        for name, given in self.outputs.items():
            check_signature(given.function if isinstance(given, Output) else given, f"the output {name!r}")
            outputs[name] = as_output(name, given, self.priors)
        object.__setattr__(self, "outputs", outputs)
        if "log_prob" in outputs and outputs["log_prob"].density is None:
            raise ValueError(
                "the output 'log_prob' must state what its numbers are: Output(f, inputs=(\"x\",), "
                'density=Density("exact", "density", "change of variables")).'
            )
        for name, prior in self.priors.items():
            if not callable(prior):
                raise ValueError(f"what is drawn as {name!r} must be a prior such as Normal(16), got {prior!r}.")
        for metric in self.metrics:
            if not isinstance(metric, Metric):
                raise ValueError(f"metrics must be metrics such as parzen(), got {metric!r}.")
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
        """The trained experiment with samples of less diversity and more fidelity.

        Latents are cut off at the threshold, in standard deviations, or what :attr:`truncation` says instead. Then the
        batch norms are given the statistics of such samples (:func:`~zerosum.networks.standing_statistics`), in the
        networks, which the two experiments share.

        Arguments:
            threshold: Positive; the lower, the less diversity.

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
        self.output("sample")
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers are the caller's
            reseed(self.game.device, 0, "standing")
            for raw in (False, True) if self.game.averages else (True,):
                networks = self.game.shown(raw)
                standing_statistics(networks.values(), experiment._passes(networks))
        return experiment

    def _passes(self, networks: Networks) -> Iterator[Callable[[], object]]:
        """Of the samples that standing statistics are of."""
        for batch in self.drawn(STANDING):
            moved = {k: v.to(self.game.device) for k, v in batch.items()}
            yield functools.partial(self.output("sample").function, networks, moved)

    def output(self, name: str) -> Output:
        """An output by its name.

        Raises:
            Unsupported: The model has none of that name; the message gives the recipe's reason.
        """
        if name not in self.outputs:
            reason = f": {self.reasons[name]}" if name in self.reasons else ""
            raise Unsupported(
                f"this model has no output {name!r}{reason} (it has: {', '.join(self.outputs) or 'none'})."
            )
        found = self.outputs[name]
        assert isinstance(found, Output)
        return found

    def call(self, name: str, batch: Batch, raw: bool = False) -> Returned:
        """An output on one batch, in evaluation mode; by the average of a network where there is one, unless raw.

        Arguments:
            name: One of :attr:`outputs`.
            batch: The output's inputs, first axis N; fields that it reads where they are given may be there too.
            raw: Use the networks as last trained instead of their averages.

        Returns:
            A tensor, first axis N, or a dict of them.

        Raises:
            Unsupported: The model has no such output; the message gives the recipe's reason.
            ValueError: The output returned no tensors.
        """
        output, networks = self.output(name), self.game.shown(raw)
        with torch.no_grad(), evaluating(networks):
            moved = {k: v.to(self.game.device) for k, v in batch.items()}
            return check_returned(name, output, output.function(networks, moved))

    def with_derived(self, batch: Batch, wanted: Collection[str]) -> Batch:
        """A batch with the wanted fields that can be derived from it.

        Arguments:
            batch: Fields of the data.
            wanted: Names; those that the batch has stay what they are.
        """
        if self.derive is None or all(name in batch for name in wanted):
            return batch
        try:
            derived = self.derive(batch)
        except KeyError:  # a field that it is derived from was not given
            return batch
        return {**{name: value for name, value in derived.items() if name in wanted}, **batch}

    def part(self, name: str, fields: Batch, chunk: int = 0, seed: int = 0, raw: bool = False) -> Returned:
        """An output on one chunk; priors that are not given are drawn from (seed, chunk).

        Arguments:
            name: One of :attr:`outputs`.
            fields: Its inputs, first axis at most its chunk.
            chunk: The number of the chunk.
            seed: Of the priors, and of what networks draw inside.
            raw: Use the networks as last trained instead of their averages.

        Raises:
            Unsupported: The model has no such output.
            ConfigError: An input is neither given, nor derived, nor a prior.
        """
        output = self.output(name)
        fields = self.with_derived(fields, output.inputs)
        lacking = [given for given in output.inputs if given not in fields]
        for missing in lacking:
            if missing not in self.priors:
                raise ConfigError(
                    f"the output {name!r} reads {missing!r}, which is neither given nor a prior of this model; "
                    f"give {missing}=, a row for each example."
                )
        if lacking:
            fields = {**self._drawn(lacking, chunk, rows(fields), output.chunk, seed), **fields}
        return self._called(name, fields, raw, seed, chunk)

    def chunks(self, name: str, fields: Batch, seed: int = 0, raw: bool = False) -> Iterator[Returned]:
        """An output on any number of examples, in chunks of its own size.

        Arguments:
            name: One of :attr:`outputs`.
            fields: Its inputs; priors that are not given are drawn.
            seed: Of the priors, and of what networks draw inside.
            raw: Use the networks as last trained instead of their averages.

        Raises:
            Unsupported: The model has no such output.
            ConfigError: An input is neither given, nor derived, nor a prior.
        """
        size = self.output(name).chunk
        for chunk, start in enumerate(range(0, rows(fields), size)):
            part = {key: value[start : start + size] if value.ndim else value for key, value in fields.items()}
            yield self.part(name, part, chunk, seed, raw)

    def drawn(self, n: int, seed: int = 0, label: int | None = None) -> Iterator[Batch]:
        """The priors of n samples in chunks. Chunk c is drawn from (seed, c): a larger n begins with the same.

        Arguments:
            n: How many.
            seed: Of it all.
            label: Of all of them; drawn by default.

        Raises:
            Unsupported: A label is asked for, and it makes images of none.
        """
        if label is not None and FAKE_LABEL not in self.priors:
            raise Unsupported("this model makes no examples of a label: it was not trained with labels.")
        most = self.output("sample").chunk if "sample" in self.outputs else CHUNK
        for chunk, start in enumerate(range(0, n, most)):
            batch = self._drawn(self.priors, chunk, min(most, n - start), most, seed)
            if label is not None:
                batch[FAKE_LABEL] = torch.full_like(batch[FAKE_LABEL], label)
            yield batch

    def samples(
        self, n: int, seed: int = 0, raw: bool = False, label: int | None = None, given: Batch | None = None
    ) -> Iterator[Tensor]:
        """n samples in the chunks of :meth:`drawn`: a larger n begins with the same examples.

        Arguments:
            n: How many.
            seed: Of the latents, and of what networks draw inside.
            raw: Use the networks as last trained instead of their averages.
            label: Of all of them; drawn by default.
            given: Inputs that are not drawn, a row for each sample: conditions such as a caption.

        Returns:
            Chunks (m, ...) float32, n in all.

        Raises:
            Unsupported: It draws no samples, or none of a label.
            ConfigError: The samples need a condition that is neither given nor a prior.
        """
        output, start = self.output("sample"), 0
        for missing in output.inputs:
            if missing not in self.priors and missing not in (given or {}):
                raise ConfigError(f"samples of this model need {missing!r}; give {missing}=, a row for each sample.")
        for chunk, batch in enumerate(self.drawn(n, seed, label)):
            size = min(output.chunk, n - start)
            part = {key: value[start : start + size] for key, value in (given or {}).items()}
            start += size
            yield self._tensor("sample", {**batch, **part}, raw, seed, chunk)

    def decode(self, z: Tensor, raw: bool = False) -> Tensor:
        """Examples at latents (n, ...), in chunks as :meth:`samples` are: the bits of a product depend on its size."""
        parts = torch.split(z, self.output("decode").chunk)
        return torch.cat([self._tensor("decode", {"z": part}, raw, 0, chunk) for chunk, part in enumerate(parts)])

    def sample(
        self, n: int, seed: int = 0, raw: bool = False, label: int | None = None, given: Batch | None = None
    ) -> Tensor:
        """n samples, (n, ...) float32.

        Arguments:
            n: How many.
            seed: Of the latents, and of what networks draw inside.
            raw: Use the networks as last trained instead of their averages.
            label: Of all of them; drawn by default.
            given: Inputs that are not drawn, a row for each sample.

        Raises:
            Unsupported: It draws no samples, or none of a label.
            ConfigError: The samples need a condition that is neither given nor a prior.
        """
        chunks = list(self.samples(n, seed, raw, label, given))
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

    def _drawn(self, names: Collection[str], chunk: int, size: int, most: int, seed: int) -> Batch:
        """Priors of the examples of a chunk, cut from those of a whole one."""
        generator = Generator(self.game.device)
        batch = {}
        for name in names:
            generator.manual_seed(mix(seed, "sample", name, chunk))
            batch[name] = self.priors[name](most, generator)[:size]
        return batch

    def _called(self, name: str, batch: Batch, raw: bool, seed: int, chunk: int) -> Returned:
        """An output on a chunk, with what the networks draw inside drawn from (seed, chunk)."""
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers are the caller's
            reseed(self.game.device, seed, "sample", chunk)
            return self.call(name, batch, raw)

    def _tensor(self, name: str, batch: Batch, raw: bool, seed: int, chunk: int) -> Tensor:
        found = self._called(name, batch, raw, seed, chunk)
        if not isinstance(found, Tensor):
            raise ValueError(f"the output {name!r} must return a tensor, got a dict of {', '.join(found)}.")
        return found
