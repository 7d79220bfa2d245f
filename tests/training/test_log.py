"""Logs: appended, cut, torn."""

import json
import math
import os
from pathlib import Path

import pytest

from tests.children import finish
from zerosum.errors import RunError
from zerosum.training import files, log


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


def test_the_next_line_does_not_continue_a_torn_one(tmp_path):
    path = tmp_path / "log"
    log.append(path, {"round": 1})
    for torn in (b'{"round": 2, "ter', b"{"):
        path.write_bytes(path.read_bytes() + torn)
        log.append(path, {"round": 3})
    assert [r["round"] for r in log.read(path)] == [1, 3, 3]
    path.write_bytes(b'{"all of it')
    log.append(path, {"round": 4})
    assert list(log.read(path)) == [{"round": 4}]


def test_a_damaged_line_is_named(tmp_path):
    (tmp_path / "log").write_bytes(b'{"round": 1}\n{"round" 2}\n')
    with pytest.raises(RunError, match=r"line 2 of .*log is damaged; remove that line"):
        list(log.read(tmp_path / "log"))


@pytest.mark.fault
@pytest.mark.skipif(os.name != "posix", reason="a limit on file sizes")
@pytest.mark.parametrize("line", [200, 20_000])
def test_fault_2_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path, line):
    """A real write that stops half way: the kernel takes the bytes up to the limit and refuses the rest."""
    assert finish(append_past_the_limit, line) == 0
    assert Path("log").read_bytes() == b"x" * 4090 + b"\n"


def append_past_the_limit(line):
    import resource

    Path("log").write_bytes(b"x" * 4090 + b"\n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        files.append(Path("log"), b"y" * line + b"\n")
    except OSError:
        return 0
    return 1


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
