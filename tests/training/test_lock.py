"""The lock of a run folder (fault 15)."""

import json
import os
import platform
import subprocess
import sys

import pytest

from zerosum.errors import RunError
from zerosum.training.lock import NAME, Lock

pytestmark = pytest.mark.fault


def test_a_second_holder_is_told_who_has_it(tmp_path):
    lock = Lock(tmp_path)
    with pytest.raises(RunError, match=rf"being trained by process {os.getpid()} on {platform.node()} since 20"):
        Lock(tmp_path)
    lock.release()
    again = Lock(tmp_path)
    assert again.notice is None
    again.release()
    again.release()


def test_a_lock_left_by_a_dead_process_is_taken_over(tmp_path):
    code = (
        "import os, pathlib, zerosum.training.lock as l;"
        f"l.Lock(pathlib.Path({str(tmp_path)!r})); print(os.getpid(), flush=True); os._exit(9)"
    )
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout.strip()
    lock = Lock(tmp_path)
    assert f"took over the lock of process {dead} on {platform.node()}" in lock.notice
    assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    lock.release()


def test_a_lock_of_another_host_is_respected(tmp_path):
    (tmp_path / NAME).write_text(json.dumps({"pid": 1, "host": "elsewhere", "start": "2026-01-01"}))
    with pytest.raises(
        RunError, match=r"process 1 on elsewhere since 2026-01-01, on another host; .* remove .*run.lock"
    ):
        Lock(tmp_path)
    (tmp_path / NAME).unlink()
    Lock(tmp_path).release()


def test_a_lock_with_garbage_in_it_is_taken_over(tmp_path):
    (tmp_path / NAME).write_bytes(b"\xff\x00 not json")
    lock = Lock(tmp_path)
    assert lock.notice is not None
    lock.release()
