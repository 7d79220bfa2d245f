"""Plain :class:`torch.nn.Module` networks that know no game."""

from zerosum.networks.mlp import mlp as mlp
