"""The run folder: claimed, compared, probed (faults 14 and 15)."""

import errno
import json
import os
import platform
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.children import command_line, finish, output, start, wait_for
from zerosum.errors import ConfigError, RunError
from zerosum.training import files
from zerosum.training.folder import FORMAT, LOCK, Lock, RunFolder, read_record

RECORD = {
    "recipe": "vanilla",
    "config": {"k": 1, "learning_rate": 0.001},
    "data": {"fingerprint": "f", "spec": {"name": "digits"}},
    "seed": 0,
    "device": "cpu",
    "threads": 2,
}


def claim(path, record=RECORD, **kwargs):
    folder = RunFolder.claim(path, record, **kwargs)
    folder.release()
    return folder


def test_a_new_folder_gets_its_record(tmp_path):
    claim(tmp_path / "deep" / "run")
    assert read_record(tmp_path / "deep" / "run") == {**RECORD, "format": FORMAT}
    assert sorted(p.name for p in (tmp_path / "deep" / "run").iterdir()) == ["config.json", "run.lock"]


def test_the_same_run_is_taken_up_with_what_was_recorded(tmp_path):
    claim(tmp_path / "run")
    assert claim(tmp_path / "run", {**RECORD, "threads": 7}).record["threads"] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 3}, "seed was 0, now 3"),
        ({"recipe": "mlp_gan", "config": {"gamma": 1}}, r"another run \(recipe was vanilla, now mlp_gan\)"),
        ({"config": {"k": 5, "learning_rate": 0.001}}, r"another run \(k was 1, now 5\)"),
        (
            {"config": {"k": 5, "hidden": 8}},
            "k was 1, now 5; learning_rate was 0.001, now None; hidden was None, now 8",
        ),
        ({"data": {"fingerprint": "g", "spec": {"name": "ring"}}}, "data was digits, now ring"),
        (
            {"data": {"fingerprint": "g", "spec": {"name": "digits"}}},
            "data was digits, of the same name but other content",
        ),
    ],
)
def test_another_run_is_refused_with_what_differs(tmp_path, change, message):
    claim(tmp_path / "run")
    before = (tmp_path / "run" / "config.json").read_bytes()
    with pytest.raises(ConfigError, match=message):
        claim(tmp_path / "run", {**RECORD, **change})
    assert (tmp_path / "run" / "config.json").read_bytes() == before


def test_fresh_moves_the_old_run_and_deletes_nothing(tmp_path):
    claim(tmp_path / "run")
    for n in (1, 2):
        folder = claim(tmp_path / "run", {**RECORD, "seed": n}, fresh=True)
        assert folder.notices == [f"moved the old run to {tmp_path / f'run.old-{n}'}."]
    assert [read_record(tmp_path / name)["seed"] for name in ("run", "run.old-1", "run.old-2")] == [2, 0, 1]
    assert claim(tmp_path / "new", fresh=True).notices == []


def test_amendments_are_kept(tmp_path):
    folder = RunFolder.claim(tmp_path / "run", RECORD)
    assert folder.amend(40, {"threads": 2}) == []
    (said,) = folder.amend(40, {"threads": 4, "device": "cpu"})
    folder.release()
    assert said == "threads changed from 2 to 4: bits may differ from here on."
    record = read_record(tmp_path / "run")
    assert record["threads"] == 4
    assert record["amendments"] == [{"round": 40, "what": "threads", "from": 2, "to": 4}]


def test_a_folder_of_an_older_version_is_answered_with_that_version(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({**RECORD, "zerosum": "0.1.0"}))
    with pytest.raises(RunError, match=r"was made by zerosum 0\.1\.0, whose run folders .* does not read; .* --fresh"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"recipe": "vanilla"}', "null", "3", '{"recipe": 1, "config": {}, "data": {}, "seed": 0}']
)
def test_a_record_that_is_none_is_named(tmp_path, text):
    claim(tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text(text)
    with pytest.raises(RunError, match=r"config.json cannot be read as the record of a run; .* --fresh"):
        claim(tmp_path / "run")
    claim(tmp_path / "run", fresh=True)  # the remedy it names
    assert (tmp_path / "run.old-1" / "config.json").read_text() == text


@pytest.mark.fault
def test_fault_4_no_flipped_bit_of_a_record_is_silent(tmp_path):
    """In settings and identity alike; the digest's own name is the one place where a flip loses only the protection."""
    claim(tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    whole = file.read_bytes()
    generator = random.Random(0)
    for flip in (generator.randrange(8 * len(whole)) for _ in range(200)):
        damaged = bytearray(whole)
        damaged[flip // 8] ^= 1 << (flip % 8)
        file.write_bytes(damaged)
        try:
            record = read_record(tmp_path / "run")
        except RunError:
            continue
        assert {key: record.get(key) for key in RECORD} == RECORD


def test_a_change_of_ones_own_can_be_accepted(tmp_path):
    claim(tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    file.write_text(file.read_text().replace('"threads": 2', '"threads": 6'))
    with pytest.raises(RunError, match=r"was changed after it was written; .* remove its line 'sha256' to accept it"):
        claim(tmp_path / "run")
    record = json.loads(file.read_text())
    del record["sha256"]
    file.write_text(json.dumps(record))
    assert claim(tmp_path / "run").record["threads"] == 6


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(RunError, match=r"is not empty and holds no run; choose another path"):
        claim(tmp_path)
    with pytest.raises(RunError, match=r"is not empty and holds no run"):
        claim(tmp_path, fresh=True)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


# Fault 14: places that cannot be written


@pytest.mark.fault
def test_fault_14_out_is_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="file is a file; choose another path"):
        claim(tmp_path / "file")
    with pytest.raises(RunError, match=r"cannot be written \(Not a directory\)"):
        claim(tmp_path / "file" / "run")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.fault
def test_fault_14_a_path_too_long(tmp_path):
    with pytest.raises(RunError, match=r"cannot be written \(File name too long\)"):
        claim(tmp_path / ("x" * 300))


@pytest.mark.fault
@pytest.mark.parametrize("call", ["make_folder", "write", "rename", "replace"])
@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES], ids=errno.errorcode.get)
def test_fault_14_a_disk_that_refuses_is_found_before_round_1(tmp_path, monkeypatch, call, code):
    def refuse(*args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files, call, refuse)
    with pytest.raises(RunError, match=rf"--out .*run cannot be written \({os.strerror(code)}\)"):
        claim(tmp_path / "run")
    monkeypatch.undo()
    claim(tmp_path / "run")  # and nothing is left that would stand in the way


def mounted(folder, *options):
    """Mount a small file system, where this is permitted."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.decode().strip()}")


@pytest.fixture
def unmount():
    mounts = []
    yield mounts.append
    for folder in mounts:
        subprocess.run(["umount", "-l", str(folder)], check=False)


TRAIN = ("train", "vanilla", "--rounds", "5", "--out", "disk/run")


@pytest.mark.fault
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize(
    ("options", "cause"), [(["-o", "ro"], "Read-only file system"), (["-o", "nr_inodes=4"], "No space left on device")]
)
def test_fault_14_a_real_disk_that_cannot_be_written(tmp_path, unmount, options, cause):
    mounted(tmp_path / "disk", *options)
    unmount(tmp_path / "disk")
    assert finish(command_line, *TRAIN) == 4
    assert f"zerosum: --out disk/run cannot be written ({cause}); choose another path or make room." in output()


@pytest.mark.fault
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")
def test_fault_2_a_real_disk_that_fills_up(tmp_path, unmount):
    """A checkpoint fits, three do not: training stops with exit 4, and continues from the last good one with room."""
    mounted(tmp_path / "disk", "-o", "size=20m")
    unmount(tmp_path / "disk")
    words = ("train", "vanilla", "--out", "disk/run", "--hidden", "2000", "--save-every", "2", "--log-every", "1")
    assert finish(command_line, *words, "--rounds", "30") == 4
    said = output()
    assert "training goes on" in said
    assert "a checkpoint needs" in said
    assert "make room and give the same command again" in said
    assert os.listdir(tmp_path / "disk" / "run" / "checkpoints")
    subprocess.run(["mount", "-o", "remount,size=100m", str(tmp_path / "disk")], check=True)
    assert finish(command_line, *words, "--rounds", "30") == 0, output()
    assert finish(command_line, *(w.replace("disk/run", "unbroken") for w in words), "--rounds", "30") == 0
    name = "checkpoints/round-30/game.safetensors"
    assert (tmp_path / "disk/run" / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()


# Fault 15: two runs in one folder


@pytest.mark.fault
def test_fault_15_a_second_training_in_the_folder_is_refused():
    words = ("train", "vanilla", "--out", "run", "--rounds", "10000000")
    child = start(command_line, *words)
    wait_for(lambda: os.path.exists("run/log.jsonl"))
    assert finish(command_line, *words) == 4
    assert finish(command_line, *words, "--fresh") == 4
    said = output()
    assert said.count(f"being trained by process {child.pid} on ") == 2
    assert child.exitcode is None
    child.kill()
    child.join()
    assert finish(command_line, "train", "vanilla", "--out", "run", "--rounds", "3") == 0
    assert f"took over the lock of process {child.pid} on " in output()
    assert read_record(Path("run"))["recipe"] == "vanilla"


@pytest.mark.fault
def test_a_second_holder_is_told_who_has_it(tmp_path):
    lock = Lock(tmp_path)
    with pytest.raises(RunError, match=rf"being trained by process {os.getpid()} on {platform.node()} since 20"):
        Lock(tmp_path)
    lock.release()
    again = Lock(tmp_path)
    assert again.notice is None
    again.release()
    again.release()


@pytest.mark.fault
def test_a_lock_left_by_a_dead_process_is_taken_over(tmp_path):
    code = (
        "import os, pathlib, zerosum.training.folder as l;"
        f"l.Lock(pathlib.Path({str(tmp_path)!r})); print(os.getpid(), flush=True); os._exit(9)"
    )
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout.strip()
    lock = Lock(tmp_path)
    assert f"took over the lock of process {dead} on {platform.node()}" in lock.notice
    assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    lock.release()


@pytest.mark.fault
def test_a_lock_of_another_host_is_respected(tmp_path):
    (tmp_path / LOCK).write_text(json.dumps({"pid": 1, "host": "elsewhere", "start": "2026-01-01"}))
    with pytest.raises(
        RunError, match=r"process 1 on elsewhere since 2026-01-01, on another host; .* remove .*run.lock"
    ):
        Lock(tmp_path)
    (tmp_path / LOCK).unlink()
    Lock(tmp_path).release()


@pytest.mark.fault
def test_a_lock_with_garbage_in_it_is_taken_over(tmp_path):
    (tmp_path / LOCK).write_bytes(b"\xff\x00 not json")
    lock = Lock(tmp_path)
    assert lock.notice is not None
    lock.release()
