"""Ranks: processes that play the same game on their parts of every batch, one of which leads.

Rank 0 is the leader: it alone reads and writes the run folder, and says before every step what comes next. The others
follow. Each computes the same update from gradients averaged over all, so their networks stay equal; that they do is
checked at every checkpoint.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from zerosum.errors import ConfigError, RankError
from zerosum.training.checkpoint import Checkpoint
from zerosum.training.stages import Stages

TIMEOUT = 600.0
"""Seconds after which a rank that does not answer is given up; $ZEROSUM_RANK_TIMEOUT."""

GRACE = 3.0
"""Seconds in which those who are left say that they are, when one is missing."""


class Order(IntEnum):
    """The next step of all ranks."""

    STOP = 0
    PLAY = 1
    READ = 2
    COMPARE = 3


class Ranks:
    """The processes of this training; one alone, for which everything here does nothing, until they are joined."""

    def __init__(self) -> None:
        self.count, self.number = 1, 0
        self._group: Any = None
        self._ours = False

    @classmethod
    def join(cls, device: str) -> Ranks:
        """Meet the other processes that torchrun has started, if it has.

        Arguments:
            device: Where all of them train; on CUDA each takes the device of its local number.
        """
        ranks = cls()
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return ranks
        patience = dt.timedelta(seconds=float(os.environ.get("ZEROSUM_RANK_TIMEOUT", TIMEOUT)))
        if device.startswith("cuda"):
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        ranks._ours = not dist.is_initialized()
        if ranks._ours:
            dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=patience)
        ranks.count, ranks.number = count, dist.get_rank()
        ranks._group = dist.new_group(backend="gloo", timeout=patience)
        return ranks

    @property
    def leads(self) -> bool:
        """Whether this process is the one that reads and writes."""
        return self.number == 0

    def close(self) -> None:
        """Leave."""
        if self._ours and dist.is_initialized():
            dist.destroy_process_group()

    def dismiss(self) -> None:
        """The leader's: let the others go, whoever is still there."""
        with contextlib.suppress(RuntimeError):
            self.tell(Order.STOP)

    def tell(self, order: Order) -> None:
        """The leader's: say what comes next, and let the others do it."""
        if self.count > 1:
            dist.broadcast(torch.tensor([int(order)]), 0, group=self._group)

    def listen(self) -> Order:
        """The others': what comes next."""
        order = torch.zeros(1, dtype=torch.int64)
        dist.broadcast(order, 0, group=self._group)
        return Order(int(order))

    def share(self, thing: Any) -> Any:
        """The leader's thing, to all."""
        if self.count == 1:
            return thing
        things = [thing]
        dist.broadcast_object_list(things, 0, group=self._group)
        return things[0]

    def agree(self, facts: Mapping[str, Any]) -> None:
        """See that all ranks were started with the same facts.

        Raises:
            ConfigError: One differs, with what and in which rank.
        """
        if self.count == 1:
            return
        all_facts: list[Any] = [None] * self.count
        dist.all_gather_object(all_facts, dict(facts), group=self._group)
        for number, others in enumerate(all_facts):
            for key, value in all_facts[0].items():
                if others.get(key) != value:
                    raise ConfigError(
                        f"all ranks must be started alike: {key} is {others.get(key)} on rank {number} and {value} on "
                        "rank 0."
                    )

    def hand_over(self, checkpoint: Checkpoint | None) -> Checkpoint | None:
        """The leader's checkpoint, to all."""
        if self.count == 1:
            return checkpoint
        about = self.share(
            checkpoint
            and (
                checkpoint.path,
                checkpoint.facts,
                {name: (t.dtype, tuple(t.shape)) for name, t in checkpoint.tensors.items()},
            )
        )
        if about is None:
            return None
        path, facts, shapes = about
        tensors = {}
        for name, (dtype, shape) in shapes.items():
            tensor = checkpoint.tensors[name].contiguous() if checkpoint else torch.empty(shape, dtype=dtype)
            dist.broadcast(tensor, 0, group=self._group)
            tensors[name] = tensor
        return Checkpoint(path, tensors, facts, checkpoint.damaged if checkpoint else [])

    def compare(self, stages: Stages) -> None:
        """See that the games of all ranks are equal; all call this at once.

        Raises:
            RankError: They are not; names the first tensor that differs.
        """
        if self.count == 1:
            return
        own = {name: _digest(tensor) for name, tensor in stages.game.replicated().items()}
        everyone: list[Any] = [None] * self.count
        dist.all_gather_object(everyone, own, group=self._group)
        for number, digests in enumerate(everyone):
            for name, digest in everyone[0].items():
                if digests[name] != digest:
                    raise RankError(
                        f"ranks have parted: {name} differs between rank 0 and rank {number} at round {stages.round}; "
                        "nothing of this was saved, the same command continues from the last checkpoint."
                    )

    @contextmanager
    def together(self, stages: Stages) -> Iterator[None]:
        """While entered, a rank that fails or hangs ends this one with a sentence that names it.

        Raises:
            RankError: A rank failed or hung while entered.
        """
        try:
            yield
        except RuntimeError as error:
            if self.count == 1 or not _of_communication(error):
                raise
            raise RankError(
                f"{self._missing()} at round {stages.round} (of {self.count} ranks); "
                "the same command continues from the last checkpoint."
            ) from error

    def _missing(self) -> str:
        store = dist.distributed_c10d._get_default_store()
        try:
            store.set(f"zerosum/here/{self.number}", "1")
            until = time.monotonic() + GRACE
            missing = list(range(self.count))
            while missing and time.monotonic() < until:
                missing = [number for number in missing if not store.check([f"zerosum/here/{number}"])]
                time.sleep(0.05)
        except RuntimeError:
            return "the other ranks no longer answer"
        if not missing:
            return "a connection between ranks was lost"
        return f"rank {', '.join(map(str, missing))} no longer answers"


def follow(stages: Stages, ranks: Ranks) -> None:
    """Do as the leader says until it says stop.

    Raises:
        RankError: A rank fails or hangs, or the ranks have parted.
    """
    with ranks.together(stages):
        checkpoint = ranks.hand_over(None)
        if checkpoint is None:
            stages.begin()
        else:
            stages.take_up(checkpoint)
        while (order := ranks.listen()) is not Order.STOP:
            if order is Order.READ:
                stages.game.read()
            elif order is Order.COMPARE:
                ranks.compare(stages)
                stages.game.settle()
            else:
                if stages.stage_is_over:
                    stages.advance()
                stages.play()


def _of_communication(error: RuntimeError) -> bool:
    said = str(error).lower()
    return isinstance(error, dist.DistError) or any(
        word in said for word in ("gloo", "nccl", "connection", "timed out")
    )


def _digest(tensor: Tensor) -> str:
    data = (
        tensor.detach().cpu().contiguous().view(-1).view(torch.uint8) if tensor.ndim else tensor.detach().cpu().view(1)
    )
    return hashlib.sha256(data.numpy().tobytes()).hexdigest()
