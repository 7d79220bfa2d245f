"""The machine a run is played on: threads, mode, precision."""

import json
import re
from pathlib import Path

import pytest
import torch

from tests.api.runs import edit, read_weights, train
from zerosum.errors import ConfigError
from zerosum.game import execution
from zerosum.profiling import autotune
from zerosum.training import log
from zerosum.training.folder import read_record


def test_settings_are_those_recorded_unless_others_are_asked_for(capsys):
    train(threads=1)
    train(rounds=6)
    assert read_record(Path("run"))["threads"] == 1
    train(rounds=7, threads=2, progress=True)
    assert "threads changed from 1 to 2: bits may differ from here on." in capsys.readouterr().out
    record = read_record(Path("run"))
    assert record["threads"] == 2
    assert record["amendments"] == [{"round": 6, "what": "threads", "from": 1, "to": 2}]
    events = [line["event"] for line in log.read(Path("run/log.jsonl")) if "event" in line]
    assert [event["kind"] for event in events] == ["resumed", "amended", "resumed"]


def test_another_version_of_torch_is_told(capsys):
    """Fault 26."""
    train()
    edit(torch.__version__, "2.11.0")
    train(rounds=6, progress=True)
    assert f"torch changed from 2.11.0 to {torch.__version__}: bits may differ" in capsys.readouterr().out


def test_compile_mode_is_recorded(monkeypatch):
    """The round itself is compiled in tests/game/test_execution.py."""
    monkeypatch.setattr(execution, "compiled", lambda run: run)
    train(mode="compile")
    record = read_record(Path("run"))
    assert record["mode"] == "compile"
    assert record["executions"] == {"discriminator": "plain", "generator": "plain"}


def test_runs_of_before_there_was_a_precision_go_on_in_float32():
    train(rounds=5)
    record = json.loads(Path("run/config.json").read_text())
    for name in ("precision", "micro_batches"):
        del record[name]
    del record["sha256"]
    Path("run/config.json").write_text(json.dumps(record))
    assert train(rounds=7).round == 7
    assert "amendments" not in read_record(Path("run"))


def test_a_change_of_precision_is_told(capsys):
    train(rounds=5)
    train(rounds=7, precision="bfloat16", progress=True)
    assert "precision changed from float32 to bfloat16: bits may differ from here on." in capsys.readouterr().out


def test_threads_are_tried_at_the_start_of_a_fresh_run_alone(monkeypatch):
    torch.set_num_threads(2)
    tried = []

    def rates(ways):
        tried.append(len(ways))
        for play in ways:
            play(1)
        return [50.0, 10.0]

    monkeypatch.setattr(autotune, "rates", rates)
    train(rounds=5)
    assert read_record(Path("run"))["threads"] == 1
    train(rounds=7)
    train(out="told", threads=2)
    assert tried == [2]
    assert read_record(Path("told"))["threads"] == 2
    assert torch.get_num_threads() == 2


def test_a_trial_changes_nothing_of_the_run(monkeypatch):
    train(out="without", rounds=9, threads=1)
    torch.set_num_threads(2)
    monkeypatch.setattr(autotune, "fewest", lambda seen: 1)
    train(out="with", rounds=9)
    without, tried = (read_weights(out) for out in ("without", "with"))
    assert all(torch.equal(without[name], tried[name]) for name in without)


def test_mode_auto_says_why_and_is_recorded(capsys):
    train(mode="auto", rounds=5, progress=True)
    said = capsys.readouterr().out
    assert re.search(r"mode eager: [\d,]+ s of training are forecast, and compiling, about 60 s, pays in 1,200 s", said)
    record = read_record(Path("run"))
    assert record["mode"] == "eager"
    assert record["mode_reason"] in said
    train(mode="auto", rounds=7)
    assert "amendments" not in read_record(Path("run"))


def test_mode_auto_compiles_where_a_trial_shows_that_it_pays(monkeypatch):
    monkeypatch.setattr(autotune, "mode", lambda *facts: ("compile", f"{facts[-1]():.1f} times as fast"))
    monkeypatch.setattr(autotune, "rates", lambda ways: [10.0, 13.0])
    monkeypatch.setattr(execution, "compiled", lambda run: run)
    train(mode="auto", rounds=5)
    record = read_record(Path("run"))
    assert (record["mode"], record["mode_reason"]) == ("compile", "1.3 times as fast")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "graph"}, "mode 'graph' records CUDA kernels, and the device is cpu; use --mode eager."),
        (
            {"micro_batches": 3},
            "play equal parts of a batch: 3 of them cannot share 16 examples",
        ),
        ({"precision": "half"}, r"precision must be 'float32' or 'bfloat16', got 'half'"),
        ({"micro_batches": 0}, "micro_batches must be greater than or equal to 1, got 0"),
    ],
)
def test_ways_to_play_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        train(**options)
    assert not Path("run").exists()


def test_a_way_to_play_that_is_refused_later_is_not_recorded():
    train(rounds=5)
    for options in ({"mode": "graph"}, {"micro_batches": 3}):
        with pytest.raises(ConfigError):
            train(rounds=7, **options)
    assert "amendments" not in read_record(Path("run"))
    assert train(rounds=7).round == 7
