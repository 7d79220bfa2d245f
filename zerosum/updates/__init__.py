r"""Update rules of parameters: each is ``(init, plain, fused)``.

Every rule has two executions that compute the same step. *plain* is made of ordinary tensor operations: it can be
compiled, differentiated (unrolling) and reads like the paper. *fused* calls torch's own fused kernel in place, without
building a :class:`torch.optim.Optimizer` (whose construction alone imports the compiler). :func:`step` runs either one
behind a guard: a step whose gradients are not finite changes nothing, decided on the device.

Numbers that change are functions of the examples seen: ``learning_rate=half_cosine(2e-4, 5e-5, examples=20_000_000)``.
"""

from zerosum.updates.foreign import from_torch as from_torch
from zerosum.updates.rules import (
    adam as adam,
    momentum as momentum,
    optimistic as optimistic,
    rmsprop as rmsprop,
    sgd as sgd,
)
from zerosum.updates.update import (
    Fused as Fused,
    Number as Number,
    Plain as Plain,
    State as State,
    Update as Update,
    can_fuse as can_fuse,
    nonfinite as nonfinite,
    step as step,
)
