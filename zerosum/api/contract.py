"""The contract of all recipes: checks that the tests run over all of them, and anyone over a recipe of their own."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from zerosum import recipes
from zerosum.api.options import checked
from zerosum.api.plans import build
from zerosum.data import open_data
from zerosum.game import Game, Round, gradients
from zerosum.training import BatchBuilder, Experiment, play_round

ROUNDS = 4
"""Rounds that a check plays at most, before and after what it looks at."""


class Broken(Exception):
    """A recipe does not keep what it must; the message says what and where."""


@dataclass(frozen=True)
class Trial:
    """A recipe with its settings on some data, made anew for every check.

    Arguments:
        module: The recipe.
        config: Its configuration.
        data: Data by name or path.
    """

    module: ModuleType
    config: Any
    data: str

    def make(self, seed: int = 0) -> tuple[Experiment, BatchBuilder]:
        """The experiment as it stands before the first round of its last stage, and what feeds it."""
        source = open_data(self.data, seed=seed)
        experiment = build(self.module, self.config, source.spec, seed)
        experiment.begin(lambda: open_data(self.data))
        game = experiment.game
        size = min(self.config.batch_size, source.spec.count or self.config.batch_size)
        return experiment, BatchBuilder(source, experiment.priors, game.schedule, size, seed, game.device)


def check(recipe: str, data: str = "digits", settings: Mapping[str, Any] | None = None) -> dict[str, str | None]:
    """Run every check on a recipe.

    Arguments:
        recipe: A name, or the path of your own.
        data: What to build it for, by name or path.
        settings: Fields of its Config, small ones for haste.

    Returns:
        For each check by its sentence: None where the recipe keeps it, else what is wrong.

    Raises:
        ConfigError: There is no such recipe, or a setting is not its own.
        DataError: There is no such data.
    """
    module = recipes.find(recipe)
    trial = Trial(module, checked(module.Config, settings or {}, f"recipe {recipe}"), data)
    return {sentence: broken(look, trial) for sentence, look in CHECKS.items()}


def broken(look: Callable[[Trial], None], trial: Trial) -> str | None:
    """The fault that one check finds in a recipe; None if there is none."""
    try:
        look(trial)
    except Broken as error:
        return str(error)
    except Exception as error:  # whatever the recipe's own code raises is what is wrong with it
        where = recipes.place(error)
        return f"{where}: {recipes.reason(error)}" if where else recipes.reason(error)
    return None


def _plays(trial: Trial) -> None:
    experiment, builder = trial.make()
    game = experiment.game
    _play(game, builder, 3)
    reading = game.read()
    if not reading.terms:
        raise Broken("no term was logged in three rounds.")
    for term, value in reading.terms.items():
        if not term.partition("/")[2].isidentifier():
            raise Broken(f"the term {term!r} is to be named as a Python identifier.")
        if not torch.tensor(value).isfinite():
            raise Broken(f"the term {term} is {value} within three rounds.")
    for player, skipped in reading.skipped.items():
        if skipped:
            raise Broken(f"{skipped} updates of {player} were not finite within three rounds.")


def _moves_its_own(trial: Trial) -> None:
    experiment, builder = trial.make()
    game = experiment.game
    examples = _play(game, builder, 1)
    for place, turn in enumerate(game.schedule.turns):
        before = {name: _copies(network) for name, network in game.networks.items()}
        batches = builder.batches(game.round * turn.every, examples)
        for batch in (batch for repeats in batches for batch in repeats):
            batch["examples"] = game.examples
        game.descend(turn.player, gradients(game, turn, Round(game, batches).batches(place, 0)[0])[1])
        for name, network in game.networks.items():
            if _same(before[name], _copies(network)) == (name in game.players[turn.player].moves):
                did = "did not move" if name in game.players[turn.player].moves else "moved"
                raise Broken(f"turn {place + 1}, of {turn.player}, {did} the network {name}.")


def _seeded(trial: Trial) -> None:
    (a, _), (b, _), (c, _) = trial.make(), trial.make(), trial.make(seed=1)
    for name in a.game.networks:
        weights = [_copies(made.game.networks[name]) for made in (a, b, c)]
        if not _same(weights[0], weights[1]):
            raise Broken(f"the weights of {name} differ between two runs of one seed.")
        if weights[0] and _same(weights[0], weights[2]):
            raise Broken(f"the weights of {name} are the same for another seed.")


def _fused_is_plain(trial: Trial) -> None:
    (fused, builder), (plain, _) = trial.make(), trial.make()
    if any(player.update.plain is None for player in plain.game.players.values()):
        return  # torch's own optimizers have one execution
    plain.game._fused = dict.fromkeys(plain.game._fused, False)
    _play(fused.game, builder, ROUNDS)
    _play(plain.game, builder, ROUNDS)
    for name in fused.game.networks:
        pairs = zip(_copies(fused.game.networks[name]), _copies(plain.game.networks[name]), strict=True)
        if not all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in pairs):
            raise Broken(f"after {ROUNDS} rounds the weights of {name} differ between the two executions of an update.")


def _resumes(trial: Trial) -> None:
    (one, builder), (other, _) = trial.make(), trial.make(seed=1)
    examples = _play(one.game, builder, ROUNDS)
    other.game.load_state({key: tensor.clone() for key, tensor in one.game.state().items()})
    _play(one.game, builder, 3, examples)
    _play(other.game, builder, 3, examples)
    continued = other.game.state()
    for key, tensor in one.game.state().items():
        if not torch.equal(tensor, continued[key]):
            raise Broken(f"{key} differs after saving and going on: something that changes is kept outside the game.")


def _samples(trial: Trial) -> None:
    experiment, builder = trial.make()
    if "sample" not in experiment.outputs:
        return
    _play(experiment.game, builder, 2)
    samples, spec = experiment.sample(7, seed=1), open_data(trial.data).spec
    if samples.shape != (7, *spec.shape):
        raise Broken(f"7 samples are of shape {tuple(samples.shape)}, not {(7, *spec.shape)}.")
    if samples.dtype != torch.float32:
        raise Broken(f"samples are {samples.dtype}, not float32.")
    low, high = float(samples.min()), float(samples.max())
    if spec.kind.range is not None and not spec.kind.range[0] <= low <= high <= spec.kind.range[1]:
        raise Broken(
            f"samples of {spec.kind.name} data are in {list(spec.kind.range)}, these are in [{low:.3g}, {high:.3g}]."
        )
    if len(torch.unique(samples.flatten(1), dim=0)) != 7:
        raise Broken("7 samples are not 7 different ones.")
    if not torch.equal(samples, experiment.sample(7, seed=1)):
        raise Broken("samples of one seed differ.")


def _outputs(trial: Trial) -> None:
    experiment, builder = trial.make()
    given = builder.batches(0, 0)[0][0]
    buffers = {
        f"{network}.{name}": (buffer, buffer.clone())
        for shown in (experiment.game.shown(raw) for raw in (False, True))
        for network, module in shown.items()
        for name, buffer in module.named_buffers()
    }
    returned: dict[str, Tensor] = {}  # by other outputs: a latent that an encoder gives, say
    for name in sorted(experiment.outputs, key=lambda name: name == "decode"):
        output = experiment.output(name)
        fields = experiment.with_derived({**returned, **given}, output.inputs)
        found = experiment.part(name, {key: value for key, value in fields.items() if key in output.inputs})
        if isinstance(found, Tensor) and isinstance(output.returns, str):
            returned[output.returns] = found
        for entry, value in ({"": found} if isinstance(found, Tensor) else found).items():
            if not value.ndim or len(value) != len(given["x"]):
                what = f"{name}, entry {entry}," if entry else name
                raise Broken(f"{what} gives shape {tuple(value.shape)} for {len(given['x'])} examples.")
        for buffer, (now, before) in buffers.items():
            if not torch.equal(now, before):
                raise Broken(f"{name} writes the buffer {buffer}; what an output changes is not saved.")


def _says_what_it_is(trial: Trial) -> None:
    if not (text := inspect.getdoc(trial.module)) or not text.partition("\n")[0].endswith("."):
        raise Broken("its docstring is to begin with a sentence, which lists show.")
    tree = ast.parse(inspect.getsource(trial.module))
    (config,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config")
    for field, after in zip(config.body, [*config.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and not _is_sentence(after):
            raise Broken(f"the setting {ast.unparse(field.target)} needs a sentence in quotes below it: the help's.")


CHECKS: dict[str, Callable[[Trial], None]] = {
    "it builds, and plays with finite terms": _plays,
    "a turn moves its player's networks alone": _moves_its_own,
    "weights come from the seed": _seeded,
    "the fused update is the plain one": _fused_is_plain,
    "saved and gone on is gone on, to the bit": _resumes,
    "samples are of the data's shape and range, and differ": _samples,
    "outputs give a row for each example and write no buffers": _outputs,
    "it says what it is, and what its settings are": _says_what_it_is,
}
"""By the sentence that is kept."""


def _play(game: Game, builder: BatchBuilder, rounds: int, examples: int = 0) -> int:
    for _ in range(rounds):
        examples = play_round(game, builder, examples)
    return examples


def _copies(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def _same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def _is_sentence(node: ast.stmt | None) -> bool:
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return False
    return str(node.value.value).rstrip().endswith(".")
