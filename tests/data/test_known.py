"""Known data sets: the layout they are found in, their splits, and what is said where they are not."""

import hashlib
import io
import os
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.test_idx import idx
from zerosum.data import known, mirrors, open_data
from zerosum.data.mirrors import Remote
from zerosum.errors import DataError

ROOT = os.environ.get("ZEROSUM_DATA")

CIFAR10 = ("cifar-10-batches-bin", "cifar-10-binary.tar.gz", "cifar10_jpeg.npz")


def real(name):
    """The root, where the real data set lies there; else the test is skipped with the reason."""
    from pathlib import Path

    if ROOT is None or not (Path(ROOT) / name).is_dir():
        pytest.skip(f"{name} is not there (set ZEROSUM_DATA to a folder that holds it)")
    return Path(ROOT)


def mnist(root, name="mnist", train=60_000, test=10_000, pack=bytes):
    """The four files of an MNIST of random noise, one pixel each; the label is the pixel's last digit."""
    import gzip

    folder = root / name
    folder.mkdir(parents=True)
    ending = ".gz" if pack is gzip.compress else ""
    for part, n in (("train", train), ("t10k", test)):
        x = (np.arange(n) % 251).astype(np.uint8).reshape(n, 1, 1)
        (folder / f"{part}-images-idx3-ubyte{ending}").write_bytes(pack(idx(x)))
        (folder / f"{part}-labels-idx1-ubyte{ending}").write_bytes(pack(idx((x.reshape(n) % 10).astype(np.uint8))))
    return root


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_splits_of_mnist(tmp_path, name):
    root = mnist(tmp_path, name)
    for split, start, count in (("train", 0, 50_000), ("valid", 50_000, 10_000), ("test", 0, 10_000)):
        data = open_data(name, split, root=root)
        assert data.count == count
        assert data.spec.name == name
        assert (data.spec.shape, data.spec.kind.name, data.spec.classes) == ((1, 1, 1), "image", 10)
        assert data.spec.count == 50_000
        batch = data.batch(0, count)
        expected = torch.arange(start, start + count) % 251
        torch.testing.assert_close(batch["x"].flatten() * 255, expected.float())
        assert batch["label"].tolist() == (expected % 10).tolist()


def test_the_root_comes_from_the_environment(tmp_path, monkeypatch):
    mnist(tmp_path)
    monkeypatch.setenv("ZEROSUM_DATA", str(tmp_path))
    assert open_data("mnist").count == 50_000
    monkeypatch.delenv("ZEROSUM_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert known.data_root() == tmp_path / "cache" / "zerosum"
    assert known.data_root(tmp_path) == tmp_path


def test_changed_files_are_read_anew(tmp_path):
    root = mnist(tmp_path)
    before = open_data("mnist", "test", root=root).fingerprint
    assert open_data("mnist", "test", root=root).fingerprint == before
    file = tmp_path / "mnist" / "t10k-labels-idx1-ubyte"
    file.write_bytes(idx(np.zeros(10_000, np.uint8)))
    os.utime(file, (1, 1))
    assert open_data("mnist", "test", root=root).fingerprint != before


def test_usps(tmp_path):
    (tmp_path / "usps").mkdir()
    x = np.linspace(-1, 1, 1500 * 256, dtype=np.float32).reshape(1500, 16, 16)
    y = np.zeros(1500, np.uint8)
    np.savez(tmp_path / "usps" / "usps.npz", x_train=x, y_train=y, x_test=x[:7], y_test=y[:7])
    train = open_data("usps", root=tmp_path)
    assert (train.count, open_data("usps", "valid", root=tmp_path).count) == (500, 1000)
    assert open_data("usps", "test", root=tmp_path).count == 7
    assert train.batch(0, 500)["x"].shape == (500, 1, 16, 16)
    both = (("train", 500), ("valid", 1000))
    everything = torch.cat([open_data("usps", split, root=tmp_path).batch(0, n)["x"] for split, n in both])
    assert (float(everything.min()), float(everything.max())) == (0, 1)


@pytest.mark.fault
def test_usps_damaged_or_absent(tmp_path):
    with pytest.raises(DataError, match=r"data 'usps' is not at .*usps.npz, and no mirror.* say with --data-root"):
        open_data("usps", root=tmp_path)
    (tmp_path / "usps").mkdir()
    np.savez(tmp_path / "usps" / "usps.npz", x_train=np.zeros((2, 16, 16)))
    with pytest.raises(DataError, match=r"usps.npz is damaged"):
        open_data("usps", root=tmp_path)
    (tmp_path / "usps" / "usps.npz").write_bytes(b"PK\3\4 cut")
    with pytest.raises(DataError, match=r"usps.npz is damaged"):
        open_data("usps", root=tmp_path)


def cifar(n=10_000):
    """The six files of CIFAR-10's binary version: record i of file f has the label (f + i) % 10 and pixels f."""
    files = {}
    for f, name in enumerate([*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]):
        rows = np.full((n, 3073), f, np.uint8)
        rows[:, 0] = (f + np.arange(n)) % 10
        rows[:, 1] = 200  # red of the first pixel
        files[name] = rows.tobytes()
    return files


@pytest.mark.parametrize("form", ["unpacked", "archive"])
def test_cifar10(tmp_path, form):
    folder = tmp_path / "cifar10"
    folder.mkdir()
    if form == "unpacked":
        (folder / "cifar-10-batches-bin").mkdir()
        for name, data in cifar().items():
            (folder / "cifar-10-batches-bin" / name).write_bytes(data)
    else:
        with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz", compresslevel=1) as tar:
            for name, data in cifar().items():
                info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    for split, count, last in (("train", 40_000, 3), ("valid", 10_000, 4), ("test", 10_000, 5)):
        data = open_data("cifar10", split, root=tmp_path)
        assert (data.spec.name, data.spec.shape, data.count) == ("cifar10", (3, 32, 32), count)
        batch = data.batch(count - 1, 1)
        assert int(batch["label"]) == (last + 9999) % 10
        assert (batch["x"][0, :, 0, 0] * 255).round().tolist() == [200, last, last]


@pytest.mark.fault
def test_cifar10_damaged(tmp_path):
    folder = tmp_path / "cifar10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    with pytest.raises(DataError, match=r"cifar-10-batches-bin lacks data_batch_1.bin; get it anew"):
        open_data("cifar10", root=tmp_path)
    (folder / "data_batch_1.bin").write_bytes(b"\0" * 3073)
    with pytest.raises(DataError, match=r"data_batch_1.bin in .* has 3073 bytes, not 30730000"):
        open_data("cifar10", root=tmp_path)
    folder.rename(tmp_path / "elsewhere")
    (tmp_path / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(b"\x1f\x8b garbage")
    with pytest.raises(DataError, match=r"cifar-10-binary.tar.gz is damaged"):
        open_data("cifar10", root=tmp_path)


def test_cifar10_from_jpeg_is_called_so(tmp_path):
    out = io.BytesIO()
    Image.new("RGB", (32, 32), (255, 0, 0)).save(out, "JPEG", quality=95)
    one = np.frombuffer(out.getvalue(), np.uint8)
    arrays = {}
    for part, n in (("train", 10_003), ("test", 2)):
        arrays |= {
            f"jpeg_{part}": np.tile(one, n),
            f"off_{part}": np.arange(n + 1) * len(one),
            f"y_{part}": np.zeros(n, np.uint8),
        }
    (tmp_path / "cifar10").mkdir()
    np.savez(tmp_path / "cifar10" / "cifar10_jpeg.npz", **arrays)
    data = open_data("cifar10", root=tmp_path)
    assert (data.spec.name, data.count) == ("cifar10-jpeg", 3)
    assert (data.batch(0, 1)["x"][0, :, 5, 5] * 255).round().tolist() == [254, 0, 0]
    np.savez(tmp_path / "cifar10" / "cifar10_jpeg.npz", **(arrays | {"jpeg_test": np.zeros(9, np.uint8)}))
    with pytest.raises(DataError, match=r"cifar10_jpeg.npz is damaged"):
        open_data("cifar10", root=tmp_path)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_real_files(name):
    root = real(name)
    for file in mirrors.FILES[name]:
        assert hashlib.sha256((root / name / file.name).read_bytes()).hexdigest() == file.sha256
    train, test = open_data(name, root=root), open_data(name, "test", root=root)
    assert (train.count, train.spec.shape, test.count) == (50_000, (1, 28, 28), 10_000)
    labels = torch.bincount(test.batch(0, 10_000)["label"], minlength=10).tolist()
    assert labels == ([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009] if name == "mnist" else [1000] * 10)


@pytest.mark.parametrize(("name", "counts"), [("usps", (6291, 1000, 2007)), ("cifar10", (40_000, 10_000, 10_000))])
def test_the_real_usps_and_cifar10(name, counts):
    root = real(name)
    if name == "cifar10" and not any((root / name / file).exists() for file in CIFAR10):
        pytest.skip(f"the folder of cifar10 has none of {', '.join(CIFAR10)}")
    for split, count in zip(("train", "valid", "test"), counts, strict=True):
        data = open_data(name, split, root=root)
        assert data.count == count
        x = data.batch(0, 50)["x"]
        assert 0 <= float(x.min()) < 0.1
        assert 0.9 < float(x.max()) <= 1


def test_mirrors_are_where_the_house_says():
    """Every file of every known data set that is fetched has a SHA-256 and an address."""
    assert set(mirrors.FILES) == set(mirrors.MIRRORS)
    for name, files in mirrors.FILES.items():
        assert all(len(file.sha256) == 64 and isinstance(file, Remote) for file in files)
        assert all(address.startswith("http") and address.endswith("/") for address in mirrors.MIRRORS[name])
