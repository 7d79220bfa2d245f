"""Tar shards: the same images in the same order as from their folder, as webdataset has them, and what may break."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zerosum as zs
from tests.cli.commands import answer
from tests.data.test_images import noise
from tests.data.test_scan import put
from zerosum.data import open_data
from zerosum.errors import DataError


@pytest.fixture(params=[1, 3, 4])
def channels(request):
    return request.param


def source(channels=3, n=25):
    """Two folders of images, and how they are asked for."""
    put("mine", {f"{'ab'[i % 2]}/{i:02}.png": noise(8, 8, *[channels][: channels > 1], seed=i) for i in range(n)})
    return {1: "mine", 3: "mine[size=6]", 4: "mine[colour=rgba]"}[channels]


def test_every_batch_is_that_of_the_folder(channels):
    name = source(channels)
    assert zs.pack(name, "packed", shard=7) == 4
    for split in ("train", "valid", "test"):
        folder, packed = (open_data(n, split, seed=5) for n in (name, "packed"))
        assert packed.spec == folder.spec
        assert packed.fingerprint == folder.fingerprint
        for position in (0, 3, 40):
            one, other = folder.batch(position, 16), packed.batch(position, 16)
            assert one.keys() == other.keys() == {"x", "label"}
            assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_run_begun_on_the_folder_goes_on_with_its_shards():
    """To the bits of one that never changed: the same examples are the same data."""
    name = source()
    zs.pack(name, "packed")
    settings = {"batch_size": 8, "hidden": 4, "latent": 2, "progress": False}
    zs.train("mlp_gan", data=name, rounds=5, out="run", **settings)
    zs.train("mlp_gan", data="packed", rounds=9, out="run", **settings)
    zs.train("mlp_gan", data=name, rounds=9, out="whole", **settings)
    weights = [Path(out, "checkpoints/round-9/game.safetensors").read_bytes() for out in ("run", "whole")]
    assert weights[0] == weights[1]


def test_shards_are_plain_tars_of_numbered_images_and_classes():
    """What webdataset groups by name: all that comes before the first dot is one sample."""
    name = source()
    zs.pack(name, "packed", shard=10)
    data, seen = open_data(name), []
    for shard in sorted(Path("packed").glob("*.tar")):
        with tarfile.open(shard) as tar:
            members = tar.getmembers()
            assert [m.name.partition(".")[2] for m in members] == ["png", "cls"] * (len(members) // 2)
            for png, cls in zip(members[::2], members[1::2], strict=True):
                assert png.name[:9] == cls.name[:9]
                seen.append((int(png.name[:9]), int(tar.extractfile(cls).read()), tar.extractfile(png).read()))
    assert [number for number, _, _ in seen] == list(range(25))
    assert [label for _, label, _ in seen] == data.label.tolist()
    for number, _, png in seen:
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))).transpose(2, 0, 1), data.x[number].numpy())


def test_without_labels_there_are_no_classes():
    put("mine", {f"{i}.png": noise(4, 4, seed=i) for i in range(12)})
    zs.pack("mine", "packed")
    assert open_data("packed").spec.classes is None
    with tarfile.open("packed/shard-000000.tar") as tar:
        assert all(name.endswith(".png") for name in tar.getnames())


@pytest.mark.fault
def test_what_breaks_is_named():
    name = source()
    zs.pack(name, "packed", shard=10)
    with pytest.raises(DataError, match="packed is there already; give the name of a folder to make"):
        zs.pack(name, "packed")
    with pytest.raises(DataError, match=r"there is nothing at 'nowhere'"):
        zs.pack("nowhere", "other")
    with pytest.raises(DataError, match=r"packed holds shards, which are taken as they are; leave out \[size=4\]"):
        open_data("packed[size=4]")
    shard, index = Path("packed/shard-000001.tar"), Path("packed/index.json")
    whole, held = shard.read_bytes(), json.loads(index.read_text())
    shard.write_bytes(whole[:600])
    data = open_data("packed")
    with pytest.raises(DataError, match=r"packed/shard-000001.tar cannot be read \(.*\); pack the images again"):
        data.batch(0, data.count)
    shard.unlink()
    for change in (
        {"format": 9},
        {"shape": [3, 3, 6, 6]},
        {"where": [[7, 0, 1]] * 25},
        {"shards": [{"file": "../x"}] * 3},
    ):
        index.write_text(json.dumps(held | change))
        with pytest.raises(DataError, match=r"index.json is damaged \(.*\); pack the images again"):
            open_data("packed")
    index.write_text(json.dumps(held))
    with pytest.raises(DataError, match=r"packed lacks shard-000001.tar; copy it there"):
        open_data("packed")


@pytest.mark.fault
def test_a_packing_that_fails_leaves_nothing(monkeypatch):
    name = source()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zerosum.data.packed._add", full)
    with pytest.raises(DataError, match=r"shards cannot be written to packed \(No space left on device\)"):
        zs.pack(name, "packed")
    assert sorted(p.name for p in Path.cwd().iterdir()) == ["mine"]


def test_the_command(capsys):
    name = source()
    code, out, err = answer(capsys, "data", "pack", name, "packed", "--shard", "10")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "packed: 3 shards"
    assert out.splitlines()[1].endswith("train auto --data packed")
    for words, said in (
        (("pack", name), "needs the path of the images and the folder to make"),
        (("pack", name, "other", "--shard", "0"), "shard must be greater than or equal to 1, got 0"),
        (("pakc", name), "unknown thing to do with data 'pakc'; nearest: pack"),
        ((), "zerosum data needs a verb: scan or pack"),
    ):
        code, _, err = answer(capsys, "data", *words)
        assert code == 2
        assert said in err
