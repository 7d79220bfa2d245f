"""A stand-in for CUDA graphs on a CPU: operations are taken down with their tensors, and done again on those."""

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map


class _TakesDown(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls, self.made, self.before = [], set(), {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for tensor in tree_leaves((args, kwargs)):
            if isinstance(tensor, Tensor) and _home(tensor) not in self.made:
                whole = tensor.detach().as_strided((tensor.untyped_storage().nbytes() // tensor.itemsize,), (1,), 0)
                self.before.setdefault(_home(tensor), (whole, whole.clone()))
        out = func(*args, **kwargs)
        known = {_home(t) for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        fresh = [t for t in tree_leaves(out) if isinstance(t, Tensor) and _home(t) not in known]
        self.made |= {_home(t) for t in fresh}
        if func._schema.is_mutable or fresh:
            self.calls.append((func, args, kwargs, out, bool(fresh)))
        return out


def _home(tensor):
    return tensor.untyped_storage()._cdata


def recording(work):
    """A :data:`zerosum.game.Capture`: what the work does to tensors from outside is undone, then it can be called."""
    with _TakesDown() as seen:
        work()
    with torch.no_grad():
        for whole, kept in seen.before.values():
            whole.copy_(kept)

    def again():
        with torch.no_grad():
            for func, args, kwargs, out, fresh in seen.calls:
                result = func(*tree_map(_bare, args), **tree_map(_bare, kwargs))
                if fresh:
                    for held, new in zip(tree_leaves(out), tree_leaves(result), strict=True):
                        if isinstance(held, Tensor):
                            held.detach().copy_(new)

    return again


def _bare(x):
    return x.detach() if isinstance(x, Tensor) else x
