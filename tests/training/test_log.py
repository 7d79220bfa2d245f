"""Logs: appended, cut, torn."""

import json
import math

from zerosum.training import log


def test_round_trip(tmp_path):
    path = tmp_path / "log.jsonl"
    assert list(log.read(path)) == []
    assert log.size(path) == 0
    log.append(path, {"round": 1, "terms": {"a/b": 0.5}, "list": [1, 2]})
    log.append(path, {"round": 2})
    assert list(log.read(path)) == [{"round": 1, "terms": {"a/b": 0.5}, "list": [1, 2]}, {"round": 2}]


def test_numbers_that_are_not_finite_become_null(tmp_path):
    log.append(tmp_path / "log", {"terms": {"a": math.nan, "b": math.inf, "c": 1.0}, "interval": (0.0, -math.inf)})
    line = (tmp_path / "log").read_text()
    assert json.loads(line, parse_constant=lambda name: 1 / 0) == {
        "terms": {"a": None, "b": None, "c": 1.0},
        "interval": [0.0, None],
    }


def test_a_torn_last_line_is_left_out(tmp_path):
    path = tmp_path / "log"
    log.append(path, {"round": 1})
    path.write_bytes(path.read_bytes() + b'{"round": 2, "ter')
    assert list(log.read(path)) == [{"round": 1}]


def test_cutting(tmp_path):
    path = tmp_path / "log"
    log.append(path, {"round": 1})
    size = log.size(path)
    log.append(path, {"round": 2})
    assert log.cut(path, size)
    assert list(log.read(path)) == [{"round": 1}]
    assert not log.cut(path, size + 10)
    assert log.cut(tmp_path / "none", 0)


def test_keeping_rounds(tmp_path):
    path = tmp_path / "metrics"
    for r in (1, 5, 9):
        log.append(path, {"round": r})
    log.keep_rounds(path, 5)
    assert [r["round"] for r in log.read(path)] == [1, 5]
    before = path.stat().st_mtime_ns
    log.keep_rounds(path, 5)
    assert path.stat().st_mtime_ns == before
