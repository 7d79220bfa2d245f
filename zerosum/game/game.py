"""The game: all that changes in training, and how one round of it is played."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from zerosum import updates
from zerosum.game.accumulator import Reading, TermAccumulator
from zerosum.game.activation_checkpointing import enable_activation_checkpointing
from zerosum.game.averages import average_of, move_average
from zerosum.game.checks import RecipeCheck, check_names, check_state
from zerosum.game.execution import (
    Capture,
    Mode,
    Precision,
    as_float32,
    check_mode,
    check_precision,
    compilable,
    compiled_methods,
    computing,
    cuda_capture,
)
from zerosum.game.gradients import local_gradients
from zerosum.game.micro_batches import Mean, split
from zerosum.game.turn import Batch, Networks, Played, Player, Schedule, Terms
from zerosum.runtime import mean_over_ranks, world_size

Logged = list[tuple[int, tuple[str, ...]]]
"""For each update of a round, its turn's place in the schedule and the names of its terms."""


class Game:
    """All that changes in training: networks, update states, averages, the round, the examples seen.

    Arguments:
        networks: Modules by name. One that no player moves is put in evaluation mode and stays as it is.
        players: By name.
        schedule: The turns and their order.
        averages: Networks to be averaged over training, with the half-life of a weight in examples, a number or a ramp.
            An average is a copy whose parameters are averaged and whose buffers are copied, once per round.

    Raises:
        ValueError: A turn of an unknown player, a player without a turn, a move of an unknown network, a half-life
            that is not positive.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        players: Mapping[str, Player],
        schedule: Schedule,
        averages: Mapping[str, updates.Number] | None = None,
    ):
        self.players = dict(players)
        self.schedule = schedule
        self.halflives = dict(averages or {})
        self.networks = Networks(networks, self)
        check_names(self.networks, self.players, schedule, self.halflives)
        moved = {name for player in self.players.values() for name in player.moves}
        for name, network in self.networks.items():
            network.train(name in moved)
        self.averages = {name: average_of(self.networks[name]) for name in self.halflives}
        self.round = 0
        self.witness: Callable[[str, Sequence[Tensor]], None] | None = None
        """Called with the player and the gradients of every update, before it; for looking into a round."""
        self.check: RecipeCheck | None = None
        """Present in round 0 alone; a compiled round reads it and not its own number, which changes."""
        self.capture: Capture = cuda_capture
        """Records rounds in mode ``graph``."""
        self.micro_batches = 1
        """Equal parts that a batch is played in, for less memory; the update is that of their mean."""
        self.compiled: dict[str, Callable[..., Any]] = {}
        """Compiled versions of methods, by name, which run from round 1 on."""
        self._mode: Mode = "eager"
        self._precision: Precision = "float32"
        self._hooks: list[Any] = []
        self.to(torch.empty(0).device)  # the CPU, or "meta" where only sizes are needed

    def to(self, device: torch.device) -> Game:
        """Move everything to a device, before the first round, because update states start afresh.

        Weights of convolutions are laid out channels last, in which a round of DCGAN is a twentieth faster on a CPU.
        """
        assert self.round == 0, "a game moves to its device before its first round"
        for module in (*self.networks.values(), *self.averages.values()):
            module.to(device)
            if any(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in module.modules()):
                module.to(memory_format=torch.channels_last)
        self.device = device
        self.examples = torch.zeros((), dtype=torch.int64, device=device)
        self._named = {name: self._collect(player) for name, player in self.players.items()}
        self._moved = {name: list(named.values()) for name, named in self._named.items()}
        self.states = {name: player.update.init(self._moved[name]) for name, player in self.players.items()}
        self._choose_executions()
        self.accumulator = TermAccumulator(self.players, device)
        return self

    def moved_by(self, player: str) -> list[Tensor]:
        """The parameters a player moves, each once, in the order of its networks."""
        return self._moved[player]

    def named(self, player: str) -> dict[str, Tensor]:
        """The same parameters by name, ``network.parameter``."""
        return self._named[player]

    @property
    def mode(self) -> Mode:
        """The execution of a round: ``eager``, ``graph`` (recorded, on CUDA; the same bits) or ``compile`` (traced).

        Compiled, a round of at most eight updates is one graph, a longer one is a graph for each turn; it takes half a
        minute or more to make. Round 0 always runs eagerly, because it checks the recipe.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        check_mode(mode, self.players, self.device.type == "cuda" or self.capture is not cuda_capture, self.device)
        self.compiled = compiled_methods(type(self), self.schedule) if mode == "compile" else {}
        self._mode = mode
        self._choose_executions()

    @property
    def precision(self) -> Precision:
        """Precision of the products and convolutions of networks; ``bfloat16`` is torch's autocast.

        Parameters, outputs of networks, losses, penalties, update states and averages are float32 always.
        """
        return self._precision

    @precision.setter
    def precision(self, precision: Precision) -> None:
        check_precision(precision)
        for hook in self._hooks:
            hook.remove()
        lower = precision != "float32"
        self._hooks = [net.register_forward_hook(as_float32) for net in self.networks.values()] if lower else []
        self._precision = precision

    def computing(self) -> AbstractContextManager[Any]:
        """While entered, networks compute in the game's precision; objectives are called so."""
        return computing(self._precision, self.device)

    def enable_activation_checkpointing(self) -> None:
        """Let all networks compute activations again in the backward pass, for less memory; the numbers stay."""
        for network in self.networks.values():
            enable_activation_checkpointing(network)

    @property
    def executions(self) -> dict[str, str]:
        """The execution of each player's update rule: ``fused`` or ``plain``."""
        return {name: "fused" if fused else "plain" for name, fused in self._fused.items()}

    def play(self, batches: Sequence[Sequence[Batch]], examples: int) -> None:
        """Play one round.

        Arguments:
            batches: For each turn of the schedule, one batch per repeat; none where the turn is not due.
            examples: Real examples the round takes, each distinct one counted once, over all ranks.
        """
        if self.round == 0:
            self.check = RecipeCheck(self.schedule.turns, self.players, self._named)
        logged = self.advance(batches, examples)
        if self.check is not None:
            self.check.finish()
            self.check = None
        self.count(logged)

    def advance(self, batches: Sequence[Sequence[Batch]], examples: int) -> Logged:
        """Do all of a round that is work on tensors; :meth:`count` completes it.

        Arguments:
            batches: As for :meth:`play`.
            examples: As for :meth:`play`.
        """
        for repeats in batches:
            for batch in repeats:
                batch["examples"] = self.examples
        logged: Logged = []
        for place, terms in self.play_turns(batches):
            self.accumulator.add(self.schedule.turns[place].player, terms)
            logged.append((place, tuple(terms)))
        self._average_buffers()
        for name, average in self.averages.items():
            move_average(average, self.networks[name], self.halflives[name], examples, self.examples)
        self.examples += examples
        return logged

    def count(self, logged: Logged) -> None:
        """Count the updates of a round on the host; the next round is due then."""
        for place, names in logged:
            self.accumulator.count(self.schedule.turns[place].player, place, names)
        self.round += 1

    @compilable
    def play_turns(self, batches: Sequence[Sequence[Batch]]) -> Played:
        """Play the updates of a round in the order of the schedule; the terms are not accumulated yet."""
        return self.schedule.order(self, Round(self, batches))

    @compilable
    def gradients(self, place: int, batch: Batch, retain_graph: bool = False) -> tuple[Terms, list[Tensor]]:
        """Terms and gradients of the turn at a place of the schedule, on this rank's part of a batch.

        Arguments:
            place: Of the turn.
            batch: The batch its objective sees.
            retain_graph: Keep the graph of the prepared batch.
        """
        terms, gradients = local_gradients(self, self.schedule.turns[place], batch, retain_graph=retain_graph)
        return {name: term.detach() for name, term in terms.items()}, gradients

    @compilable
    def move(self, place: int, batch: Batch) -> Terms:
        """Play the turn at a place of the schedule on a batch: gradients, averaged over the ranks, and the descent."""
        terms, gradients = self.gradients(place, batch, False)
        self.descend(self.schedule.turns[place].player, mean_over_ranks(gradients))
        return terms

    @compilable
    def descend(self, player: str, gradients: Sequence[Tensor], skip: Tensor | None = None) -> None:
        """Move a player's parameters by its update rule, then project them.

        A step with a gradient that is not finite changes nothing; the accumulator counts it on the device.

        Arguments:
            player: Its name.
            gradients: One per parameter it moves.
            skip: The result of :func:`zerosum.updates.nonfinite` for them, where it was computed before.
        """
        mover = self.players[player]
        if self.witness is not None:
            self.witness(player, gradients)
        skip = updates.step(
            mover.update, gradients, self.states[player], self._moved[player], self.examples, self._fused[player], skip
        )
        self.accumulator.skip(player, skip)
        if mover.project is not None:
            with torch.no_grad():
                for name, parameter in self._named[player].items():
                    parameter.copy_(mover.project(name, parameter))

    def restart_averages(self) -> None:
        """Let every average begin anew from its network as it is."""
        for name, average in self.averages.items():
            average.load_state_dict(self.networks[name].state_dict())

    def shown(self, raw: bool = False) -> Networks:
        """The networks of a trained model: averages where there are any, unless ``raw``."""
        return Networks(self.networks if raw else {**self.networks, **self.averages})

    def read(self) -> Reading:
        """Means of the terms, updates and skipped updates since the last reading; copies to the host, once."""
        return self.accumulator.read()

    def settle(self) -> None:
        """Average the accumulated terms over the ranks, before the state is kept."""
        self.accumulator.settle()

    def replicated(self) -> dict[str, Tensor]:
        """The part of the state that must be equal on every rank, as named tensors."""
        return {name: tensor for name, tensor in self.state().items() if not name.startswith("accumulator/")}

    def state(self) -> dict[str, Tensor]:
        """All that must be kept to continue, as named tensors; the tensors are those in use, not copies."""
        kept = {f"networks/{name}/{key}": t for name, n in self.networks.items() for key, t in n.state_dict().items()}
        kept |= {f"averages/{name}/{key}": t for name, n in self.averages.items() for key, t in n.state_dict().items()}
        for player, state in self.states.items():
            kept |= {f"players/{player}/{key}/{i}": t for key, ts in state.items() for i, t in enumerate(ts)}
        kept |= {f"accumulator/{key}": t for key, t in self.accumulator.state().items()}
        kept["examples"] = self.examples
        kept["round"] = torch.tensor(self.round)
        return kept

    def size(self) -> int:
        """Bytes of the state."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.state().values())

    def load_state(self, kept: Mapping[str, Tensor]) -> None:
        """Take up a kept state, in place.

        Raises:
            ValueError: It is not the state of this game: a tensor is missing, unexpected or of another shape.
        """
        sums = {name.removeprefix("accumulator/"): t for name, t in kept.items() if name.startswith("accumulator/")}
        rest = {name: t for name, t in kept.items() if not name.startswith("accumulator/")}
        own = {name: t for name, t in self.state().items() if not name.startswith("accumulator/")}
        check_state(own, rest)
        self.accumulator.load_state(sums)
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(rest[name])
        self.round = int(rest["round"])

    def _average_buffers(self) -> None:
        """Batch statistics see their rank's part of a batch: the mean over the ranks is that of the whole."""
        if world_size() == 1:
            return
        buffers = [b for network in self.networks.values() for b in network.buffers() if b.is_floating_point()]
        with torch.no_grad():
            for buffer, mean in zip(buffers, mean_over_ranks(buffers) if buffers else [], strict=True):
                buffer.copy_(mean)

    def _choose_executions(self) -> None:
        self._fused = {
            name: self._mode != "compile" and updates.can_fuse(player.update, self._moved[name])
            for name, player in self.players.items()
        }

    def _collect(self, player: Player) -> dict[str, Tensor]:
        named = {f"{n}.{key}": p for n in player.moves for key, p in self.networks[n].named_parameters()}
        once = {id(p): name for name, p in reversed(named.items())}
        return {name: p for name, p in named.items() if once[id(p)] == name}


class Round:
    """The updates of one round: for each turn in order, one batch per repeat, none where it is not due.

    ``prepare`` runs the first time an update of a data batch is asked for, so it sees the parameters of that moment;
    the graph it leaves is freed with the last update that reads it. Where a batch is played in micro-batches, each is
    prepared alone, and gradients and terms are the means over them.

    Arguments:
        game: The game that is played.
        batches: As for :meth:`Game.play`.
    """

    def __init__(self, game: Game, batches: Sequence[Sequence[Batch]]):
        self._game = game
        self._batches = batches
        self._prepared: dict[int, list[Batch]] = {}
        self._readers = Counter(
            self._data(place, repeat) for place, repeats in enumerate(batches) for repeat in range(len(repeats))
        )

    def repeats(self, place: int) -> int:
        """Number of updates of the turn at this place."""
        return len(self._batches[place])

    def batches(self, place: int, repeat: int) -> list[Batch]:
        """The batch of one update, in its micro-batches."""
        schedule, data = self._game.schedule, self._data(place, repeat)
        if schedule.prepare is None:
            return split(self._batches[place][repeat], self._game.micro_batches)
        if data not in self._prepared:
            with self._game.computing():
                self._prepared[data] = [
                    {**part, **schedule.prepare(self._game.networks, part)}
                    for part in split(self._batches[place][repeat], self._game.micro_batches)
                ]
        return self._prepared[data]

    def gradients(self, place: int, repeat: int) -> tuple[Terms, list[Tensor]]:
        """Terms (scalars) and gradients (one per parameter) of one update on this rank's part of its batch.

        Each update is asked for once.
        """
        data = self._data(place, repeat)
        self._readers[data] -= 1
        shared = self._game.schedule.prepare is not None and self._readers[data] > 0
        batches = self.batches(place, repeat)
        mean = Mean(len(batches))
        for batch in batches:
            mean.add(*self._game.gradients(place, batch, shared))
        return mean.terms, mean.gradients

    def move(self, place: int, repeat: int) -> Terms:
        """Play one update: gradients, averaged over the ranks, and the descent."""
        if self._game.schedule.prepare is None and self._game.micro_batches == 1:
            return self._game.move(place, self._batches[place][repeat])
        terms, gradients = self.gradients(place, repeat)
        self._game.descend(self._game.schedule.turns[place].player, mean_over_ranks(gradients))
        return terms

    def _data(self, place: int, repeat: int) -> int:
        return self._game.schedule.turns[place].offset + repeat
