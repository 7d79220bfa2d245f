"""Update rules against torch.optim, the two executions against each other, and the guard."""

import math

import pytest
import torch

from zerosum import updates
from zerosum.game.ramps import constant, linear
from zerosum.updates import adam, can_fuse, from_torch, kernels, momentum, rmsprop, rules, sgd, step

RULES = {
    "sgd": (lambda rate: sgd(rate), lambda p, rate, **kw: torch.optim.SGD(p, lr=rate, **kw)),
    "momentum": (
        lambda rate: momentum(rate, 0.7),
        lambda p, rate, **kw: torch.optim.SGD(p, lr=rate, momentum=0.7, **kw),
    ),
    "adam": (
        lambda rate: adam(rate, (0.5, 0.99)),
        lambda p, rate, **kw: torch.optim.Adam(p, lr=rate, betas=(0.5, 0.99), **kw),
    ),
    "adam without momentum": (
        lambda rate: adam(rate, (0.0, 0.999)),
        lambda p, rate, **kw: torch.optim.Adam(p, lr=rate, betas=(0.0, 0.999), **kw),
    ),
    "rmsprop": (
        lambda rate: rmsprop(rate, 0.9),
        lambda p, rate, **kw: torch.optim.RMSprop(p, lr=rate, alpha=0.9, **kw),
    ),
}
FUSED = [name for name, (rule, _) in RULES.items() if rule(1e-3).fused]
IMAGES = torch.tensor(0)


def problem(dtype):
    """A least-squares problem whose gradient depends on the parameters, so that errors accumulate."""
    generator = torch.Generator().manual_seed(1)
    a = torch.randn(20, 7, generator=generator, dtype=torch.float64).to(dtype)
    b = torch.randn(20, 3, generator=generator, dtype=torch.float64).to(dtype)
    parameters = [torch.randn(7, 3, generator=generator, dtype=torch.float64).to(dtype), torch.zeros(3, dtype=dtype)]

    def gradients(parameters):
        w, c = (p.detach().requires_grad_() for p in parameters)
        return torch.autograd.grad((a @ w + c - b).square().mean(), (w, c))

    return [p.clone() for p in parameters], gradients


def optimise(make, gradients, parameters, steps, rate=1e-3, **options):
    parameters = [p.clone().requires_grad_() for p in parameters]
    optimizer = make(parameters, rate, **options)
    for _ in range(steps):
        for p, g in zip(parameters, gradients(parameters), strict=True):
            p.grad = g
        optimizer.step()
    return [p.detach() for p in parameters]


def run(update, gradients, parameters, steps, fused):
    parameters = [p.clone() for p in parameters]
    state = update.init(parameters)
    for _ in range(steps):
        step(update, gradients(parameters), state, parameters, IMAGES, fused)
    return parameters


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-6)])
def test_plain_equals_torch_optim(name, dtype, tolerance):
    ours, theirs = RULES[name]
    parameters, gradients = problem(dtype)
    moved = run(ours(1e-3), gradients, parameters, 100, fused=False)
    for mine, reference in zip(moved, optimise(theirs, gradients, parameters, 100), strict=True):
        torch.testing.assert_close(mine, reference, rtol=0, atol=tolerance)
    assert not torch.equal(moved[0], parameters[0])


@pytest.mark.parametrize("name", FUSED)
def test_fused_is_bit_equal_to_torch_fused(name):
    ours, theirs = RULES[name]
    parameters, gradients = problem(torch.float32)
    moved = run(ours(1e-3), gradients, parameters, 100, fused=True)
    for mine, reference in zip(moved, optimise(theirs, gradients, parameters, 100, fused=True), strict=True):
        assert torch.equal(mine, reference)


@pytest.mark.parametrize("name", FUSED)
def test_fused_equals_plain(name):
    parameters, gradients = problem(torch.float32)
    rule = RULES[name][0](1e-2)
    for a, b in zip(*(run(rule, gradients, parameters, 50, fused) for fused in (True, False)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_bias_correction_is_exact_at_small_steps():
    """1 - beta^t in float32 is off by 6e-5 where -expm1(t log beta) is not."""
    exact = 1 - 0.999**2
    assert abs(float(rules._bias_correction(torch.tensor(2.0), 0.999)) / exact - 1) < 1e-6
    assert abs(float(1 - torch.tensor(0.999) ** 2) / exact - 1) > 1e-5
    assert float(rules._bias_correction(torch.tensor(1.0), 0.0)) == 1


@pytest.mark.parametrize(("name", "fused"), [*((name, True) for name in FUSED), *((name, False) for name in RULES)])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_step_that_is_not_finite_changes_nothing(name, bad, fused):
    parameters, gradients = problem(torch.float32)
    rule = RULES[name][0](1e-2)
    state = rule.init(parameters)
    assert step(rule, gradients(parameters), state, parameters, IMAGES, fused) == 0
    before = [p.clone() for p in parameters], {k: [t.clone() for t in ts] for k, ts in state.items()}
    poisoned = [g.clone() for g in gradients(parameters)]
    poisoned[1][2] = bad
    assert step(rule, poisoned, state, parameters, IMAGES, fused) == 1
    assert all(torch.equal(a, b) for a, b in zip(parameters, before[0], strict=True))
    assert all(torch.equal(a, b) for k in state for a, b in zip(state[k], before[1][k], strict=True))


def test_fused_reads_expanded_and_transposed_gradients_right():
    """autograd.grad returns them as they are; the kernels walk memory linearly and would read past their end."""
    parameters = [torch.zeros(5), torch.zeros(3, 2)]
    awkward = [torch.ones(()).expand(5), torch.arange(6.0).view(2, 3).t()]
    rule = sgd(1.0)
    step(rule, awkward, rule.init(parameters), parameters, IMAGES, fused=True)
    assert torch.equal(parameters[0], -torch.ones(5))
    assert torch.equal(parameters[1], -torch.arange(6.0).view(2, 3).t())


def test_rule_1_a_graph_from_before_a_fused_step_raises():
    """Fused kernels are invisible to autograd; without the version bump the old graph would use the new weights."""
    weight = torch.ones(3, requires_grad=True)
    product = (weight * weight).sum()
    rule = adam(1e-2)
    step(rule, [torch.ones(3)], rule.init([weight]), [weight], IMAGES, fused=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(product, weight)


@pytest.mark.parametrize("rule", [adam(0.1, (0.0, 0.9)), rmsprop(0.1, 0.9)], ids=lambda rule: rule.name)
def test_rule_2_plain_rules_are_differentiable_at_a_dead_unit(rule):
    parameters = [torch.ones(2, dtype=torch.float64)]
    scale = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)  # the second unit gets no gradient
    moved, _ = rule.plain([scale * 2], rule.init(parameters), parameters, IMAGES)
    (slope,) = torch.autograd.grad(moved[0].sum(), scale)
    assert slope.isfinite().all()


@pytest.mark.parametrize("name", RULES)
def test_plain_differentiates_like_finite_differences(name):
    rule = RULES[name][0](0.1)
    start = [torch.tensor([0.5, -0.3], dtype=torch.float64)]

    def after_two_steps(slope):
        parameters, state = start, rule.init(start)
        for factor in (1.0, 0.5):
            parameters, state = rule.plain([factor * slope * parameters[0]], state, parameters, IMAGES)
        return parameters[0].sum()

    assert torch.autograd.gradcheck(after_two_steps, torch.tensor(0.7, dtype=torch.float64, requires_grad=True))


def test_rule_9_ramps_enter_as_tensors():
    parameters, gradients = problem(torch.float32)
    for fused in (True, False):
        ramped = run(adam(constant(1e-3), (0.5, 0.99)), gradients, parameters, 5, fused)
        fixed = run(adam(1e-3, (0.5, 0.99)), gradients, parameters, 5, fused)
        for a, b in zip(ramped, fixed, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-7)
    rule, p = sgd(linear(1.0, 0.0, examples=100)), [torch.zeros(1)]
    step(rule, [torch.ones(1)], {}, p, torch.tensor(75), fused=True)
    torch.testing.assert_close(p[0], torch.tensor([-0.25]))


def test_ramped_betas_run_the_plain_execution():
    assert adam(1e-3, (0.0, linear(0.9, 0.99, 100))).fused is None
    parameters, gradients = problem(torch.float64)
    ramped = run(adam(1e-3, (constant(0.5), constant(0.99))), gradients, parameters, 5, fused=False)
    fixed = run(adam(1e-3, (0.5, 0.99)), gradients, parameters, 5, fused=False)
    torch.testing.assert_close(ramped[0], fixed[0], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_ramped_momentum_is_fused_too(dtype):
    """The kernel takes a float, so the velocity decays before it, and not where the step is skipped."""
    rule = momentum(linear(1e-2, 1e-3, 10), linear(0.5, 0.9, 10))
    parameters, gradients = problem(dtype)
    states, moved = [rule.init(parameters) for _ in range(2)], [[p.clone() for p in parameters] for _ in range(2)]
    for examples in range(12):
        for state, mine, fused in zip(states, moved, (True, False), strict=True):
            slopes = gradients(mine)
            if examples == 5:
                slopes = [slopes[0] * math.inf, slopes[1]]
            skip = step(rule, slopes, state, mine, torch.tensor(examples), fused)
            assert skip == (examples == 5)
    for a, b in zip((*moved[0], *states[0]["velocity"]), (*moved[1], *states[1]["velocity"]), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("zero", [0.0, constant(0.0)], ids=["number", "ramp"])
@pytest.mark.parametrize("fused", [True, False])
def test_momentum_without_momentum_is_gradient_descent(zero, fused):
    parameters, gradients = problem(torch.float64)
    still = run(momentum(1e-2, zero), gradients, parameters, 5, fused=fused)
    plain = run(sgd(1e-2), gradients, parameters, 5, fused=fused)
    torch.testing.assert_close(still[0], plain[0], rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_gradient_of_large_entries_is_finite(dtype):
    """The sum that is asked is wide enough for what half precision holds."""
    large = torch.full((1000,), 1e4 if dtype == torch.float16 else 1e30, dtype=dtype)
    assert updates.nonfinite([large, -large]) == 0
    for wrong in (math.inf, -math.inf, math.nan):
        large[500] = wrong
        assert updates.nonfinite([torch.zeros(3, dtype=dtype), large]) == 1


def test_what_can_be_fused():
    dense = torch.zeros(4, 4)
    assert can_fuse(adam(1e-3), [dense])
    assert not can_fuse(adam(1e-3), [dense, dense.double()])
    assert not can_fuse(adam(1e-3), [torch.zeros(4, 8)[:, ::2]])


def test_without_the_private_kernels_the_plain_execution_serves(monkeypatch):
    monkeypatch.setattr(kernels, "has", lambda kernel: False)
    parameters, gradients = problem(torch.float32)
    for rule in (sgd(1e-3), momentum(1e-3, 0.9), adam(1e-3), rmsprop(1e-3)):
        assert not can_fuse(rule, parameters)
        run(rule, gradients, parameters, 3, fused=False)
    assert updates.nonfinite([torch.tensor([math.inf])]) == 1
    assert updates.nonfinite([torch.tensor([1.0])]) == 0


THEIRS = {
    "SGD": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "NAdam": (torch.optim.NAdam, {}),
    "Adagrad": (torch.optim.Adagrad, {"initial_accumulator_value": 0.1}),  # whose state does not begin at 0
    "AdamW": (torch.optim.AdamW, {"weight_decay": 0.1}),
}


@pytest.mark.parametrize("name", THEIRS)
def test_an_optimizer_of_torch_is_bit_equal_as_a_rule(name):
    """Also where its state is written down and taken up half way, as a checkpoint does."""
    optimizer, settings = THEIRS[name]
    parameters, gradients = problem(torch.float32)
    rule = from_torch(optimizer, lr=1e-2, **settings)
    moved, state = [p.clone() for p in parameters], rule.init(parameters)
    for number in range(20):
        if number == 9:
            kept = state
            state = rule.init(parameters)
            for key, tensors in state.items():
                for tensor, before in zip(tensors, kept[key], strict=True):
                    tensor.copy_(before)
        assert step(rule, gradients(moved), state, moved, IMAGES, can_fuse(rule, moved)) == 0
    expected = optimise(lambda p, rate: optimizer(p, lr=rate, **settings), gradients, parameters, 20, rate=1e-2)
    assert all(torch.equal(a, b) for a, b in zip(moved, expected, strict=True))
    assert all(p.grad is None for p in moved)


def test_an_optimizer_of_torch_is_guarded_too():
    parameters, gradients = problem(torch.float32)
    rule = from_torch(torch.optim.NAdam)
    state = rule.init(parameters)
    step(rule, gradients(parameters), state, parameters, IMAGES, fused=True)
    before = [p.clone() for p in parameters], {k: [t.clone() for t in ts] for k, ts in state.items()}
    assert step(rule, [g * math.inf for g in gradients(parameters)], state, parameters, IMAGES, fused=True) == 1
    assert all(torch.equal(a, b) for a, b in zip(parameters, before[0], strict=True))
    assert all(torch.equal(a, b) for k in state for a, b in zip(state[k], before[1][k], strict=True))


class Counting(torch.optim.SGD):
    """Remembers a number that is no tensor."""

    def step(self, closure=None):
        for p in self.param_groups[0]["params"]:
            self.state[p]["count"] = self.state[p].get("count", 0) + 1


def test_optimizers_that_cannot_be_rules():
    with pytest.raises(ValueError, match="lr of AdamW must be a number, got a ramp"):
        from_torch(torch.optim.AdamW, lr=constant(1e-3))
    with pytest.raises(ValueError, match=r"LBFGS cannot be used: its step.. fails without a closure"):
        from_torch(torch.optim.LBFGS).init([torch.zeros(2)])
    with pytest.raises(ValueError, match="Counting cannot be used: its state 'count' is no tensor"):
        from_torch(Counting, lr=0.1).init([torch.zeros(2)])
