"""TensorBoard's files hold what the log holds; without the package one sentence says how to get it."""

import importlib.util
import json
from pathlib import Path

import pytest

import zerosum as zs
from tests.cli.commands import answer
from zerosum.errors import ConfigError

SMALL = {"hidden": 8, "batch_size": 16, "progress": False, "out": "run", "log_every": 5, "sample_every": 10}


def events(folder="run/tensorboard"):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(folder)
    read.Reload()
    return read


@pytest.mark.filterwarnings("ignore")
def test_its_files_hold_what_the_log_holds():
    zs.train("vanilla", rounds=20, tensorboard=True, **SMALL)
    read = events()
    for line in map(json.loads, Path("run/log.jsonl").read_text().splitlines()):
        for name, value in line["terms"].items():
            (found,) = [e.value for e in read.Scalars(name) if e.step == line["examples"]]
            assert found == pytest.approx(value, rel=1e-6)
    assert {e.step for e in read.Images("samples")} == {0, 160, 320}
    assert "metrics/neighbour_distance[n=1000, split=test]" in read.Tags()["scalars"]


@pytest.mark.filterwarnings("ignore")
def test_going_on_replaces_what_comes_after_the_checkpoint():
    zs.train("vanilla", rounds=10, tensorboard=True, **SMALL)
    zs.train("vanilla", rounds=20, tensorboard=True, **SMALL)
    steps = [e.step for e in events().Scalars("generator/adversarial")]
    assert steps == [80, 160, 240, 320]


def test_without_the_flag_nothing_of_it_is_written():
    zs.train("vanilla", rounds=5, **SMALL)
    assert not Path("run/tensorboard").exists()


def test_without_the_package_a_sentence_says_how_to_get_it(capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name))
    code, _, err = answer(capsys, "train", "vanilla", "--rounds", "5", "--tensorboard", "--out", "run")
    assert code == 2
    assert "--tensorboard needs the package tensorboard: pip install 'zerosum[tensorboard]'." in err
    assert not Path("run").exists()
    with pytest.raises(ConfigError, match="needs the package tensorboard"):
        zs.train("vanilla", rounds=5, tensorboard=True, **SMALL)
