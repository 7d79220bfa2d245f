"""A store of a generator's earlier examples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zerosum.runtime import gather, rank, world_size


class Pool(nn.Module):
    """Hands out earlier examples in the place of some new ones, which it keeps instead; no player moves it.

    A discriminator that answers for what the generator made before cannot forget it. What is kept are buffers,
    saved with the game; on several ranks it is of the whole batch, so that all keep the same. Every pass exchanges,
    also in evaluation mode, which is what a network nobody moves is in: call it in training alone.

    Arguments:
        size: Examples kept; at first copies of the first batch. A batch is at most as large.
        shape: Of an example.
        share: Of a batch that is exchanged, on average.

    Raises:
        ValueError: The share is not in [0, 1].

    References:
        | Learning from Simulated and Unsupervised Images through Adversarial Training (Shrivastava et al., 2017),
          section 2.3
        | https://arxiv.org/abs/1612.07828
    """

    def __init__(self, size: int, shape: Sequence[int], share: float = 0.5):
        super().__init__()
        if not 0 <= share <= 1:
            raise ValueError(f"the share of a batch that a pool exchanges must lie in [0, 1], got {share}.")
        self.share = share
        self.register_buffer("kept", torch.zeros(size, *shape))
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))
        self.kept: Tensor
        self.begun: Tensor

    def forward(self, x: Tensor, chance: Tensor) -> Tensor:
        """A batch with some of its examples exchanged.

        Arguments:
            x: New examples, (N, ...).
            chance: Uniform in [0, 1), (N, 2): whether an example is exchanged, and from the first row on for which.

        Raises:
            ValueError: The batch is larger than what is kept.
        """
        new, drawn = gather(x.detach()), gather(chance)
        count, size = len(new), len(self.kept)
        if count > size:
            raise ValueError(f"a pool keeps at least a batch, got a size of {size} for batches of {count}.")
        around = torch.arange(size, device=x.device)
        old = torch.where(self.begun, self.kept, new[around % count])
        # Places that follow each other, so that no two examples of a batch exchange for one.
        place = ((drawn[0, 1] * size).long() + around[:count]) % size
        exchanged = (drawn[:, 0] < self.share).view(-1, *[1] * (x.ndim - 1))
        given = torch.where(exchanged, old[place], new)
        self.kept.copy_(old.index_copy(0, place, torch.where(exchanged, new, old[place])))
        self.begun.fill_(True)
        return given.chunk(world_size())[rank()]
