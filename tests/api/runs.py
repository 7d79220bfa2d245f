"""Small runs that tests of the api train."""

import json
from pathlib import Path

import safetensors.torch

import zerosum as zs


def train(recipe="vanilla", **kwargs):
    options = {"data": "digits", "out": "run", "rounds": 5, "batch_size": 16, "progress": False}
    return zs.train(recipe, **{**options, **kwargs})


def edit(old, new):
    """Change the record of a run, and say that the change is meant."""
    path = Path("run/config.json")
    record = json.loads(path.read_text().replace(old, new))
    del record["sha256"]
    path.write_text(json.dumps(record))


def read_weights(out):
    newest = max(Path(out, "checkpoints").glob("round-*"), key=lambda path: int(path.name.removeprefix("round-")))
    return safetensors.torch.load_file(newest / "game.safetensors")
