"""A trained model, rebuilt from its run folder without the data."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from zerosum import recipes
from zerosum.api.options import checked
from zerosum.api.plans import build
from zerosum.data import DataSpec
from zerosum.errors import ConfigError, RunError, Unsupported, unknown
from zerosum.metrics import Metric
from zerosum.runtime import choose_device
from zerosum.sources import Prior
from zerosum.training import Experiment, LogProb, Output, Run
from zerosum.training.folder import CODE, RECORD, checkpoints_of, read_record
from zerosum.training.outputs import Returned, joined, rows


class Model:
    """A trained model, used through the averages of its networks where it has any.

    Made by :func:`load`.

    Attributes:
        recipe: Its name.
        config: The recipe's configuration.
        spec: What its data were.
        round: Rounds it was trained.
        experiment: What was trained: its game, its priors, its outputs.
        path: The run folder it came from, or None.
        truncation: By which samples trade diversity for fidelity, or None.
    """

    def __init__(
        self,
        experiment: Experiment,
        recipe: str,
        config: Any,
        spec: DataSpec,
        round: int,
        path: Path | None = None,
        truncation: float | None = None,
    ):
        self.recipe, self.config, self.spec, self.round = recipe, config, spec, round
        self.experiment, self.path, self.truncation = experiment, path, truncation

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of its recipe."""
        return self.experiment.metrics

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Its outputs by name, with the inputs they read and what they return."""
        return {name: self.experiment.output(name) for name in self.experiment.outputs}

    @property
    def priors(self) -> Mapping[str, Prior]:
        """The distributions of its noise inputs by name; ``z`` is the latent."""
        return self.experiment.priors

    def call(
        self, name: str, x: Tensor | None = None, /, *, seed: int = 0, raw: bool = False, **fields: Any
    ) -> Returned:
        """Any output: ``model.call("score", images)``, ``model.call("b_to_a", b=images)``.

        Arguments:
            name: One of :attr:`outputs`.
            x: The first input that is no prior, (N, ...); images in [0, 1].
            seed: Of the priors that are not given, and of what networks draw inside.
            raw: Use the networks as last trained instead of their averages.
            **fields: Inputs by name, (N, ...); a label by name or number is that of all examples.

        Returns:
            A tensor, first axis N, or a dict of them.

        Raises:
            Unsupported: The model has no such output; the message gives the recipe's reason.
            ConfigError: An input is missing, or there is no such label.
        """
        return joined(self.experiment.chunks(name, self._fields(name, x, fields), seed, raw))

    def part(self, name: str, x: Tensor, chunk: int, seed: int = 0, raw: bool = False, **fields: Any) -> Returned:
        """An output on one chunk of a stream of examples, which are never held together.

        Arguments:
            name: One of :attr:`outputs`.
            x: The first input that is no prior, first axis at most the output's chunk.
            chunk: The number of the chunk.
            seed: Of the priors that are not given, and of what networks draw inside.
            raw: Use the networks as last trained instead of their averages.
            **fields: Further inputs.
        """
        return self.experiment.part(name, self._fields(name, x, fields), chunk, seed, raw)

    def encode(self, x: Tensor, **fields: Any) -> Returned:
        """The latent of examples x (N, ...), or the parameters of its distribution by name."""
        return self.call("encode", x, **fields)

    def reconstruct(self, x: Tensor, **fields: Any) -> Tensor:
        """Examples x (N, ...) after encoding and decoding, (N, ...)."""
        return self._tensor("reconstruct", x, **fields)

    def log_prob(self, x: Tensor, **fields: Any) -> LogProb:
        """The log density of examples x (N, ...) in nats, with what kind of number it is."""
        value, density = self._tensor("log_prob", x, **fields), self.experiment.output("log_prob").density
        assert density is not None, "an experiment without it is not built"
        return LogProb(value.double(), density.kind, density.measure, density.method)

    def score(self, x: Tensor, **fields: Any) -> Tensor:
        """The discriminator's logit or the critic's value of examples x (N, ...), (N,)."""
        return self._tensor("score", x, **fields)

    def apply(self, x: Tensor, output: str = "apply", **fields: Any) -> Tensor:
        """Examples made from examples x (N, ...), as a translator makes them.

        Arguments:
            x: The first input that is no prior.
            output: Of those that map examples to examples, where there are several: ``b_to_a``.
            **fields: Further inputs, such as ``label``.
        """
        return self._tensor(output, x, **fields)

    def complete(self, x: Tensor, **fields: Any) -> Tensor:
        """Examples x (N, ...) with their missing parts filled in; ``mask`` says which those are."""
        return self._tensor("complete", x, **fields)

    def classify(self, x: Tensor, **fields: Any) -> Returned:
        """Logits of the classes of examples x (N, ...), (N, classes)."""
        return self.call("classify", x, **fields)

    def derive(self, batch: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
        """A batch of the data with those named fields that can be derived from it.

        Arguments:
            batch: Fields of the data.
            names: Wanted.
        """
        return self.experiment.with_derived(dict(batch), names)

    def _tensor(self, name: str, x: Tensor, **fields: Any) -> Tensor:
        found = self.call(name, x, **fields)
        if not isinstance(found, Tensor):
            raise Unsupported(f"the output {name!r} of this model returns {', '.join(found)}; use call({name!r}, ...).")
        return found

    def _fields(self, name: str, x: Tensor | None, given: Mapping[str, Any]) -> dict[str, Tensor]:
        """Inputs by name; the positional one is the first that is no prior."""
        inputs = self.experiment.output(name).inputs
        fields = dict(given)
        if x is not None:
            first = next((field for field in inputs if field not in self.priors), inputs[0] if inputs else None)
            if first is None or first in fields:
                raise ConfigError(f"the output {name!r} was given {first!r} by position and by name; give it once.")
            fields[first] = x
        tensors = {field: value for field, value in fields.items() if isinstance(value, Tensor)}
        if not tensors:
            raise ConfigError(f"the output {name!r} reads {', '.join(inputs)}; give at least one of them as a tensor.")
        for field, value in fields.items():
            if not isinstance(value, Tensor):
                number = self._number(value)
                tensors[field] = torch.full((rows(tensors),), 0 if number is None else number)
        return tensors

    def sample(
        self, n: int, seed: int = 0, raw: bool = False, label: str | int | None = None, **conditions: Tensor
    ) -> Tensor:
        """n samples, (n, ...) float32, images in [0, 1]. A larger n of the same seed begins with the same samples.

        Arguments:
            n: How many.
            seed: Of the latents, and of what networks draw inside.
            raw: Use the networks as last trained instead of their averages.
            label: Of all of them, by name or number; as frequent as in the data by default.
            **conditions: Inputs of the samples that have no prior, a row for each: ``caption=...``.

        Raises:
            ConfigError: n is below 1, there is no such label, or a condition is missing.
            Unsupported: This kind of model draws no samples, or none of a label.
        """
        if n < 1:
            raise ConfigError(f"n must be at least 1, got {n}.")
        return self.experiment.sample(n, seed, raw, self._number(label), conditions)

    def samples(
        self, n: int, seed: int = 0, raw: bool = False, label: str | int | None = None, **conditions: Tensor
    ) -> Iterator[Tensor]:
        """The same samples in chunks, so that any number needs bounded memory.

        Arguments:
            n: How many.
            seed: Of the latents, and of what networks draw inside.
            raw: Use the networks as last trained instead of their averages.
            label: Of all of them, by name or number; as frequent as in the data by default.
            **conditions: Inputs of the samples that have no prior, a row for each.

        Returns:
            Chunks (m, ...) float32, n in all.

        Raises:
            ConfigError: There is no such label, or a condition is missing.
            Unsupported: This kind of model draws no samples, or none of a label.
        """
        return self.experiment.samples(n, seed, raw, self._number(label), conditions)

    def _number(self, label: str | int | None) -> int | None:
        """A label's number, by its name or as it is."""
        names = self.spec.labels or tuple(map(str, range(self.spec.classes or 0)))
        if label is None or not names:  # without labels the experiment says why not
            return label if label is None or isinstance(label, int) else 0
        if str(label) in names:
            return names.index(str(label))
        raise ConfigError(unknown("label", str(label), names))

    def latents(self, n: int, seed: int = 0) -> Tensor:
        """The latents of n samples, (n, ...): ``decode(latents(n, seed))`` is ``sample(n, seed)``, bit for bit.

        Networks that draw noise of their own decode with that of seed 0.

        Raises:
            Unsupported: Its samples are made of something else.
            ConfigError: n is below 1.
        """
        if n < 1:
            raise ConfigError(f"n must be at least 1, got {n}.")
        if "z" not in self.priors:
            raise Unsupported(f"this model has no latent z (its priors: {', '.join(self.priors) or 'nothing'}).")
        return torch.cat([batch["z"] for batch in self.experiment.drawn(n, seed)])

    def decode(self, z: Tensor, raw: bool = False) -> Tensor:
        """The examples at latents z (n, ...): (n, ...) float32, images in [0, 1].

        Raises:
            Unsupported: It makes no examples of latents; the message says why.
        """
        return self.experiment.decode(z, raw)


def load(
    run: Model | Run | Path | str,
    round: int | None = None,
    device: str = "cpu",
    trust: bool = False,
    truncation: float | None = None,
) -> Model:
    """The model of a run, rebuilt without its data. A damaged checkpoint is passed over with a warning.

    The model of a user's own recipe is built by running that file: where it still is what it was when the run began,
    or else, if ``trust`` says so, the copy in the run folder.

    Arguments:
        run: A run folder, or what :func:`train` returned; a model is returned as it is, whatever else is given.
        round: Which checkpoint; the newest that verifies by default.
        device: Where it computes.
        trust: Run the recipe that lies in the run folder.
        truncation: Trade diversity for fidelity: normal latents are cut off at this distance from 0, in standard
            deviations; StyleGAN2's styles are nearer to their mean by this factor.

    Raises:
        RunError: The folder holds no run, no checkpoint of it can be used, or its recipe is nowhere to be trusted.
        ConfigError: The truncation is not positive.
        Unsupported: There is one, and the latent is no normal one.
    """
    if isinstance(run, Model):
        return run
    path, record = record_of(run)
    checkpoint = checkpoints_of(path, record).load(round)
    if checkpoint is None:
        raise RunError(f"{path} has no checkpoint yet; train it a little longer.")
    experiment, config, spec = experiment_of(path, record, trust)
    where = choose_device(device)
    try:
        experiment = experiment.stage_named(checkpoint.facts.get("stage"))
        experiment.game.to(where)
        experiment.game.load_state(checkpoint.tensors)
    except ValueError as error:
        raise RunError(f"{checkpoint.path} does not fit the networks {record['recipe']} builds: {error}") from error
    for sentence in checkpoint.damaged:
        warnings.warn(f"{sentence} Using {checkpoint.path.name}.", stacklevel=2)
    if truncation is not None:
        experiment = experiment.truncated(truncation)
    round = int(checkpoint.facts["round"])
    return Model(experiment, record["recipe"], config, spec, round, path, truncation)


def record_of(run: Run | Path | str) -> tuple[Path, dict[str, Any]]:
    """A run's folder and its record.

    Raises:
        RunError: The folder holds no run.
    """
    path = run.path if isinstance(run, Run) else Path(run)
    record = read_record(path) if path.is_dir() else None
    if record is None:
        raise RunError(f"{path} is no run folder (there is no config.json in it).")
    return path, record


def experiment_of(path: Path, record: Mapping[str, Any], trust: bool = False) -> tuple[Experiment, Any, DataSpec]:
    """The experiment of a run as it was before its first round, with its configuration and data spec.

    Arguments:
        path: Its folder.
        record: Its ``config.json``.
        trust: Run the recipe that lies in the folder.

    Raises:
        RunError: The record does not say enough, or the run's own recipe is nowhere to be trusted.
    """
    module = _module_of(path, record, trust)
    try:
        spec = DataSpec.read(record["data"]["spec"])
    except (KeyError, TypeError, ValueError):
        raise RunError(f"{path / RECORD} does not say what its data were; restore it from a copy.") from None
    config = checked(module.Config, record["config"], str(path / RECORD))
    with torch.random.fork_rng(devices=[]):
        return build(module, config, spec, record["seed"]), config, spec


def _module_of(path: Path, record: Mapping[str, Any], trust: bool) -> ModuleType:
    if "code" not in record:
        if recipes.is_own(record["recipe"]):
            raise RunError(f"{path / RECORD} does not say what its recipe was; restore it from a copy.")
        return recipes.find(record["recipe"])
    try:
        original, expected = Path(record["code"]["path"]), str(record["code"]["sha256"])
    except (TypeError, KeyError):
        raise RunError(f"{path / RECORD} does not say what its recipe was; restore it from a copy.") from None
    for file in (original, path / CODE) if trust else (original,):
        if file.is_file() and (code := recipes.Code(file.resolve(), file.read_bytes())).sha256 == expected:
            return recipes.run(code)
    if trust:
        raise RunError(f"neither {original} nor {path / CODE} is the recipe this run began with; restore one of them.")
    raise RunError(
        f"{path} was trained by {original}, which is {'no longer what it was' if original.exists() else 'gone'}; "
        f"its copy {path / CODE} is only run when you say so: read it, then give --trust (in Python, trust=True)."
    )
