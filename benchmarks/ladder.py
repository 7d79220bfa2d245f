"""What each step from the plain loop to the engine gives: ``python -m benchmarks.ladder [--systems a b c]``.

Every rung is the one before it and one thing more, by hand, on the same networks and batches; the last is the engine,
which also sees that every gradient is finite, adds up its terms and draws all it draws from seeds of their own. Rungs
are timed by turns in one process and told as ratios to the plain loop. Rows go to ``benchmarks/results/ladder.jsonl``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import tyro
from torch import Tensor, nn

from benchmarks import rows
from benchmarks.plain import by_hand, engine
from benchmarks.systems import CPU, SEED, SYSTEMS, System, pixels, taken_for_real, told_apart
from zerosum.data import Arrays
from zerosum.profiling import timing
from zerosum.updates import adam

RUNGS = (
    "torch's fused optimizer",
    "no graph of the generator in the discriminator's step",
    "gradients of the mover alone",
    "the kernel without the optimizer around it",
    "batches by index_select",
    "channels last",
)
"""Each with all before it; the last for convolutions alone."""


def rung(system: System, data: Arrays, height: int) -> timing.Contestant:
    """The loop by hand that stands so high; 0 is the plain one."""
    experiment, settings, _ = by_hand(system, data, CPU, False)
    networks = experiment.game.networks
    if height >= 6:
        for network in networks.values():
            network.to(memory_format=torch.channels_last)
    G, D = networks.generator, networks.discriminator
    betas = getattr(settings, "betas", None) or (settings.beta1, settings.beta2)
    steps = {network: stepper(network, settings.learning_rate, betas, height) for network in (G, D)}
    x, size, generator = data.x, settings.batch_size, torch.Generator().manual_seed(SEED)
    order, place = torch.randperm(len(x), generator=generator), 0

    def rounds(count: int) -> int:
        nonlocal order, place
        for _ in range(count):
            if place + size > len(order):
                order, place = torch.randperm(len(x), generator=generator), 0
            index = order[place : place + size]
            real = system.inward((x.index_select(0, index) if height >= 5 else x[index]).float() / 255)
            z, again = (experiment.priors["z"](size, generator) for _ in range(2))
            place += size
            if height >= 2:
                with torch.no_grad():
                    fake = G(z)
            else:
                fake = G(z).detach()
            steps[D](told_apart(D, real, fake, {}))
            steps[G](taken_for_real(D(G(again))))
        return count * size

    return rounds


def stepper(network: nn.Module, rate: float, betas: tuple[float, float], height: int) -> Callable[[Tensor], None]:
    """Moves a network down a loss."""
    parameters = list(network.parameters())
    if height >= 4:
        rule = adam(rate, betas)
        state, images, go = rule.init(parameters), torch.zeros((), dtype=torch.int64), torch.zeros(())

        def by_kernel(loss: Tensor) -> None:
            slopes = torch.autograd.grad(loss, parameters)
            pairs = zip(parameters, slopes, strict=True)
            laid_out = [s if s.stride() == p.stride() else torch.empty_like(p).copy_(s) for p, s in pairs]
            with torch.no_grad():
                rule.fused(laid_out, state, parameters, images, go)  # type: ignore[misc]

        return by_kernel
    optimizer = torch.optim.Adam(parameters, lr=rate, betas=betas, fused=height >= 1)

    def by_optimizer(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward(inputs=parameters if height >= 3 else None)  # type: ignore[no-untyped-call]
        optimizer.step()

    return by_optimizer


def main(
    systems: tuple[str, ...] = ("a", "b", "c"),
    threads: int = 1,
    turns: int = 40,
    seconds: float = 0.12,
    root: Path | None = None,
    keep: bool = True,
) -> None:
    """Time the rungs.

    Args:
        systems: Which, of a, b and c.
        threads: CPU threads.
        turns: Of every rung.
        seconds: Of work in each.
        root: Folder that known data sets lie in.
        keep: Add the rows to the results.
    """
    torch.set_num_threads(threads)
    for name in systems:
        system = SYSTEMS[name]
        data = pixels(system.side, root)
        heights = range(1, 7 if name == "c" else 6)
        contestants = {"plain": rung(system, data, 0)}
        contestants |= {f"+ {RUNGS[height - 1]}": rung(system, data, height) for height in heights}
        contestants["zerosum"] = engine(system, data)
        match = timing.compare(contestants, dict.fromkeys(contestants, threads), turns, seconds)
        print(f"{name} ({system.text}), load {match.loads[0]:.1f} to {match.loads[1]:.1f}")
        for who, score in match.scores.items():
            print(f"  {who:56} {score.ratio:5.2f} ({score.low:.2f} to {score.high:.2f})")
        for doubt in match.doubts:
            print(f"  no verdict: {doubt}")
        if keep:
            row = {
                "played": name,
                "threads": threads,
                "ratios": {who: [score.ratio, score.low, score.high] for who, score in match.scores.items()},
                "turns": turns,
                "loads": match.loads,
                "doubts": match.doubts,
            }
            rows.keep("ladder", row)


if __name__ == "__main__":
    tyro.cli(main)
