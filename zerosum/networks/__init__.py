"""Plain :class:`torch.nn.Module` networks that know no game."""

from zerosum.networks.maxout import Maxout as Maxout, MaxoutConv as MaxoutConv, max_column_norm as max_column_norm
from zerosum.networks.mlp import mlp as mlp
