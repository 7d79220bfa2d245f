"""Players and the game: all that changes in training, and how one round of it is played."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn

from zerosum import updates
from zerosum.game.accumulator import Reading, TermAccumulator
from zerosum.game.averages import average_of, move_average
from zerosum.game.checks import RecipeCheck
from zerosum.game.gradients import own_gradients
from zerosum.game.graphs import Capture, cuda_capture
from zerosum.game.memory import recompute_activations
from zerosum.game.modes import WHOLE, F, Mode, Precision, as_float32, compiled, computing
from zerosum.game.networks import Batch, Networks, Terms
from zerosum.game.schedules import Played, Round, Schedule
from zerosum.runtime import mean_over_ranks, world_size

Logged = list[tuple[int, tuple[str, ...]]]
"""For each update of a round, its turn's place in the schedule and the names of its terms."""


@dataclass(frozen=True)
class Player:
    """Who moves: networks, and how their parameters do.

    Arguments:
        moves: Names of the networks whose parameters it moves. Two players may move the same network, each with its
            own update state.
        update: The update rule.
        project: ``(name, value) -> value``, applied to every moved parameter after each step: weight clipping is
            ``lambda name, value: value.clamp(-0.01, 0.01)``. Names are ``network.parameter``.
    """

    moves: tuple[str, ...]
    update: updates.Update
    project: Callable[[str, Tensor], Tensor] | None = None


class Game:
    """All that changes in training: networks, update states, averages, the round, the examples seen.

    Arguments:
        networks: Modules by name. One that no player moves is put in evaluation mode and stays as it is.
        players: By name.
        schedule: Whose turn it is.
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
        self._refuse_what_does_not_fit()
        moved = {name for player in self.players.values() for name in player.moves}
        for name, network in self.networks.items():
            network.train(name in moved)
        self.averages = {name: average_of(self.networks[name]) for name in self.halflives}
        self.round = 0
        self.witness: Callable[[str, Sequence[Tensor]], None] | None = None
        """Told the player and the gradients of every update, before it; for looking into a round."""
        self.check: RecipeCheck | None = None
        """At work in round 0 alone; a traced round asks for it and not for its own number, which changes."""
        self.capture: Capture = cuda_capture
        """RunLogger rounds in mode ``graph``."""
        self.micro_batches = 1
        """Parts that a batch is played in, one after the other, for less memory; the update is that of their mean."""
        self._mode: Mode = "eager"
        self._precision: Precision = "float32"
        self._hooks: list[Any] = []
        self._traced: dict[str, Callable[..., Any]] = {}
        self.to(torch.empty(0).device)  # the CPU, or nowhere where only sizes are asked for

    def to(self, device: torch.device) -> Game:
        """Move everything to a device; update states start afresh, so only before the first round.

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
        """How a round is run: ``eager``, ``graph`` (recorded, on CUDA; the same bits) or ``compile`` (traced).

        Compiled, a round of at most eight updates is one graph, a longer one is a graph for each turn; it takes half a
        minute or more to make. Round 0 always runs eagerly, because it checks the recipe.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}, got {mode!r}.")
        verb = {"compile": "traces", "graph": "records"}.get(mode)
        for name, player in self.players.items():
            if verb and player.update.plain is None:
                raise ValueError(
                    f"mode {mode!r} {verb} update rules of tensor operations, and player {name!r} moves by "
                    f"{player.update.name} of from_torch; use --mode eager, or sgd, momentum, adam or rmsprop."
                )
        if mode == "graph" and self.capture is cuda_capture and self.device.type != "cuda":
            raise ValueError(f"mode 'graph' records CUDA kernels, and the device is {self.device}; use --mode eager.")
        whole = sum(self.schedule.pattern(0)) <= WHOLE or self.schedule.prepare is not None
        pieces: dict[str, Callable[..., Any]] = {
            "order": self._order,
            "move": self._move,
            "slopes": self._slopes,
            "descend": self._descend,
        }
        traced = () if mode != "compile" else ("order",) if whole else ("move", "slopes", "descend")
        self._traced = {name: compiled(pieces[name]) for name in traced}
        self._mode = mode
        self._choose_executions()

    @property
    def precision(self) -> Precision:
        """What products and convolutions of networks compute in; ``bfloat16`` is torch's autocast.

        Parameters, what networks return, losses, penalties, update states and averages are float32 always.
        """
        return self._precision

    @precision.setter
    def precision(self, precision: Precision) -> None:
        if precision not in get_args(Precision):
            raise ValueError(f"precision must be one of {', '.join(get_args(Precision))}, got {precision!r}.")
        for hook in self._hooks:
            hook.remove()
        lower = precision != "float32"
        self._hooks = [net.register_forward_hook(as_float32) for net in self.networks.values()] if lower else []
        self._precision = precision

    def computing(self) -> AbstractContextManager[Any]:
        """While entered, networks compute in the game's precision; objectives are called so."""
        return computing(self._precision, self.device)

    def recompute_activations(self) -> None:
        """Let all networks keep less for the way back and compute it again, for less memory; the numbers stay."""
        for network in self.networks.values():
            recompute_activations(network)

    @property
    def executions(self) -> dict[str, str]:
        """Which execution of its update rule each player runs: ``fused`` or ``plain``."""
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
        """All of a round that is work on tensors; :meth:`count` completes it.

        Arguments:
            batches: As for :meth:`play`.
            examples: As for :meth:`play`.
        """
        for repeats in batches:
            for batch in repeats:
                batch["examples"] = self.examples
        logged: Logged = []
        for place, terms in self._played_by("order", self._order)(batches):
            self.accumulator.add(self.schedule.turns[place].player, terms)
            logged.append((place, tuple(terms)))
        self._average_buffers()
        for name, average in self.averages.items():
            move_average(average, self.networks[name], self.halflives[name], examples, self.examples)
        self.examples += examples
        return logged

    def count(self, logged: Logged) -> None:
        """All of a round that is the host's: its updates are counted, and the next one is due."""
        for place, names in logged:
            self.accumulator.count(self.schedule.turns[place].player, place, names)
        self.round += 1

    def slopes(self, place: int, batch: Batch, retain_graph: bool = False) -> tuple[Terms, list[Tensor]]:
        """Terms and gradients of the turn at a place of the schedule, on this rank's part of a batch.

        Arguments:
            place: Of the turn.
            batch: What its objective sees.
            retain_graph: Keep the graph of what the batch was prepared with.
        """
        return self._played_by("slopes", self._slopes)(place, batch, retain_graph)

    def move(self, place: int, batch: Batch) -> Terms:
        """Play the turn at a place of the schedule on a batch: gradients, averaged over the ranks, and the descent."""
        return self._played_by("move", self._move)(place, batch)

    def descend(self, player: str, gradients: Sequence[Tensor], skip: Tensor | None = None) -> None:
        """Move a player's parameters by its update rule, then project them.

        A step with a gradient that is not finite changes nothing; the accumulator counts it on the device.

        Arguments:
            player: Its name.
            gradients: One per parameter it moves.
            skip: What :func:`zerosum.updates.nonfinite` said of them, where it was asked before.
        """
        self._played_by("descend", self._descend)(player, gradients, skip)

    def restart_averages(self) -> None:
        """Let every average begin anew from its network as it is."""
        for name, average in self.averages.items():
            average.load_state_dict(self.networks[name].state_dict())

    def shown(self, raw: bool = False) -> Networks:
        """The networks a trained model answers with: averages where there are any, unless ``raw``."""
        return Networks(self.networks if raw else {**self.networks, **self.averages})

    def read(self) -> Reading:
        """Means of the terms, updates and skipped updates since the last reading; copies to the host, once."""
        return self.accumulator.read()

    def settle(self) -> None:
        """Before the state is kept: let what each rank has counted be the mean over the ranks."""
        self.accumulator.settle()

    def replicated(self) -> dict[str, Tensor]:
        """What must be equal on every rank, as named tensors."""
        return {name: tensor for name, tensor in self.state().items() if not name.startswith("accumulator/")}

    def state(self) -> dict[str, Tensor]:
        """Everything that must be kept to go on, as named tensors; the tensors are those in use, not copies."""
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
        kept_sums = {
            name.removeprefix("accumulator/"): t for name, t in kept.items() if name.startswith("accumulator/")
        }
        rest = {name: t for name, t in kept.items() if not name.startswith("accumulator/")}
        own = {name: t for name, t in self.state().items() if not name.startswith("accumulator/")}
        for what, lost in (("lacks", own.keys() - rest.keys()), ("has an unknown", rest.keys() - own.keys())):
            if lost:
                raise ValueError(f"the state {what} {min(lost)!r} ({len(lost)} such tensors in all).")
        for name, tensor in own.items():
            if tensor.shape != rest[name].shape or tensor.dtype != rest[name].dtype:
                raise ValueError(
                    f"{name!r} is {_describe(rest[name])} in the state and {_describe(tensor)} in the game."
                )
        self.accumulator.load_state(kept_sums)
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(rest[name])
        self.round = int(rest["round"])

    def _played_by(self, name: str, eager: F) -> F:
        """What plays a piece of a round: itself, or in mode ``compile`` its trace; round 0 is checked as it is."""
        return eager if self.check is not None else self._traced.get(name, eager)  # type: ignore[return-value]

    def _order(self, batches: Sequence[Sequence[Batch]]) -> Played:
        return self.schedule.order(self, Round(self, batches))

    def _slopes(self, place: int, batch: Batch, retain_graph: bool) -> tuple[Terms, list[Tensor]]:
        terms, slopes = own_gradients(self, self.schedule.turns[place], batch, retain_graph=retain_graph)
        return {name: term.detach() for name, term in terms.items()}, slopes

    def _move(self, place: int, batch: Batch) -> Terms:
        terms, slopes = self._slopes(place, batch, False)
        self._descend(self.schedule.turns[place].player, mean_over_ranks(slopes))
        return terms

    def _descend(self, player: str, gradients: Sequence[Tensor], skip: Tensor | None = None) -> None:
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

    def _refuse_what_does_not_fit(self) -> None:
        for name, player in self.players.items():
            for moved in player.moves:
                if moved not in self.networks:
                    raise ValueError(f"player {name!r} moves {moved!r}, which is not a network ({self._listed()}).")
            if not any(True for moved in player.moves for _ in self.networks[moved].parameters()):
                raise ValueError(f"player {name!r} moves no parameters; name a network that has some in moves.")
            if not any(turn.player == name for turn in self.schedule.turns):
                raise ValueError(f"player {name!r} has no turn; add a Turn({name!r}, ...) to the schedule.")
        for turn in self.schedule.turns:
            if turn.player not in self.players:
                raise ValueError(f"a turn of {turn.player!r}, who is no player (players: {', '.join(self.players)}).")
        for name, halflife in self.halflives.items():
            if name not in self.networks:
                raise ValueError(f"an average of {name!r}, which is not a network ({self._listed()}).")
            if not callable(halflife) and not halflife > 0:
                raise ValueError(f"the half-life of an average must be positive, got {halflife} (average of {name!r}).")

    def _listed(self) -> str:
        return f"networks: {', '.join(self.networks)}"


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
