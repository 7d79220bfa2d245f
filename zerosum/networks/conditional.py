"""Conditional layers: gains and shifts of batch norm, and a logit's projection on a label.

References:
    | Gains and shifts of a label: A Learned Representation for Artistic Style (Dumoulin et al., 2016)
    | https://arxiv.org/abs/1610.07629
    | The projection: cGANs with Projection Discriminator (Miyato and Koyama, 2018)
    | https://arxiv.org/abs/1802.05637
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from zerosum.networks.labels import chosen


class ConditionalBatchNorm2d(nn.Module):
    r"""Batch norm whose gains and shifts are the label's, :math:`\gamma_y \hat x + \beta_y`.

    All gains are 1 and all shifts 0 to begin with; it is :class:`torch.nn.BatchNorm2d` where they are the same for all
    labels. They are parameters and not a layer, so spectral norm leaves them.

    Arguments:
        channels: Of the planes.
        classes: Labels there are.
    """

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Parameter(torch.ones(classes, channels))
        self.shift = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Planes (N, channels, H, W) and labels (N,) to planes of the same shape."""
        return _affine(self.norm(x), self.gain[label], self.shift[label])


class ModulatedBatchNorm2d(nn.Module):
    r"""Batch norm whose gains and shifts are linear in a vector, :math:`(1 + A c) \hat x + B c`.

    It is :class:`torch.nn.BatchNorm2d` with gain 1 where A and B are 0; with the rows of the identity as vectors it is
    :class:`ConditionalBatchNorm2d`.

    Arguments:
        channels: Of the planes.
        vector: Dimension of c.

    References:
        | Large Scale GAN Training for High Fidelity Natural Image Synthesis (Brock et al., 2018), appendix B
        | https://arxiv.org/abs/1809.11096
    """

    def __init__(self, channels: int, vector: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Linear(vector, channels, bias=False)
        self.shift = nn.Linear(vector, channels, bias=False)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Planes (N, channels, H, W) and vectors (N, vector) to planes of the same shape."""
        return _affine(self.norm(x), 1 + self.gain(c), self.shift(c))


class ProjectionHead(nn.Module):
    r"""Features to a logit, :math:`a(x, y) = y^T V \phi(x) + \psi(\phi(x))` with y as one of ``classes`` ones.

    :math:`\psi` is linear with a bias and says how real the features are whatever their label, :math:`V` how well they
    fit it: at the optimum the first term is :math:`\log P(y|x) / Q(y|x)`, the second :math:`\log P(x) / Q(x)`. Without
    classes :math:`\psi` is all.

    Arguments:
        features: How many.
        classes: Labels there are, or None.
    """

    def __init__(self, features: int, classes: int | None = None):
        super().__init__()
        self.linear = nn.Linear(features, 1)
        self.embedding = None if classes is None else nn.Embedding(classes, features)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        if self.embedding is not None:
            nn.init.xavier_uniform_(self.embedding.weight)

    def forward(self, h: Tensor, label: Tensor | None = None) -> Tensor:
        """Logits (N, 1) of features (N, F)."""
        logits: Tensor = self.linear(h)
        if self.embedding is not None:
            logits = logits + (self.embedding(chosen(label, self.embedding.num_embeddings)) * h).sum(1, keepdim=True)
        return logits


class MatchingHead(nn.Module):
    r"""Features to a logit that is all the label's, :math:`a(x, y) = g\, \langle e_y, W \phi(x) \rangle`.

    Without an embedding W gives the logit itself.

    Arguments:
        layer: W, features to as many numbers as an embedding has; to one where there is none.
        embedding: e, of the labels, or None.
        gain: g.
    """

    def __init__(self, layer: nn.Module, embedding: nn.Embedding | None = None, gain: float = 1.0):
        super().__init__()
        self.layer, self.embedding, self.gain = layer, embedding, gain

    def forward(self, h: Tensor, label: Tensor | None = None) -> Tensor:
        """Logits (N, 1) of features (N, F)."""
        out: Tensor = self.layer(h)
        if self.embedding is None:
            return out
        wanted = self.embedding(chosen(label, self.embedding.num_embeddings))
        logits: Tensor = self.gain * (out * wanted).sum(1, keepdim=True)
        return logits


@torch.no_grad()
def standing_statistics(networks: Iterable[nn.Module], calls: Iterable[Callable[[], object]]) -> None:
    """Give batch norms the mean statistics of many batches, in place of those that training left.

    Running statistics belong to the weights of the last rounds. An average of weights has others, and so have latents
    of another distribution than in training (truncated ones).
    Everything but the batch norms is in evaluation meanwhile. Those that no
    call reaches keep theirs; where there are none, none is made.

    Arguments:
        networks: Whose batch norms they are.
        calls: Each is one pass through the networks, of equally many examples; as many as wanted.

    Raises:
        ValueError: There is no call.

    References:
        | Large Scale GAN Training for High Fidelity Natural Image Synthesis (Brock et al., 2018), appendix C
        | https://arxiv.org/abs/1809.11096
    """
    modules = [module for network in networks for module in network.modules()]
    norms = [m for m in modules if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d)]
    kept = [(norm, norm.momentum, copy.deepcopy(norm.state_dict())) for norm in norms]
    if not norms:
        return
    modes = [(module, module.training) for module in modules]
    made = 0
    try:
        for module in modules:
            module.training = False
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches since
            norm.training = True
        for call in calls:
            call()
            made += 1
    finally:
        for norm, momentum, state in kept:
            norm.momentum = momentum
            if not norm.num_batches_tracked:
                norm.load_state_dict(state)
        for module, mode in modes:
            module.training = mode
    if not made:
        raise ValueError("standing statistics are those of batches, so at least one is needed, got none.")


def _affine(x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    return torch.addcmul(shift[:, :, None, None], x, gain[:, :, None, None])
