r"""How parameters move: an update rule is ``(init, plain, fused)``.

Every rule has two executions that compute the same step. *plain* is made of ordinary tensor operations: it can be
compiled, differentiated (unrolling) and reads like the paper. *fused* calls torch's own fused kernel in place, without
building a :class:`torch.optim.Optimizer` (whose construction alone imports the compiler). :func:`step` runs either one
behind a guard: a step whose gradients are not finite changes nothing, decided on the device.

Numbers that change are functions of the images seen: ``learning_rate=half_cosine(2e-4, 5e-5, images=20_000_000)``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

Number = float | Callable[[Tensor], Tensor]
"""A constant, or a ramp: a function of the images seen (0-d int64) that returns a 0-d tensor."""

State = dict[str, list[Tensor]]
"""What a rule remembers: named lists, one tensor per parameter, or one for all of them."""

Plain = Callable[[Sequence[Tensor], State, Sequence[Tensor], Tensor], tuple[list[Tensor], State]]
Fused = Callable[[list[Tensor], State, list[Tensor], Tensor, Tensor], None]


@dataclass(frozen=True)
class Update:
    """An update rule.

    Arguments:
        name: How the rule is called in records.
        init: ``parameters -> state``.
        plain: ``(gradients, state, parameters, images) -> (parameters, state)``, pure and differentiable. None where
            the rule is somebody else's code (:func:`from_torch`), which can be neither traced nor unrolled.
        fused: ``(gradients, state, parameters, images, skip) -> None``, in place; does nothing where the 0-d float32
            ``skip`` is 1. None where torch has no kernel for the rule.
    """

    name: str
    init: Callable[[Sequence[Tensor]], State]
    plain: Plain | None
    fused: Fused | None = None


def sgd(learning_rate: Number) -> Update:
    r"""Gradient descent, :math:`\theta \leftarrow \theta - \eta\, g`.

    Examples:
        >>> rule, theta = sgd(0.5), [torch.tensor([1.0])]
        >>> rule.plain([torch.tensor([1.0])], rule.init(theta), theta, torch.tensor(0))[0]
        [tensor([0.5000])]
    """

    def plain(
        gradients: Sequence[Tensor], state: State, parameters: Sequence[Tensor], images: Tensor
    ) -> tuple[list[Tensor], State]:
        rate = _at(learning_rate, images)
        return [p - rate * g for p, g in zip(parameters, gradients, strict=True)], {}

    def fused(gradients: list[Tensor], state: State, parameters: list[Tensor], images: Tensor, skip: Tensor) -> None:
        _fused_sgd(parameters, gradients, [], 0.0, _at(learning_rate, images), skip)

    return Update("sgd", lambda parameters: {}, plain, fused if _has("_fused_sgd_") else None)


def momentum(learning_rate: Number, decay: Number) -> Update:
    r"""Heavy-ball momentum in torch's form, :math:`v \leftarrow \mu v + g,\ \theta \leftarrow \theta - \eta\, v`.

    Arguments:
        learning_rate: The step size :math:`\eta`.
        decay: The momentum :math:`\mu`, in [0, 1).

    References:
        | Some methods of speeding up the convergence of iteration methods (Polyak, 1964)
    """

    def init(parameters: Sequence[Tensor]) -> State:
        return {"velocity": _zeros(parameters)}

    def plain(
        gradients: Sequence[Tensor], state: State, parameters: Sequence[Tensor], images: Tensor
    ) -> tuple[list[Tensor], State]:
        rate, mu = _at(learning_rate, images), _at(decay, images)
        velocity = [mu * v + g for v, g in zip(state["velocity"], gradients, strict=True)]
        return [p - rate * v for p, v in zip(parameters, velocity, strict=True)], {"velocity": velocity}

    def fused(gradients: list[Tensor], state: State, parameters: list[Tensor], images: Tensor, skip: Tensor) -> None:
        velocity, mu = state["velocity"], _at(decay, images)
        if isinstance(mu, Tensor) and mu.device.type == "cpu":
            mu = float(mu)
        if isinstance(mu, Tensor) or mu == 0:
            # The kernel takes a float above 0, and asking a device for one would wait for it: decay first, add with 1.
            torch._foreach_mul_(velocity, torch.where(skip > 0, 1.0, mu))
            mu = 1.0
        _fused_sgd(parameters, gradients, velocity, mu, _at(learning_rate, images), skip)

    return Update("momentum", init, plain, fused if _has("_fused_sgd_") else None)


def adam(learning_rate: Number, betas: tuple[Number, Number] = (0.9, 0.999), epsilon: float = 1e-8) -> Update:
    r"""Adam, in torch's form with epsilon outside the corrected root.

    .. math::
        m &\leftarrow \beta_1 m + (1-\beta_1) g, \qquad v \leftarrow \beta_2 v + (1-\beta_2) g^2 \\
        \theta &\leftarrow \theta - \eta\, \frac{m / (1-\beta_1^t)}{\sqrt{v / (1-\beta_2^t)} + \epsilon}

    Arguments:
        learning_rate: The step size :math:`\eta`.
        betas: Decay of the two moments, each in [0, 1). Ramped ones run the plain execution, as the kernel takes
            floats.
        epsilon: Added to the root.

    The bias corrections are :math:`-\mathrm{expm1}(t \log \beta)`, as :math:`1 - \beta^t` in float32 is off by 2e-5 at
    small t. The root is written so that its derivative is 0, not NaN, where v = 0 (a dead unit): unrolling goes
    through it.

    References:
        | Adam: A Method for Stochastic Optimization (Kingma and Ba, 2014), algorithm 1
        | https://arxiv.org/abs/1412.6980
    """

    def init(parameters: Sequence[Tensor]) -> State:
        return {
            "step": [torch.zeros((), dtype=torch.float32, device=parameters[0].device)],
            "first": _zeros(parameters),
            "second": _zeros(parameters),
        }

    def plain(
        gradients: Sequence[Tensor], state: State, parameters: Sequence[Tensor], images: Tensor
    ) -> tuple[list[Tensor], State]:
        rate, (b1, b2) = _at(learning_rate, images), (_at(b, images) for b in betas)
        t = state["step"][0] + 1
        first = [b1 * m + (1 - b1) * g for m, g in zip(state["first"], gradients, strict=True)]
        second = [b2 * v + (1 - b2) * g.square() for v, g in zip(state["second"], gradients, strict=True)]
        t_wide = t.to(torch.promote_types(parameters[0].dtype, torch.float32))
        size, correct2 = _once(rate / _bias_correction(t_wide, b1)), _once(_bias_correction(t_wide, b2).sqrt())
        moved = []
        for p, m, v in zip(parameters, first, second, strict=True):
            moved.append(p - size * m / (_root(v) / correct2 + epsilon))
        return moved, {"step": [t], "first": first, "second": second}

    def fused(gradients: list[Tensor], state: State, parameters: list[Tensor], images: Tensor, skip: Tensor) -> None:
        (step,) = state["step"]
        step.add_(1)
        torch._fused_adam_(
            parameters,
            gradients,
            state["first"],
            state["second"],
            [],
            [step] * len(parameters),  # one counter serves all: the kernel only reads it
            lr=_at(learning_rate, images),
            beta1=cast(float, betas[0]),
            beta2=cast(float, betas[1]),
            weight_decay=0.0,
            eps=epsilon,
            amsgrad=False,
            maximize=False,
            grad_scale=None,
            found_inf=skip,
        )
        step.sub_(skip)

    kernel = _has("_fused_adam_") and not any(callable(b) for b in betas)
    return Update("adam", init, plain, fused if kernel else None)


def rmsprop(learning_rate: Number, decay: Number = 0.99, epsilon: float = 1e-8) -> Update:
    r"""RMSProp in torch's form, :math:`v \leftarrow \alpha v + (1-\alpha) g^2,\ \theta \leftarrow \theta - \eta\, g /
    (\sqrt v + \epsilon)`, without momentum.

    Arguments:
        learning_rate: The step size :math:`\eta`.
        decay: Of the mean square, :math:`\alpha`, in [0, 1).
        epsilon: Added to the root; some frameworks add it under the root.

    References:
        | Lecture 6.5, rmsprop (Tieleman and Hinton, 2012)

    Examples:
        >>> rule, theta = rmsprop(0.5, decay=0.0), [torch.tensor([1.0])]
        >>> rule.plain([torch.tensor([4.0])], rule.init(theta), theta, torch.tensor(0))[0]
        [tensor([0.5000])]
    """

    def plain(
        gradients: Sequence[Tensor], state: State, parameters: Sequence[Tensor], images: Tensor
    ) -> tuple[list[Tensor], State]:
        rate, alpha = _at(learning_rate, images), _at(decay, images)
        square = [alpha * v + (1 - alpha) * g.square() for v, g in zip(state["square"], gradients, strict=True)]
        moved = [p - rate * g / (_root(v) + epsilon) for p, g, v in zip(parameters, gradients, square, strict=True)]
        return moved, {"square": square}

    return Update("rmsprop", lambda parameters: {"square": _zeros(parameters)}, plain)


def optimistic(rule: Update) -> Update:
    r"""A rule that expects its last step again: :math:`\theta \leftarrow \theta + 2 d_t - d_{t-1}`.

    d is the step the rule takes; the first is its own. With gradient descent it is optimistic mirror descent,
    :math:`\theta \leftarrow \theta - 2 \eta\, g_t + \eta\, g_{t-1}`, with Adam the authors' optimistic Adam.

    Arguments:
        rule: Any but one of :func:`from_torch`.

    Raises:
        ValueError: The rule is somebody else's code.

    References:
        | Training GANs with Optimism (Daskalakis et al., 2017), eq. 8 and algorithm 1
        | https://arxiv.org/abs/1711.00141

    Examples:
        >>> update, theta = optimistic(sgd(0.5)), [torch.tensor([1.0])]
        >>> theta, state = update.plain([torch.tensor([1.0])], update.init(theta), theta, torch.tensor(0))
        >>> update.plain([torch.tensor([1.0])], state, theta, torch.tensor(0))[0]
        [tensor([0.])]
    """
    inner = rule.plain
    if inner is None:
        raise ValueError(f"a rule made optimistic must be of tensor operations, and {rule.name} is of from_torch.")

    def init(parameters: Sequence[Tensor]) -> State:
        begun = torch.zeros((), dtype=parameters[0].dtype, device=parameters[0].device)
        return {**rule.init(parameters), "begun": [begun], "last": _zeros(parameters)}

    def plain(
        gradients: Sequence[Tensor], state: State, parameters: Sequence[Tensor], images: Tensor
    ) -> tuple[list[Tensor], State]:
        (begun,), last = state["begun"], state["last"]
        own = {key: of for key, of in state.items() if key not in ("begun", "last")}
        # Our rules take the same step from anywhere, so from 0 the step itself comes out, and unrounded.
        steps, ahead = inner(gradients, own, _zeros(parameters), images)
        moved = [p + (1 + begun) * d - before for p, d, before in zip(parameters, steps, last, strict=True)]
        return moved, {**ahead, "begun": [torch.ones_like(begun)], "last": steps}

    return Update(f"optimistic {rule.name}", init, plain)


def from_torch(optimizer: type[torch.optim.Optimizer], **settings: Any) -> Update:
    """An optimizer of torch's interface as an update rule, for trying one that is not here.

    It runs eagerly alone and waits for the device at every step; compiling and unrolling refuse it. Its state is kept
    with the game and resumes like that of any rule.

    Arguments:
        optimizer: Its class: ``torch.optim.NAdam``, or anybody's whose state is tensors.
        **settings: Numbers for its constructor, ``lr=2e-4``; no ramps.

    Raises:
        ValueError: A setting is a ramp, or (with the parameters at hand) the optimizer needs a closure or keeps state
            that is not tensors.

    Examples:
        >>> rule, theta = from_torch(torch.optim.Adagrad, lr=0.5), [torch.tensor([1.0])]
        >>> step(rule, [torch.tensor([3.0])], rule.init(theta), theta, torch.tensor(0), fused=True)
        tensor(0.)
        >>> theta
        [tensor([0.5000])]
    """
    name = optimizer.__name__
    for key, value in settings.items():
        if callable(value):
            raise ValueError(f"{key} of {name} must be a number, got a ramp; ramps need one of our own update rules.")

    def init(parameters: Sequence[Tensor]) -> State:
        # What it remembers is only known after a step: of copies, with gradients of 0.
        copies = [p.detach().clone() for p in parameters]
        trial = optimizer(copies, **settings)
        for copy in copies:
            copy.grad = torch.zeros_like(copy)
        try:
            trial.step()
        except TypeError as error:
            raise ValueError(f"{name} cannot be used: its step() fails without a closure ({error}).") from error
        state: State = {"begun": [torch.zeros(())]}
        for key in trial.state[copies[0]]:
            values = [trial.state[copy].get(key) for copy in copies]
            if not all(isinstance(value, Tensor) for value in values):
                raise ValueError(f"{name} cannot be used: its state {key!r} is no tensor for every parameter.")
            state[key] = [torch.zeros_like(value) for value in values]
        return state

    def fused(gradients: list[Tensor], state: State, parameters: list[Tensor], images: Tensor, skip: Tensor) -> None:
        if skip:
            return
        remembered = [key for key in state if key != "begun"]
        once = optimizer(parameters, **settings)
        for i, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
            if state["begun"][0]:
                once.state[parameter] = {key: state[key][i] for key in remembered}
            parameter.grad = gradient
        once.step()
        for i, parameter in enumerate(parameters):
            parameter.grad = None
            for key in remembered:
                state[key][i].copy_(once.state[parameter][key])
        state["begun"][0].fill_(1)

    return Update(name, init, None, fused)


def can_fuse(update: Update, parameters: Sequence[Tensor]) -> bool:
    """Whether the fused execution may be used: the kernels walk memory linearly over one dtype and device."""
    if update.plain is None:
        return True
    first = parameters[0]
    return update.fused is not None and all(
        p.dtype == first.dtype and p.device == first.device and p.is_floating_point() and _is_dense(p)
        for p in parameters
    )


def _is_dense(x: Tensor) -> bool:
    return x.is_contiguous() or (x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last))


def nonfinite(gradients: Sequence[Tensor]) -> Tensor:
    """Whether a step with these gradients must be skipped: 0-d float32 on the device, 1 where an entry is not finite.

    Entries so large that their sum overflows count as not finite on a CPU.

    Arguments:
        gradients: Of any shapes, on one device.
    """
    device = gradients[0].device
    with torch.no_grad():
        if device.type == "cpu":
            # A sum is finite only if every entry is, and minus itself is 0 only then. It reads once; the kernel below
            # also writes, in twice the time.
            wide = torch.promote_types(gradients[0].dtype, torch.float32)
            total = torch.stack([g.sum(dtype=wide) for g in gradients]).sum()
            return total.sub_(total).ne_(0).float()
        kernel = _has("_amp_foreach_non_finite_check_and_unscale_") and not torch.compiler.is_compiling()
        if kernel and device.type == "cuda" and all(_is_dense(g) for g in gradients):
            # One kernel for the whole list; scaling by 1 leaves every bit as it is.
            skip = torch.zeros((), dtype=torch.float32, device=device)
            torch._amp_foreach_non_finite_check_and_unscale_(list(gradients), skip, torch.ones_like(skip))
            return skip
        return (~torch.stack([g.isfinite().all() for g in gradients]).all()).float()


def step(
    update: Update,
    gradients: Sequence[Tensor],
    state: State,
    parameters: Sequence[Tensor],
    images: Tensor,
    fused: bool,
    skip: Tensor | None = None,
) -> Tensor:
    """One guarded step in place.

    Arguments:
        update: The rule.
        gradients: One per parameter, same shapes.
        state: What :attr:`Update.init` made; changed in place.
        parameters: Changed in place.
        images: Images seen, 0-d int64.
        fused: Which execution; only where :func:`can_fuse`.
        skip: What :func:`nonfinite` said of the gradients, where it was asked before.

    Returns:
        0-d float32 on the device: 1 where a gradient was not finite and nothing was changed, else 0.
    """
    with torch.no_grad():
        skip = nonfinite(gradients) if skip is None else skip
        if fused:
            assert update.fused is not None
            update.fused(_laid_out_like(parameters, gradients), state, list(parameters), images, skip)
            # The kernel is invisible to autograd: without this a graph kept from before would silently mix old
            # activations with new weights in its backward pass instead of raising.
            torch.autograd.graph.increment_version(list(parameters))
            return skip
        assert update.plain is not None
        finite = skip == 0
        moved, ahead = update.plain(gradients, state, parameters, images)
        for old, new in zip(parameters, moved, strict=True):
            old.copy_(torch.where(finite, new, old))
        for name, olds in state.items():
            for old, new in zip(olds, ahead[name], strict=True):
                old.copy_(torch.where(finite, new, old))
        return skip


def _at(number: Number, images: Tensor) -> float | Tensor:
    return number(images) if callable(number) else number


def _zeros(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [torch.zeros_like(p, requires_grad=False) for p in parameters]


def _root(v: Tensor) -> Tensor:
    # Its derivative is 0, not infinite, where v is 0 (a dead unit): unrolling goes through it.
    alive = v > 0
    return torch.where(alive, v, 1).sqrt() * alive


def _once(number: Tensor) -> Tensor:
    # The compiler would compute a number anew for every few entries of the loop that uses it, and expm1 costs more than
    # the rest of that loop; it cannot put what is seen through strides into the loop.
    return torch.as_strided(number, (), ())


def _bias_correction(t: Tensor, beta: float | Tensor) -> Tensor:
    if isinstance(beta, Tensor):
        return -torch.expm1(t * beta.log())
    return -torch.expm1(t * (math.log(beta) if beta > 0 else -math.inf))


def _fused_sgd(
    parameters: list[Tensor],
    gradients: list[Tensor],
    velocity: list[Tensor],
    decay: float,
    rate: float | Tensor,
    skip: Tensor,
) -> None:
    torch._fused_sgd_(
        parameters,
        gradients,
        velocity,
        weight_decay=0.0,
        momentum=decay,
        lr=rate,
        dampening=0.0,
        nesterov=False,
        maximize=False,
        is_first_step=False,  # velocity starts at 0, where torch's first step and every other agree
        grad_scale=None,
        found_inf=skip,
    )


def _laid_out_like(parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
    # autograd.grad may return expanded or transposed gradients (``.backward()`` would have copied them); the fused
    # kernels read them linearly, past their end if need be.
    return [
        g if g.stride() == p.stride() else torch.empty_like(p).copy_(g)
        for p, g in zip(parameters, gradients, strict=True)
    ]


@functools.cache
def _has(kernel: str) -> bool:
    # Private operators of torch: where a version lacks one, the public path is taken.
    return hasattr(torch, kernel)
