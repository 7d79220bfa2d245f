"""Optimizers of torch's interface as rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zerosum.updates.update import State, Update


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
        >>> from zerosum.updates import step
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

    def fused(gradients: list[Tensor], state: State, parameters: list[Tensor], examples: Tensor, skip: Tensor) -> None:
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
