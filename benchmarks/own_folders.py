"""Folders as users have them, each trained by one command, one after another; what came of it is a row of figures.

``python -m benchmarks.own_folders --runs runs/own --budget 20m`` trains and judges all of them, ``--only smiles`` one.
Begun again it continues where it was stopped, and judges anew what has no row yet. How far the Frechet distance fell is
told as a share of the way from the untrained generator to the floor, which is real training images in the generator's
place.
"""

from __future__ import annotations

import argparse
import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image

import zerosum as zs
from benchmarks.checks.checking import fall
from benchmarks.rows import keep
from zerosum import api
from zerosum.api.auto import planned
from zerosum.api.evaluation import named
from zerosum.api.models import experiment_of
from zerosum.data import Data, open_data
from zerosum.runtime import choose_device
from zerosum.training.display import Silent
from zerosum.training.folder import read_record


@dataclass(frozen=True)
class Case:
    """One folder.

    Arguments:
        source: Path under the data root, or a name of the catalogue.
        recipe: ``auto``, or the recipe that is asked for.
        asked: Share of the way that the distance is to fall.
        settings: Of a recipe that is asked for.
        gpu: Whether it is for a GPU alone.
    """

    source: str
    asked: float
    recipe: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    gpu: bool = False


CIFAR10 = {
    "width": 384,
    "blocks": 2,
    "batch_size": 512,
    "learning_rate": 2e-4,
    "final_learning_rate": 5e-5,
    "gamma": 0.05,
    "final_gamma": 0.005,
    "horizon": 3e6,
    "average_halflife": 500_000.0,
}
"""The paper's settings at half its width, over the images that half an hour of a large GPU may see."""

CASES = {
    "smiles": Case("faces/smiles_4k.zip", 0.6),
    "faces": Case("faces/utkface_6k.zip", 0.4),
    "sprites": Case("sprites/rpg_characters_5k.zip", 0.4),
    "facades": Case("paired/cmp_facades.zip", 0.4),
    "fashion": Case("fashion-mnist", 0.6, "dcgan", {"width": 32, "kernel": 4, "batch_size": 64}),
    "cifar10": Case("cifar10", 0.6, "r3gan", CIFAR10, gpu=True),
    "cifar10-labels": Case("cifar10", 0.6, "r3gan", {**CIFAR10, "conditional": True}, gpu=True),
}


def source_of(name: str, root: Path, runs: Path) -> str:
    """Where the images are; of the facades, whose files show a photograph beside its label map, the photographs."""
    case = CASES[name]
    if name != "facades":
        return case.source if case.recipe != "auto" else str(root / case.source)
    folder = runs / "facades-photos"
    if not folder.exists():
        new = runs / "facades-photos.new"
        new.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(root / case.source) as archive:
            for member in archive.namelist():
                if member.endswith(".jpg"):
                    with Image.open(io.BytesIO(archive.read(member))) as image:
                        half = image.crop((0, 0, image.height, image.height))
                    half.save(new / member.replace("/", "-").replace(".jpg", ".png"))
        new.rename(folder)
    return str(folder)


def train(name: str, root: Path, runs: Path, budget: str) -> None:
    """Train it, or go on with it, for so long in all."""
    case = CASES[name]
    out = runs / name
    source = source_of(name, root, runs)
    options = api.Options(data=source, data_root=root, out=out, budget=budget)
    if case.recipe == "auto":
        chosen = planned(options)
        plan = api.resolve(chosen.recipe, chosen.options, chosen.settings)
    else:
        plan = api.resolve(case.recipe, options, case.settings)
    api.run_plan(plan, Silent())


def judge(name: str, out: Path, root: Path, metric: str) -> dict[str, object]:
    """The distance of the model, of its untrained generator and of real images."""
    device = choose_device("auto")
    model, judged = zs.load(out, device=str(device)), named(metric)
    record = read_record(out)
    assert record is not None
    untrained, _, _ = experiment_of(out, record)
    untrained.game.to(device)

    def splits(split: str) -> Data:
        return open_data(record["source"], split, root=root)

    return {
        "folder": name,
        "metric": judged.name,
        "round": model.round,
        "images": int(model.experiment.game.examples),
        "source": Path(str(record["source"])).name,
        **fall(judged, untrained.sample, model.sample, splits),
        "asked": CASES[name].asked,
    }


def main() -> None:
    """Train and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/own"))
    here = [name for name, case in CASES.items() if torch.cuda.is_available() or not case.gpu]
    parser.add_argument("--only", choices=list(CASES), nargs="*", default=here)
    parser.add_argument("--budget", default="20m")
    parser.add_argument("--metric", default="frechet")
    parser.add_argument("--train-only", action="store_true")
    parser.add_argument("--judge-only", action="store_true")
    arguments = parser.parse_args()
    root = Path(os.environ["ZEROSUM_DATA"])
    arguments.runs.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        out = arguments.runs / name
        if not arguments.judge_only:
            train(name, root, arguments.runs, arguments.budget)
        if not arguments.train_only:
            row = judge(name, out, root, arguments.metric)
            keep("own_folders", row)
            print(row)


if __name__ == "__main__":
    main()
