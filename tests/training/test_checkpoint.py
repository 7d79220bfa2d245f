"""Checkpoints: committed whole, verified by digests, set aside when damaged (faults 1, 3, 4, 5, 6)."""

import errno
import hashlib
import json
import os
import pickle
import random
import shutil

import pytest
import safetensors.torch
import torch

import zerosum
from zerosum.errors import RunError
from zerosum.training import checkpoint, files
from zerosum.training.checkpoint import FORMAT, KEPT, MANIFEST, TENSORS, Checkpoints, digest

CONFIG = "c" * 64


def tensors(round):
    return {"networks/net/weight": torch.full((40, 5), float(round)), "round": torch.tensor(round)}


def saved(folder, *rounds):
    checkpoints = Checkpoints(folder, CONFIG)
    for r in rounds:
        checkpoints.save(r, tensors(r), {"seconds": 1.5 * r, "log": 0, "examples": 0})
    return checkpoints


def rewrite(path, change):
    """Edit a manifest and sign it anew, as somebody who knows the format could."""
    content = json.loads((path / MANIFEST).read_text())
    del content["sha256"]
    change(content)
    content["sha256"] = digest(content)
    (path / MANIFEST).write_text(json.dumps(content, sort_keys=True, indent=1) + "\n")


def test_round_trip(tmp_path):
    saved(tmp_path, 3)
    checkpoint = Checkpoints(tmp_path, CONFIG).load()
    assert torch.equal(checkpoint.tensors["networks/net/weight"], torch.full((40, 5), 3.0))
    assert checkpoint.facts["seconds"] == 4.5
    assert checkpoint.facts["zerosum"] == zerosum.__version__
    assert checkpoint.damaged == []
    assert (tmp_path / "latest").read_text() == "round-3\n"


def test_no_checkpoint_is_none(tmp_path):
    assert Checkpoints(tmp_path / "none", CONFIG).load() is None


def test_old_ones_go_and_the_last_ones_stay(tmp_path):
    saved(tmp_path, *range(1, 8))
    assert Checkpoints(tmp_path, CONFIG).rounds() == [7, 6, 5][:KEPT]


def test_the_last_two_that_verified_are_never_pruned(tmp_path):
    """Newer ones that were not verified do not count."""
    checkpoints = saved(tmp_path, 1, 2)
    for r in (3, 4, 5):
        shutil.copytree(tmp_path / "round-2", tmp_path / f"round-{r}")
    checkpoints._verified = {tmp_path / "round-1", tmp_path / "round-2"}
    checkpoints._prune()
    assert checkpoints.rounds() == [5, 4, 3, 2, 1]


def test_the_same_round_is_saved_once(tmp_path):
    checkpoints = saved(tmp_path, 1)
    before = (tmp_path / "round-1" / MANIFEST).stat().st_mtime_ns
    checkpoints.save(1, tensors(1), {"seconds": 9, "log": 0})
    assert (tmp_path / "round-1" / MANIFEST).stat().st_mtime_ns == before


def test_tensors_that_share_memory_are_saved(tmp_path):
    """Tied weights."""
    weight = torch.randn(4, 4)
    Checkpoints(tmp_path, CONFIG).save(1, {"a": weight, "b": weight, "c": weight.t()}, {"seconds": 0, "log": 0})
    back = Checkpoints(tmp_path, CONFIG).load().tensors
    assert torch.equal(back["b"], weight)
    assert torch.equal(back["c"], weight.t())


def test_an_explicit_round(tmp_path):
    saved(tmp_path, 1, 2, 3)
    assert Checkpoints(tmp_path, CONFIG).load(2).facts["round"] == 2
    with pytest.raises(RunError, match=r"no checkpoint of round 7 \(there are: 3, 2, 1\)"):
        Checkpoints(tmp_path, CONFIG).load(7)


# Damage


def assert_falls_back(folder, message):
    """The newest is passed over with a sentence, the one before is used; asked for by name it is an error."""
    with pytest.raises(RunError, match=message):
        Checkpoints(folder, CONFIG).load(2)
    checkpoint = Checkpoints(folder, CONFIG).load(set_aside=True)
    assert checkpoint.facts["round"] == 1
    (sentence,) = checkpoint.damaged
    assert "round-2 is damaged" in sentence
    assert not (folder / "round-2").exists()
    assert (folder / "round-2.damaged-1").exists()
    assert Checkpoints(folder, CONFIG).load().damaged == []


@pytest.mark.fault
@pytest.mark.parametrize("file", [TENSORS, MANIFEST])
@pytest.mark.parametrize("part", range(16))
def test_fault_3_a_truncated_file_is_rejected(tmp_path, file, part):
    saved(tmp_path, 1, 2)
    path = tmp_path / "round-2" / file
    os.truncate(path, path.stat().st_size * part // 16)
    assert_falls_back(
        tmp_path, rf"round-2 is damaged: {file} (has \d+ bytes of \d+|is empty|does not match its SHA-256)"
    )


@pytest.mark.fault
@pytest.mark.parametrize("file", [TENSORS, MANIFEST])
def test_fault_4_no_flipped_bit_is_silent(tmp_path, file, request):
    saved(tmp_path, 1, 2)
    path = tmp_path / "round-2" / file
    whole = path.read_bytes()
    generator = random.Random(0)
    flips = [generator.randrange(8 * len(whole)) for _ in range(200)]
    for flip in flips:
        damaged = bytearray(whole)
        damaged[flip // 8] ^= 1 << (flip % 8)
        path.write_bytes(damaged)
        checkpoint = Checkpoints(tmp_path, CONFIG).load()
        assert checkpoint.facts["round"] == 1
        assert file in checkpoint.damaged[0]


@pytest.mark.fault
def test_fault_5_a_missing_manifest(tmp_path):
    saved(tmp_path, 1, 2)
    (tmp_path / "round-2" / MANIFEST).unlink()
    assert_falls_back(tmp_path, "manifest.json is missing")


@pytest.mark.fault
def test_fault_5_missing_tensors(tmp_path):
    saved(tmp_path, 1, 2)
    (tmp_path / "round-2" / TENSORS).unlink()
    assert_falls_back(tmp_path, "game.safetensors is missing")


@pytest.mark.fault
@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', "{}", "[" * 100_000])
def test_fault_5_a_manifest_that_is_none(tmp_path, text):
    saved(tmp_path, 1, 2)
    (tmp_path / "round-2" / MANIFEST).write_text(text)
    assert_falls_back(tmp_path, "manifest.json (is empty|does not match its SHA-256)")


@pytest.mark.fault
def test_fault_5_a_future_version_is_an_error_of_its_own(tmp_path):
    saved(tmp_path, 1, 2)
    rewrite(tmp_path / "round-2", lambda m: m.update(format=FORMAT + 1, zerosum="99.0"))
    with pytest.raises(RunError, match=rf"made by zerosum 99.0, this is {zerosum.__version__}; upgrade"):
        Checkpoints(tmp_path, CONFIG).load(set_aside=True)
    assert (tmp_path / "round-2").exists()


@pytest.mark.fault
def test_fault_5_a_checkpoint_of_another_run(tmp_path):
    saved(tmp_path, 1)
    with pytest.raises(RunError, match=r"does not belong to the config.json of its run"):
        Checkpoints(tmp_path, "d" * 64).load(set_aside=True)
    assert (tmp_path / "round-1").exists()


@pytest.mark.fault
def test_none_intact_is_an_error(tmp_path):
    saved(tmp_path, 1, 2)
    for r in (1, 2):
        (tmp_path / f"round-{r}" / TENSORS).write_bytes(b"")
    with pytest.raises(RunError, match=r"no checkpoint in .* can be used \(round-2 .*; round-1 .*\); .* --fresh"):
        Checkpoints(tmp_path, CONFIG).load()


class Malicious:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


@pytest.mark.fault
@pytest.mark.parametrize("form", ["pickle", "torch.save"])
@pytest.mark.parametrize("signed", [False, True], ids=["as found", "with a manifest made for it"])
def test_fault_6_a_pickle_is_never_opened(tmp_path, form, signed):
    marker = tmp_path / "executed"
    saved(tmp_path / "c", 1, 2)
    path = tmp_path / "c" / "round-2" / TENSORS
    if form == "pickle":
        path.write_bytes(pickle.dumps(Malicious(marker)))
    else:
        torch.save(Malicious(marker), path)
    data = path.read_bytes()
    for name in ("weights.pt", "weights.pth"):
        (tmp_path / "c" / "round-2" / name).write_bytes(data)
    if signed:
        facts = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        rewrite(tmp_path / "c" / "round-2", lambda m: m["files"].update({TENSORS: facts}))
    assert_falls_back(tmp_path / "c", r"is a pickle or a zip, which is never opened|has \d+ bytes of \d+")
    assert not marker.exists()


@pytest.mark.fault
def test_fault_6_any_other_file_with_a_right_digest_is_refused_by_its_format(tmp_path):
    saved(tmp_path, 1, 2)
    data = b"\x00" * 1000
    (tmp_path / "round-2" / TENSORS).write_bytes(data)
    facts = {"size": 1000, "sha256": hashlib.sha256(data).hexdigest()}
    rewrite(tmp_path / "round-2", lambda m: m["files"].update({TENSORS: facts}))
    assert_falls_back(tmp_path, "is no safetensors file")


# Errors of the disk, injected at our own file calls

CALLS = ("make_folder", "write", "sync", "rename", "replace", "remove")


@pytest.mark.fault
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=errno.errorcode.get)
def test_fault_2_a_disk_that_refuses_leaves_the_checkpoints_before(tmp_path, monkeypatch, call, code):
    checkpoints = saved(tmp_path, 1, 2, 3)
    real = getattr(files, call)

    def refuse(*args):
        if call == "write":
            real(args[0], args[1][: len(args[1]) // 2])
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files, call, refuse)
    with pytest.raises(OSError, match=os.strerror(code)):
        checkpoints.save(4, tensors(4), {"seconds": 0, "log": 0})
    monkeypatch.undo()
    fresh = Checkpoints(tmp_path, CONFIG)
    fresh.sweep()
    assert fresh.load().facts["round"] in (3, 4)
    assert fresh.load(3).damaged == []
    assert not list(tmp_path.glob("*.tmp-*"))
    saved(tmp_path, 5)
    assert Checkpoints(tmp_path, CONFIG).load().facts["round"] == 5


@pytest.mark.fault
def test_fault_2_no_room_is_said_before_writing(tmp_path, monkeypatch):
    checkpoints = saved(tmp_path, 1)
    monkeypatch.setattr(files, "free", lambda path: 1000)
    with pytest.raises(OSError, match=r"a checkpoint needs 1.0 MiB, the disk has 0.0 MiB"):
        checkpoints.save(2, tensors(2), {"seconds": 0, "log": 0})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest", "round-1"]


def test_the_format_of_tensors_is_safetensors(tmp_path):
    saved(tmp_path, 1)
    loaded = safetensors.torch.load_file(tmp_path / "round-1" / TENSORS)
    assert torch.equal(loaded["round"], torch.tensor(1))


def test_tensors_whose_header_begins_like_a_pickle_are_tensors(tmp_path):
    """The header's length is a multiple of 8, so that one in 32 begins with the byte 128."""
    written = (safetensors.torch.save({"x" * n: torch.ones(1)}) for n in range(1, 300))
    data = next(data for data in written if data[:1] == b"\x80")
    path = tmp_path / TENSORS
    path.write_bytes(data)
    assert checkpoint._verify(path, {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}) == data
