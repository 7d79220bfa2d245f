"""The rules: gradient descent, momentum, Adam, RMSProp, and any of them made optimistic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from zerosum.updates import kernels
from zerosum.updates.update import Number, State, Update


def sgd(learning_rate: Number) -> Update:
    r"""Gradient descent, :math:`\theta \leftarrow \theta - \eta\, g`.

    Examples:
        >>> rule, theta = sgd(0.5), [torch.tensor([1.0])]
        >>> rule.plain([torch.tensor([1.0])], rule.init(theta), theta, torch.tensor(0))[0]
        [tensor([0.5000])]
    """

    def plain(
        gradients: Sequence[Tensor], state: State, parameters: Sequence[Tensor], examples: Tensor
    ) -> tuple[list[Tensor], State]:
        rate = _at(learning_rate, examples)
        return [p - rate * g for p, g in zip(parameters, gradients, strict=True)], {}

    def fused(gradients: list[Tensor], state: State, parameters: list[Tensor], examples: Tensor, skip: Tensor) -> None:
        kernels.fused_sgd(parameters, gradients, [], 0.0, _at(learning_rate, examples), skip)

    return Update("sgd", lambda parameters: {}, plain, fused if kernels.has("_fused_sgd_") else None)


def momentum(learning_rate: Number, decay: Number) -> Update:
    r"""Heavy-ball momentum in torch's form, :math:`v \leftarrow \mu v + g,\ \theta \leftarrow \theta - \eta\, v`.

    Arguments:
        learning_rate: The step size :math:`\eta`.
        decay: The momentum :math:`\mu`, in (-1, 1); a negative one damps players that circle.

    References:
        | Some methods of speeding up the convergence of iteration methods (Polyak, 1964)
    """

    def init(parameters: Sequence[Tensor]) -> State:
        return {"velocity": _zeros(parameters)}

    def plain(
        gradients: Sequence[Tensor], state: State, parameters: Sequence[Tensor], examples: Tensor
    ) -> tuple[list[Tensor], State]:
        rate, mu = _at(learning_rate, examples), _at(decay, examples)
        velocity = [mu * v + g for v, g in zip(state["velocity"], gradients, strict=True)]
        return [p - rate * v for p, v in zip(parameters, velocity, strict=True)], {"velocity": velocity}

    def fused(gradients: list[Tensor], state: State, parameters: list[Tensor], examples: Tensor, skip: Tensor) -> None:
        velocity, mu = state["velocity"], _at(decay, examples)
        if isinstance(mu, Tensor) and mu.device.type == "cpu":
            mu = float(mu)
        if isinstance(mu, Tensor) or mu == 0:
            # The kernel takes a float above 0, and asking a device for one would wait for it: decay first, add with 1.
            torch._foreach_mul_(velocity, torch.where(skip > 0, 1.0, mu))
            mu = 1.0
        kernels.fused_sgd(parameters, gradients, velocity, mu, _at(learning_rate, examples), skip)

    return Update("momentum", init, plain, fused if kernels.has("_fused_sgd_") else None)


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
        gradients: Sequence[Tensor], state: State, parameters: Sequence[Tensor], examples: Tensor
    ) -> tuple[list[Tensor], State]:
        rate, (b1, b2) = _at(learning_rate, examples), (_at(b, examples) for b in betas)
        t = state["step"][0] + 1
        first = [b1 * m + (1 - b1) * g for m, g in zip(state["first"], gradients, strict=True)]
        second = [b2 * v + (1 - b2) * g.square() for v, g in zip(state["second"], gradients, strict=True)]
        t_wide = t.to(torch.promote_types(parameters[0].dtype, torch.float32))
        size, correct2 = _once(rate / _bias_correction(t_wide, b1)), _once(_bias_correction(t_wide, b2).sqrt())
        moved = []
        for p, m, v in zip(parameters, first, second, strict=True):
            moved.append(p - size * m / (_root(v) / correct2 + epsilon))
        return moved, {"step": [t], "first": first, "second": second}

    def fused(gradients: list[Tensor], state: State, parameters: list[Tensor], examples: Tensor, skip: Tensor) -> None:
        (step,) = state["step"]
        step.add_(1)
        torch._fused_adam_(
            parameters,
            gradients,
            state["first"],
            state["second"],
            [],
            [step] * len(parameters),  # one counter serves all: the kernel only reads it
            lr=_at(learning_rate, examples),
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

    kernel = kernels.has("_fused_adam_") and not any(callable(b) for b in betas)
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
        gradients: Sequence[Tensor], state: State, parameters: Sequence[Tensor], examples: Tensor
    ) -> tuple[list[Tensor], State]:
        rate, alpha = _at(learning_rate, examples), _at(decay, examples)
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
        gradients: Sequence[Tensor], state: State, parameters: Sequence[Tensor], examples: Tensor
    ) -> tuple[list[Tensor], State]:
        (begun,), last = state["begun"], state["last"]
        own = {key: of for key, of in state.items() if key not in ("begun", "last")}
        # Our rules take the same step from anywhere, so from 0 the step itself comes out, and unrounded.
        steps, ahead = inner(gradients, own, _zeros(parameters), examples)
        moved = [p + (1 + begun) * d - before for p, d, before in zip(parameters, steps, last, strict=True)]
        return moved, {**ahead, "begun": [torch.ones_like(begun)], "last": steps}

    return Update(f"optimistic {rule.name}", init, plain)


def _at(number: Number, examples: Tensor) -> float | Tensor:
    return number(examples) if callable(number) else number


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
