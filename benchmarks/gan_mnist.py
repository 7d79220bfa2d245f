"""The 2014 system on MNIST over epochs: ``python -m benchmarks.gan_mnist released --seed 0 --epochs 250``.

Trains one of the settings below in a run folder under ``runs/``, and after every few epochs appends a row to
``benchmarks/results/gan_mnist.jsonl``: Parzen log-likelihood under both choices of sigma, on test and on the 9,000
validation images that sigma was not chosen on. The same command again continues; rows that are there stay.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
import tyro

import zerosum as zs
from zerosum.data import open_data
from zerosum.metrics.parzen import CHOOSING, best_sigma, log_densities
from zerosum.runtime import machine

RESULTS = Path(__file__).parent / "results" / "gan_mnist.jsonl"

SETTINGS: dict[str, dict[str, Any]] = {
    "released": {},
    "released-minimax": {"objective": "minimax"},
    "printed": {"schedule": "alternating", "objective": "minimax"},
    "printed-nonsaturating": {"schedule": "alternating"},
    "printed-half-rate": {"schedule": "alternating", "objective": "minimax", "learning_rate": 0.05},
    "printed-nonsaturating-half-rate": {"schedule": "alternating", "learning_rate": 0.05},
    "normal-prior": {"prior": "normal"},
    "constant-momentum": {"final_momentum": 0.5},
    "high-momentum": {"momentum": 0.7, "final_momentum": 0.9},
    "constant-rate": {"learning_rate_decay": 1.0},
    "large-batch": {"batch_size": 200},
}
"""What each differs in from the recipe's defaults, which are the released configuration."""


def judge(folder: Path) -> dict[str, float]:
    """Both protocols at the newest checkpoint, of the generator's average and of the generator itself."""
    model = zs.load(folder)
    valid, test = (open_data("mnist", split).batch(0, 10_000)["x"].flatten(1) for split in ("valid", "test"))
    figures: dict[str, float] = {}
    for which, raw in (("average", False), ("raw", True)):
        samples = model.sample(10_000, raw=raw).flatten(1)
        for grid, fine in (("fine", True), ("2014", False)):
            sigma = best_sigma(valid[:CHOOSING], samples, fine)
            logs = log_densities(test, samples, [sigma])[0]
            held = log_densities(valid[CHOOSING:], samples, [sigma])[0]
            figures |= {
                f"{which} {grid} test": round(float(logs.mean()), 2),
                f"{which} {grid} error": round(float(logs.std(correction=0)) / math.sqrt(len(logs)), 2),
                f"{which} {grid} valid": round(float(held.mean()), 2),
                f"{which} {grid} sigma": round(sigma, 4),
            }
    return figures


def main(
    setting: tyro.conf.Positional[str], seed: int = 0, epochs: int = 250, every: int = 5, threads: int = 1
) -> None:
    """Train and judge one setting.

    Args:
        setting: Which, by name.
        seed: Of the run.
        epochs: How far.
        every: Epochs between judgements.
        threads: CPU threads.
    """
    if setting not in SETTINGS:
        raise SystemExit(f"unknown setting {setting!r}; there are: {', '.join(SETTINGS)}.")
    torch.set_num_threads(threads)
    folder = Path("runs") / f"gan-mnist-{setting}-{seed}"
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    done = {row["epoch"] for row in rows if (row["setting"], row["seed"]) == (setting, seed)}
    for epoch in range(every, epochs + 1, every):
        if epoch in done:
            continue
        run = zs.train(
            "gan", data="mnist", epochs=epoch, seed=seed, threads=threads, out=folder, progress=False,
            sample_every=5000, **SETTINGS[setting],
        )  # fmt: skip
        row = {"setting": setting, "seed": seed, "epoch": epoch, **judge(folder), "seconds": round(run.seconds)}
        facts = machine()
        row |= {key: facts[key] for key in ("processor", "cores", "torch")} | {"threads": threads}
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    tyro.cli(main)
